"""The scenes of the evening: what the offices, the hosts and the other platform do, through the services' HTTP doors.

Each scene is one coroutine; `__main__` strings them together. Judges nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from chassis.patience import patience
from contracts import metrics as declared
from evening import trace
from evening.crowd import Crowd, Opening
from evening.idle import NotAtRest
from evening.plan import Plan, Slot
from evening.stage import PLATFORM, Stage, Unplayable, host, office

Report = dict[str, Any]
_HEARD_WITHIN = 30.0
_GAUGES_WITHIN = 15.0
_CARRIER = "Village Express"
_PACKED_TONIGHT = 1_000  # orders of a county; what the shelf shop sold beyond it leaves in the morning


class Show(msgspec.Struct, frozen=True):
    """A show that stands in the programme, and the allotment of each of its slots."""

    show_id: str
    show: str
    rehearsal: bool
    allotments: dict[int, str]


async def open_market(stage: Stage, data: Path) -> dict[str, Report]:
    """Counties, hubs and items from their files. A file with a bad row is a bad start."""
    reports = {}
    for name in ("counties", "hubs", "items"):
        text = (data / f"{name}.csv").read_text(encoding="utf-8")
        reports[name] = _whole(name, await stage.tell("catalog", "POST", f"/{name}/import", PLATFORM, text=text))
    return reports


async def stock_shelf(stage: Stage, wares: list[trace.Ware]) -> dict[str, Report]:
    """The other platform's SKUs as items, and all their stock on the shelf."""
    items = await stage.tell("catalog", "POST", "/items/import", PLATFORM, text=trace.items_csv(wares))
    shelf = await stage.tell("catalog", "POST", "/allotments/import", PLATFORM, text=trace.shelf_csv(wares))
    return {"shelf items": _whole("shelf items", items), "shelf allotments": _whole("shelf allotments", shelf)}


async def plan_shows(stage: Stage, lineup: str, *, rehearsal: bool) -> tuple[list[Show], Report]:
    """The line-up's shows, as soon as broadcast has heard of every item in it."""
    query = {"rehearsal": "true"} if rehearsal else {}
    report: Report = {}
    planned: list[Report] = []

    async def import_it() -> str:
        nonlocal report, planned
        found = await stage.tell("broadcast", "POST", "/lineups/import", PLATFORM, text=lineup, params=query)
        report, planned = found, found["shows"]
        refused = found["refused"]
        if any("yet" not in row["reason"] for row in refused):
            raise Unplayable(f"the line-up has bad rows: {refused}")
        return f"broadcast does not know the items of {len(refused)} rows" if refused else ""

    await _until(import_it)
    return [Show(show["show_id"], show["show"], rehearsal, {}) for show in planned], report


async def allot(stage: Stage, plan: Plan, shows: Iterable[Show]) -> list[Show]:
    """Every county's office sets stock aside for its slots; done when orders can sell from all of it."""
    done = []
    for show in shows:
        made = {slot.number: await _allot_slot(stage, show, slot) for slot in plan.of(show.show)}
        await _until(lambda show=show, made=made: _known_to_orders(stage, show.show_id, set(made.values())))  # type: ignore[misc]
        done.append(msgspec.structs.replace(show, allotments=made))
    return done


async def _allot_slot(stage: Stage, show: Show, slot: Slot) -> str:
    body = {
        "county": slot.county,
        "sku": slot.sku,
        "quantity": slot.offered,
        "purpose": "slot",
        "show_id": show.show_id,
        "slot": slot.number,
        "per_buyer_limit": slot.limit,
    }
    key = f"{show.show_id}-{slot.number}"
    made = await stage.tell("catalog", "POST", "/allotments", office(slot.county), key=key, json=body)
    return str(made["allotment_id"])


async def _known_to_orders(stage: Stage, show_id: str, wanted: set[str]) -> str:
    listed = await stage.tell("orders", "GET", "/allotments", params={"show_id": show_id})
    missing = wanted - {row["id"] for row in listed["items"]}
    return f"orders does not know {len(missing)} allotments" if missing else ""


async def perform(stage: Stage, plan: Plan, show: Show, crowd: Crowd, moment: Callable[[Slot], object]) -> None:
    """One show from its start to its end: slots on screen in time, the audience counted, the crowd let loose."""
    slots = plan.of(show.show)
    await _start(stage, show, slots[0].county)
    began = monotonic()
    async with asyncio.TaskGroup() as room:
        room.create_task(_count_audience(stage, plan, show, began))
        for slot in slots:
            await asyncio.sleep(max(0.0, began + plan.seconds(slot.starts_min) - monotonic()))
            opening = await feature(stage, plan, show, slot)
            moment(slot)
            room.create_task(crowd.wave(opening))
        last = slots[-1]
        await asyncio.sleep(max(0.0, began + plan.seconds(last.starts_min + last.minutes) - monotonic()))
    await stage.tell("broadcast", "POST", f"/shows/{show.show_id}/end", host(slots[0].county))


async def _start(stage: Stage, show: Show, county: str) -> None:
    """The host starts as soon as the checklist is green."""

    async def start() -> str:
        answer = await stage.ask("broadcast", "POST", f"/shows/{show.show_id}/start", host(county))
        if answer.is_success:
            return ""
        if answer.status_code != 409:
            raise Unplayable(f"{show.show} cannot start: {answer.status_code} {answer.text[:500]}")
        return f"{show.show} cannot start: {answer.text[:500]}"

    await _until(start)


async def feature(stage: Stage, plan: Plan, show: Show, slot: Slot) -> Opening:
    """The slot's own county's host puts it on screen; the answer says from when until when the price holds."""
    path, body = f"/shows/{show.show_id}/slots/{slot.number}/feature", {"window_seconds": plan.window(slot)}
    key = f"{show.show_id}-{slot.number}-on-screen"
    told = await stage.tell("broadcast", "POST", path, host(slot.county), json=body, key=key)
    screen = told["on_screen"]
    return Opening(
        show=slot.show,
        slot=slot.number,
        allotment_id=screen["allotment_id"],
        opens_at=datetime.fromisoformat(screen["opens_at"]),
        closes_at=datetime.fromisoformat(screen["closes_at"]),
    )


async def _count_audience(stage: Stage, plan: Plan, show: Show, began: float) -> None:
    """The channels report how many watch, as the show goes on."""
    for sample in sorted(sample for sample in plan.samples if sample.show == show.show):
        await asyncio.sleep(max(0.0, began + sample.at - monotonic()))
        body = {"channel": sample.channel, "viewers": sample.viewers, "sampled_at": datetime.now(UTC).isoformat()}
        await stage.tell("broadcast", "POST", f"/shows/{show.show_id}/audience", PLATFORM, json=body)


async def take_shelf_orders(stage: Stage, text: str) -> Report:
    """The other platform's file, as it is: clean lines, cancellations and dirt."""
    report: Report = await stage.tell("orders", "POST", f"/channels/{trace.CHANNEL}/orders", PLATFORM, text=text)
    return report


async def pack_and_ship(stage: Stage, counties: Iterable[str], sent: Callable[[], object]) -> None:
    """Every county packs its oldest paid orders, as many as it can tonight, and hands them to a carrier."""
    for county in counties:
        own, body = office(county), {"county": county}
        await stage.tell("orders", "POST", "/parcels/pack", own, json=body | {"limit": _PACKED_TONIGHT})
        await stage.tell("orders", "POST", "/parcels/ship", own, json=body | {"carrier": _CARRIER})
        sent()


class Page(msgspec.Struct, frozen=True):
    """What a service's `/metrics` said, and how long that took."""

    text: str
    seconds: float


async def read_metrics(stage: Stage) -> dict[str, Page]:
    """The page of each service, as soon as none says any more that something is on screen.

    They look every few seconds; one that goes on saying so is taken as it is, and the audit does not mind.
    """
    deadline = monotonic() + _GAUGES_WITHIN * patience()
    while True:
        answers = {service: await stage.ask(service, "GET", "/metrics") for service in stage.urls}
        pages = {service: Page(answer.text, answer.elapsed.total_seconds()) for service, answer in answers.items()}
        if monotonic() > deadline or not any(_on_screen(page) for page in pages.values()):
            return pages
        await asyncio.sleep(0.5)


def _on_screen(page: Page) -> bool:
    return any(f"\n{name}{{" in page.text for name in (declared.FEATURED_REMAINING.name, declared.VIEWERS.name))


def totals(pages: Iterable[Page]) -> dict[str, float]:
    """Metrics as Prometheus would add them up over all labels."""
    totals: dict[str, float] = {}
    for page in pages:
        for line in page.text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.split("{")[0].split(" ")[0], line.rsplit(" ", 1)[1]
                totals[name] = totals.get(name, 0.0) + float(value)
    return totals


def _whole(name: str, report: Report) -> Report:
    if report["refused"]:
        raise Unplayable(f"{name}: {len(report['refused'])} rows were refused: {report['refused'][:3]}")
    return report


async def _until(step: Callable[[], Awaitable[str]]) -> None:
    """Try until the step has nothing more to complain of."""
    deadline = monotonic() + _HEARD_WITHIN * patience()
    while complaint := await step():
        if monotonic() > deadline:
            raise NotAtRest(complaint)
        await asyncio.sleep(0.1)
