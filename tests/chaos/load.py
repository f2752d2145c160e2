"""The steady load: buyers, offices, a host and another platform, in a thread of their own. Judges nothing.

A closed loop: everybody asks until they are answered, then thinks, then goes on. `pause` lets all finish what they
began.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.chaos import offices
from tests.chaos.buyers import Buyer
from tests.chaos.doors import Caller
from tests.chaos.goods import HOME, OTHER, Goods
from tests.chaos.ledger import Ledger
from tests.chaos.platform import Platform
from tests.chaos.town import Town

from chassis.patience import patience
from stack.local import DATA

BUYERS: Final = 16
_A_DAY: Final = 86_400


class Stuck(Exception):
    """The load did not come to an end; the text says whose."""


class Load:
    """Everybody who asks something of the town."""

    def __init__(self, town: Town, seed: int, rate: float, buyers: int = BUYERS, data: Path = DATA) -> None:
        self.ledger = Ledger()
        self._town, self._data, self._dice = town, data, Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="load", daemon=True)
        self._gate = asyncio.Event()
        self._busy = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._callers: list[Caller] = []
        self._failed: BaseException | None = None
        self._goods: Goods | None = None
        self._think = buyers / rate
        self._buyers = buyers

    def start(self) -> None:
        """Mint tokens, open the market; nobody buys yet."""
        self._thread.start()
        self._run(self._begin(), 60.0 * patience())

    def open(self, goods: Goods, within: float) -> None:
        """Prepare a round and let everybody in."""
        self.ledger.turn_page()
        self._run(offices.prepare(self._platform, self._home, self._other, goods), within)
        self._goods = goods
        self._loop.call_soon_threadsafe(self._gate.set)

    def pause(self, within: float) -> None:
        """Let nobody begin anything new, and wait until all have finished."""
        self._loop.call_soon_threadsafe(self._gate.clear)
        self._run(self._all_done(), within)

    def close(self, within: float) -> None:
        """What the offices do when a round is over: send off, end the show, take down the shelves."""
        assert self._goods is not None
        self._run(offices.conclude(self._platform, self._home, self._other, self._goods), within)

    def check(self) -> None:
        """Raise what ended somebody's work."""
        if self._failed:
            raise self._failed

    def stop(self) -> None:
        """Everybody goes home."""
        if self._thread.is_alive():
            with suppress(Late):
                asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(20.0)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5.0)

    async def _begin(self) -> None:
        self._platform = self._caller("platform-office", "platform")
        self._home = self._caller(f"office-{HOME}", "county", HOME)
        self._other = self._caller(f"office-{OTHER}", "county", OTHER)
        await offices.open_market(self._platform, self._data)
        every: list[Callable[[Goods], Coroutine[Any, Any, None]]] = []
        for number in range(self._buyers):
            subject = f"buyer-{number:03d}"
            caller, second = (self._caller(subject, "buyer") for _ in range(2))
            every.append(Buyer(subject, (caller, second), self.ledger, Random(self._dice.random()), self._think).visit)
        staff = offices.Staff(self._platform, self._home, self._caller(f"office-{HOME}", "county", HOME))
        self._lines = Platform(self._town.kafka, self.ledger)
        every += [staff.allot, staff.show, staff.pack, self._lines.send]
        self._tasks = [asyncio.create_task(self._again_and_again(act)) for act in every]

    async def _again_and_again(self, act: Callable[[Goods], Coroutine[Any, Any, None]]) -> None:
        while True:
            await self._gate.wait()
            assert self._goods is not None
            self._busy += 1
            try:
                await act(self._goods)
            except Exception as error:  # noqa: BLE001  kept for the run, which ends of it
                self._failed = error
                return
            finally:
                self._busy -= 1

    async def _all_done(self) -> None:
        while self._busy and not self._failed:
            await asyncio.sleep(0.02)

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for caller in self._callers:
            await caller.close()

    def _caller(self, subject: str, role: str, county: str | None = None) -> Caller:
        token = self._town.issuer.token(subject, [role], county, ttl_seconds=_A_DAY)
        caller = Caller(token, self._town.urls(), self.ledger)
        self._callers.append(caller)
        return caller

    def _run(self, work: Coroutine[Any, Any, None], within: float) -> None:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            future.result(within)
        except Late as late:
            raise Stuck(f"the load did not come to an end within {within:.0f} s ({self._busy} under way)") from late
        finally:
            future.cancel()  # whoever stops the run by hand does not wait for it either
        self.check()
