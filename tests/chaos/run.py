"""The run: round after round a fault under load, recovery, rest, the audit. Decides when it is over; prints nothing.

open a round ──► load ──► fault ──► recovered? ──► load pauses ──► at rest? ──► audit
"""

import time
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, Final, NamedTuple

from tests.chaos import failures
from tests.chaos.faults import SKEW_SECONDS, Blow, Fault, NoHarm
from tests.chaos.goods import Goods
from tests.chaos.judge import Judge, Verdict
from tests.chaos.ledger import Manners
from tests.chaos.load import Load
from tests.chaos.plan import Wish
from tests.chaos.rest import NotAtRest, Rest, until
from tests.chaos.shelves import SOLD_OUT
from tests.chaos.town import Town

WARM_SECONDS: Final = 0.8
LEAST_PATIENCE: Final = 60.0
_LOOK: Final = 0.1
_SETTLE: Final = 0.5  # of load after the recovery, so that what is broken for good has a chance to show

Say = Callable[[str], None]


class Round(NamedTuple):
    """What came of one fault. `trouble`: what went wrong besides what the verdict says, empty when nothing did, and
    `trace`: where it came from. `steps`: seconds to each thing.
    """

    number: int
    fault: str
    recovered: float | None
    seconds: float
    kills: int
    verdict: Verdict | None
    manners: Manners
    trouble: str = ""
    steps: Mapping[str, float] = {}
    trace: str = ""


class Run:
    """A town, its load and its judge, through the faults of a plan."""

    def __init__(
        self, town: Town, load: Load, judge: Judge, rest: Rest, wish: Wish, say: Say, patience: float = LEAST_PATIENCE
    ) -> None:
        self._town, self._load, self._judge, self._rest = town, load, judge, rest
        self._wish, self._say, self._patience = wish, say, patience
        self._dice = Random(wish.seed + 1)
        self.rounds: list[Round] = []
        self._steps: dict[str, float] = {}
        self._recovered: float | None = None
        self.skew = 0.0

    def play(self, faults: Iterator[Fault]) -> None:
        """Until time is up, the kills are done, or something went wrong."""
        began = time.monotonic()
        for number, fault in enumerate(faults, start=1):
            self._say(fault.name)
            self.rounds.append(self._round(number, fault))
            if self.rounds[-1].trouble or self._wish.over(time.monotonic() - began, self._town.kills):
                return

    def _round(self, number: int, fault: Fault) -> Round:
        began, killed = time.monotonic(), self._town.kills
        self._steps, self._recovered = {}, None
        found, error = self._tried(Goods(self._town.run, number), fault)
        return Round(
            number=number,
            fault=fault.name,
            recovered=self._recovered,
            seconds=time.monotonic() - began,
            kills=self._town.kills - killed,
            verdict=found,
            manners=self._load.ledger.manners(),
            trouble=failures.words(error) if error else "",
            steps={what: round(seconds, 2) for what, seconds in self._steps.items()},
            trace=failures.trace(error) if error else "",
        )

    def _tried(self, goods: Goods, fault: Fault) -> tuple[Verdict | None, Exception | None]:
        """The verdict, or what came between; what came of the rounds before is to be told all the same."""
        try:
            self._recovered = self._suffer(goods, fault)
            self._load.pause(self._patience)
            return self._judged(goods, fault), None
        except Exception as error:  # noqa: BLE001  whatever it is, it is the round's trouble
            return None, error

    def _suffer(self, goods: Goods, fault: Fault) -> float:
        """Load, fault, recovery; returns the seconds that it took from the fault's end, or from the last kill."""
        began = time.monotonic()
        goods.clocks_differ = fault.skews
        self._load.open(goods, self._patience)
        time.sleep(WARM_SECONDS)
        struck = time.monotonic()
        self._steps["prepared"] = struck - began
        ended = self._strike(fault)
        self._steps["struck"] = time.monotonic() - struck
        self._recover(fault, ended)
        recovered = time.monotonic() - ended
        time.sleep(_SETTLE)
        self._steps["sold out"] = self._until(self._still_some, self._patience)
        return recovered

    def _still_some(self) -> str:
        """A round in which nobody was refused for want of units says nothing of overselling."""
        self._load.check()
        return "" if self._load.ledger.manners().told_no.get(SOLD_OUT) else "nobody was told that something is sold out"

    def _strike(self, fault: Fault) -> float:
        """Do the harm; returns when it was over."""
        struck, killed = time.monotonic(), self._town.kills
        fault.strike(Blow(self._town, self._dice, self._wish.hold(fault)))
        if fault.kills and self._town.kills == killed:
            raise NoHarm(f"{fault.name} killed nobody")
        return max(struck, self._town.last_kill) if fault.kills else time.monotonic()

    def _recover(self, fault: Fault, ended: float) -> None:
        """Whoever was hurt has had success again, all are ready, and everything said until then was read."""
        deadline = time.monotonic() + self._patience
        while lacking := self._lacking(fault, ended):
            self._load.check()
            if time.monotonic() > deadline:
                raise NotAtRest(f"not recovered after {self._patience:.0f} s: {lacking}")
            time.sleep(_LOOK)
        self._steps["asked anew"] = self._until(self._renewed, max(1.0, deadline - time.monotonic()))
        self._steps["read"] = self._until(self._behind(), max(1.0, deadline - time.monotonic()))

    def _renewed(self) -> str:
        """Clients that have seen nothing of what was done; the broker may still be coming up."""
        self._rest.renew()
        return ""

    def _behind(self) -> Callable[[], str]:
        """Who has not read what was said until the first look."""
        ends: dict[Any, int] = {}

        def behind() -> str:
            ends.update({} if ends else self._rest.said())
            return self._rest.behind(ends)

        return behind

    def _until(self, what: Callable[[], str], within: float, times: int = 1) -> float:
        began = time.monotonic()
        until(what, within, times, self._rest.renew)
        return time.monotonic() - began

    def _lacking(self, fault: Fault, ended: float) -> str:
        if unready := self._town.unready():
            return f"{', '.join(unready)} not ready"
        self._steps.setdefault("ready", time.monotonic() - ended)
        found = {kind: self._load.ledger.success_after(kind, ended) for kind in fault.hurts}
        self._steps |= {kind: when - ended for kind, when in found.items() if when is not None}
        missing = [kind for kind, when in found.items() if when is None]
        return f"no success yet in: {', '.join(missing)}" if missing else ""

    def _judged(self, goods: Goods, fault: Fault) -> Verdict:
        self._steps["heard"] = self._until(self._unread, self._patience)
        began = time.monotonic()
        self._load.close(self._patience)
        self._steps["concluded"] = time.monotonic() - began
        self._steps["at rest"] = self._until(self._rest.busy, self._patience, times=2)
        if fault.skews:
            self.skew = float(SKEW_SECONDS)
        return self._judge.round(goods, self._load.ledger, self.skew)

    def _unread(self) -> str:
        return self._rest.behind(self._rest.said())
