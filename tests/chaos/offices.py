"""What county offices, the platform and a host do: open the market, prepare a round, keep it supplied, conclude it."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.chaos.doors import Caller
from tests.chaos.goods import HOME, OTHER, WINDOW, Goods

from chassis.patience import patience

_CARRIER: Final = "Village Express"
_ALL: Final = 5_000
_HEARD_WITHIN: Final = 150.0  # seconds; in a fault much of it is the fault's


class Unprepared(Exception):
    """A round could not be prepared; the text says what was refused."""


async def open_market(platform: Caller, data: Path) -> None:
    """Counties and hubs, as ever."""
    for name in ("counties", "hubs"):
        text = (data / f"{name}.csv").read_text(encoding="utf-8")
        await platform.tell("import", "catalog", "POST", f"/{name}/import", text=text)


async def prepare(platform: Caller, home: Caller, other: Caller, goods: Goods) -> None:
    """Items, a show and its stock; orders knows all of it, and the slot is on screen."""
    await platform.tell("import", "catalog", "POST", "/items/import", text=goods.items_csv())
    planned = await _until(lambda: _planned(platform, goods))
    goods.show_id = planned["shows"][0]["show_id"]
    for number, wish in enumerate(goods.opening()):
        await allot(home if wish["county"] == HOME else other, goods, wish, f"opening-{number}")
    await asyncio.gather(*(_known(platform, key) for key in goods.wishes))
    goods.channel_shelf = goods.shelves[0]
    await _until(lambda: _done(platform, f"/shows/{goods.show_id}/start"))
    screen = {"json": {"window_seconds": WINDOW}, "key": f"{goods.name}-on-screen"}
    await platform.tell("feature", "broadcast", "POST", f"/shows/{goods.show_id}/slots/1/feature", **screen)
    slot = next(key for key in goods.wishes if key not in goods.shelves)
    await _until(lambda: _on_screen(platform, slot))
    goods.open = list(goods.wishes)


async def allot(office: Caller, goods: Goods, wish: dict[str, Any], key: str) -> str:
    """Set stock aside."""
    made = await office.tell("allot", "catalog", "POST", "/allotments", key=f"{goods.name}-{key}", json=wish)
    allotment_id = str(made["allotment_id"]) if made else ""
    if allotment_id:
        goods.wishes[allotment_id] = wish
    return allotment_id


async def conclude(platform: Caller, home: Caller, other: Caller, goods: Goods) -> None:
    """The county at home sends everything off; the show ends; the shelves are taken down."""
    await platform.tell("end", "broadcast", "POST", f"/shows/{goods.show_id}/end")
    await home.tell("pack", "orders", "POST", "/parcels/pack", json={"county": HOME, "limit": _ALL})
    await home.tell("ship", "orders", "POST", "/parcels/ship", json={"county": HOME, "carrier": _CARRIER})
    for key in goods.shelves:
        office = home if goods.wishes[key]["county"] == HOME else other
        await _known(office, key)
        await office.tell("close", "orders", "POST", f"/allotments/{key}/close")


class Staff:
    """Those who keep a round going, each in a caller of their own."""

    def __init__(self, platform: Caller, supplier: Caller, packer: Caller) -> None:
        self._platform, self._supplier, self._packer = platform, supplier, packer
        self._numbers = itertools.count(1)

    async def allot(self, goods: Goods) -> None:
        """Set a little more aside, and let buyers at it when orders has heard of it."""
        await asyncio.sleep(0.8)
        key = await allot(self._supplier, goods, goods.more(), f"more-{next(self._numbers)}")
        if key:
            await _known(self._supplier, key)
            goods.open.append(key)

    async def show(self, goods: Goods) -> None:
        """Report how many watch. By a clock that is two minutes wrong they did not watch while the show was live."""
        await asyncio.sleep(0.5)
        number = next(self._numbers)
        sample = {"channel": "web", "viewers": number, "sampled_at": datetime.now(UTC).isoformat()}
        tell = self._platform.ask if goods.clocks_differ else self._platform.tell
        await tell("watch", "broadcast", "POST", f"/shows/{goods.show_id}/audience", json=sample)

    async def pack(self, goods: Goods) -> None:  # noqa: ARG002  everybody is told of the round
        """Pack and ship some."""
        await asyncio.sleep(1.0)
        await self._packer.tell("pack", "orders", "POST", "/parcels/pack", json={"county": HOME, "limit": 5})
        await self._packer.tell("ship", "orders", "POST", "/parcels/ship", json={"county": HOME, "carrier": _CARRIER})


async def _planned(platform: Caller, goods: Goods) -> Any:
    report = await platform.tell("import", "broadcast", "POST", "/lineups/import", text=goods.lineup_csv())
    return report if report and not report["refused"] else None


async def _done(platform: Caller, path: str) -> Any:
    answer = await platform.ask("start", "broadcast", "POST", path)
    return answer.json() if answer.is_success else None


async def _known(office: Caller, allotment_id: str) -> None:
    await _until(lambda: _shown(office, allotment_id))


async def _shown(office: Caller, allotment_id: str) -> Any:
    answer = await office.ask("look", "orders", "GET", f"/allotments/{allotment_id}")
    return answer.json() if answer.is_success else None


async def _on_screen(platform: Caller, allotment_id: str) -> Any:
    shown = await _shown(platform, allotment_id)
    return shown if shown and shown["opens_at"] else None


async def _until(ask: Callable[[], Awaitable[Any]]) -> Any:
    """What is asked for, as soon as it is there; services hear of one another's doings a little later."""
    within = _HEARD_WITHIN * patience()
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := await ask():
            return found
        await asyncio.sleep(0.1)
    raise Unprepared(f"what one service was told did not reach another within {within:.0f} s")


__all__ = ["OTHER", "Staff", "Unprepared", "allot", "conclude", "open_market", "prepare"]
