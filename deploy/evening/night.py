"""One evening from the empty market to the audit: which scene follows which, and how long each took. Judges nothing.

Everything goes through the services' doors until the house is at rest; report and audit are then read past them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.progress import Progress, TaskID

from evening import audit, scenes, trace
from evening.audit import Evidence, Promise, Told
from evening.crowd import Answer, Crowd
from evening.figures import figures
from evening.house import House
from evening.idle import Watch, until
from evening.plan import Plan, Slot, lineup, plan
from evening.stage import Stage

TRACE: Final = "order-lines-2010-12-first-days.csv"
_REHEARSERS: Final = 8
_REHEARSAL_HASTE: Final = 8
_REST_WITHIN: Final = 60.0
_SAMPLES: Final = 5


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of evening is wanted. `lines`: of the other platform's file only so many; None: all of it."""

    seed: int
    viewers: int
    speed: float
    lines: int | None = None


class Night:
    """The evening in a house where everything runs. `report` is there once it was played and audited."""

    def __init__(self, house: House, wish: Wish, data: Path, progress: Progress) -> None:
        self._house = house
        self._wish = wish
        self._data = data
        self._progress = progress
        self._lineup = (data / "lineup.csv").read_text(encoding="utf-8")
        self._trace = _beginning((data / TRACE).read_text(encoding="utf-8"), wish.lines)
        self.plan = plan(lineup(self._lineup), seed=wish.seed, viewers=wish.viewers, speed=wish.speed)
        self.imports: dict[str, scenes.Report] = {}
        self.phases: dict[str, float] = {}
        self.metrics: dict[str, scenes.Page] = {}
        self.promises: list[Promise] = []
        self.answers: Sequence[Answer] = ()
        self.trouble: list[str] = []

    async def play(self) -> None:
        """All scenes in their order; a process of ours that dies ends the evening."""
        house = self._house
        async with Stage(house.urls, house.mint) as stage, asyncio.TaskGroup() as party:
            guard = party.create_task(self._guard())
            with Watch(house.kafka, house.mongodb, groups=house.groups, databases=house.databases) as watch:
                async with self._phase("import and rehearsal"):
                    self.imports |= await scenes.open_market(stage, self._data)
                    shows, _ = await asyncio.gather(self._prepare(stage, watch), self._rehearse(stage))
                async with self._phase("shows"):
                    await self._go_live(stage, shows)
                async with self._phase("parcels"):
                    await self._send_off(stage)
                async with self._phase("rest"):
                    await until(watch.busy, within=_REST_WITHIN, times=2)
            self.metrics = await scenes.read_metrics(stage)
            guard.cancel()

    async def _prepare(self, stage: Stage, watch: Watch) -> list[scenes.Show]:
        """The market, the shelf and the shows; every service knows what it needs to know."""
        task = self._task("Importing items, shelf and line-up", 3)
        wares = trace.wares(trace.lines(self._trace))
        self.imports |= await scenes.stock_shelf(stage, wares)
        self._progress.advance(task)
        shows, self.imports["lineup"] = await scenes.plan_shows(stage, self._lineup, rehearsal=False)
        shows = await scenes.allot(stage, self.plan, shows)
        self._progress.advance(task)
        allotted = len(wares) + len(self.plan.slots)
        await until(lambda: watch.lacks("orders", "allotments", allotted, {"rehearsal": False}), within=_REST_WITHIN)
        self._progress.advance(task)
        return shows

    async def _rehearse(self, stage: Stage) -> None:
        """The first show, fast, before a handful of people; nothing of it may remain."""
        shows, _ = await scenes.plan_shows(stage, self._lineup, rehearsal=True)
        first = self.plan.shows()[0]
        slots = tuple(self.plan.of(first))
        haste = self._wish.speed * _REHEARSAL_HASTE
        played = plan(slots, seed=self._wish.seed, viewers=_REHEARSERS, speed=haste, who="rehearser")
        crowd = Crowd(played, stage, rehearsal=True)
        show = next(show for show in shows if show.show == first)
        task = self._task("Rehearsing", len(slots))
        await scenes.perform(stage, played, show, crowd, lambda _: self._progress.advance(task))
        self._remember(crowd)

    async def _go_live(self, stage: Stage, shows: Sequence[scenes.Show]) -> None:
        """Both shows at once, their audience, and the other platform's file beside them."""
        crowd_bar = self._task(
            f"{len(self.plan.arrivals):,} visits by {self._wish.viewers:,} buyers", len(self.plan.arrivals)
        )
        crowd = Crowd(self.plan, stage, came=lambda: self._progress.advance(crowd_bar))
        await asyncio.to_thread(crowd.mint_tokens)
        async with asyncio.TaskGroup() as town:
            for show in shows:
                town.create_task(self._perform(stage, show, crowd))
            town.create_task(self._take_shelf_orders(stage))
        self.answers = crowd.answers
        self._remember(crowd)

    async def _perform(self, stage: Stage, show: scenes.Show, crowd: Crowd) -> None:
        slots = self.plan.of(show.show)
        task = self._task(slots[0].programme, len(slots))

        def moment(slot: Slot) -> None:
            self._progress.update(task, advance=1, description=f"{slot.programme}: {slot.number} {slot.sku}")

        await scenes.perform(stage, self.plan, show, crowd, moment)

    async def _take_shelf_orders(self, stage: Stage) -> None:
        """It comes when the first slots are half over: a file is in less of a hurry than a crowd."""
        task = self._task(f"The shelf shop's file, as {trace.CHANNEL}", None)
        await asyncio.sleep(self.plan.seconds(min(slot.minutes for slot in self.plan.slots)) / 2)
        self.imports[trace.CHANNEL] = await scenes.take_shelf_orders(stage, self._trace)
        self._progress.update(task, total=1, completed=1)

    async def _send_off(self, stage: Stage) -> None:
        counties = sorted({slot.county for slot in self.plan.slots})
        task = self._task("Packing and shipping", len(counties))
        await scenes.pack_and_ship(stage, counties, lambda: self._progress.advance(task))

    def examine(self) -> dict[str, Any]:
        """The report and its audit, from what is at rest and on the topics."""
        began = time.monotonic()
        task = self._task("Auditing from outside", None)
        evidence = audit.gather(self._house.mongodb, self._house.databases, self._house.kafka)
        report = figures(evidence, self.answers)
        evidence.told = self._told(report)
        checks = audit.judge(evidence)
        self._progress.update(task, total=1, completed=1)
        self.phases["audit"] = round(time.monotonic() - began, 2)
        return report | {
            "settings": msgspec.to_builtins(self._wish),
            "imports": {name: summary(found) for name, found in self.imports.items()},
            "topics": evidence.topics.totals(),
            "metrics": {
                name: {"bytes": len(page.text.encode()), "seconds": round(page.seconds, 4)}
                for name, page in self.metrics.items()
            },
            "documents": evidence.documents,
            "trouble": self.trouble,
            "audit": [check.as_dict() for check in checks],
        }

    def _told(self, report: dict[str, Any]) -> Told:
        lines = trace.lines(self._trace)
        clean = [line for line in lines if line.kind is trace.Kind.ORDER]
        units = {"units": sum(line.quantity for line in clean), "returned": trace.returned_units(lines)}
        return Told(
            promises=self.promises,
            imported={"orders": len(clean), **units},
            revenue_fen=report["revenue_fen"],
            metrics=scenes.totals(self.metrics.values()),
        )

    def _remember(self, crowd: Crowd) -> None:
        self.trouble += crowd.trouble
        self.promises += [
            Promise(
                order_id=answer.order_id,
                key=answer.key,
                buyer_id=answer.buyer,
                allotment_id=answer.allotment_id,
                quantity=answer.quantity,
            )
            for answer in crowd.answers
            if answer.order_id
        ]

    async def _guard(self) -> None:
        while True:
            self._house.check()
            await asyncio.sleep(0.5)

    @asynccontextmanager
    async def _phase(self, name: str) -> AsyncIterator[None]:
        began = time.monotonic()
        yield
        self.phases[name] = round(time.monotonic() - began, 2)

    def _task(self, what: str, total: int | None) -> TaskID:
        return self._progress.add_task(what, total=total)


def _beginning(text: str, lines: int | None) -> str:
    """The head of a CSV and so many of its lines."""
    return text if lines is None else "".join(text.splitlines(keepends=True)[: lines + 1])


def summary(report: scenes.Report) -> dict[str, Any]:
    """What became of a file's rows, the reasons of the refused ones added up, the commonest first."""
    groups: dict[tuple[str, str], list[int]] = {}
    for row in report["refused"]:
        groups.setdefault((row["field"], row["reason"]), []).append(row["row"])
    return {
        "rows": report["rows"],
        "accepted": report["accepted"],
        "unchanged": report["unchanged"],
        "refused": len(report["refused"]),
        "reasons": [
            {"field": field, "reason": reason, "rows": len(rows), "samples": rows[:_SAMPLES]}
            for (field, reason), rows in sorted(groups.items(), key=lambda group: -len(group[1]))
        ],
    }


__all__ = ["Evidence", "Night", "Plan", "Wish", "summary"]
