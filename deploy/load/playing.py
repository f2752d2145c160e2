"""One run, as those who play it share it: the plan, the town, who is due at which moment, and the tally.

Buyers come when the plan says, whether or not those before them were answered (open loop): a system that slows down
does not thin out its own crowd. If all lanes are taken, they come late, and how late is told.
"""

import secrets
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.queue import Empty, Queue

from evening.plan import Arrival, Behaviour
from load.options import Wish
from load.tally import Tally
from load.town import Town, open_market

_MINTING: Final = 8
_AHEAD_SECONDS: Final = 3.0
_SPARE: Final = 2


class Opening(NamedTuple):
    """A slot on screen: from which allotment is sold, and when its price holds (seconds since 1970)."""

    allotment_id: str
    opens_at: float
    closes_at: float


class Due(NamedTuple):
    """A buyer whose moment has come."""

    arrival: Arrival
    opening: Opening
    at: float


class Play:
    """From the opening of the market to the end of the last show."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.plan = wish.plan
        self.town = Town(wish.urls)
        self.tally = Tally()
        self.run = secrets.token_hex(4)
        self.shows: dict[str, str] = {}
        self.ready = Event()
        self.curtain = Event()
        self.broken = ""
        self._tokens: dict[str, str] = {}
        self._due: Queue[Due] = Queue()
        self._waves: dict[tuple[str, int], list[Arrival]] = defaultdict(list)
        for arrival in wish.plan.arrivals:
            self._waves[arrival.show, arrival.slot].append(arrival)
        self._moments: list[float] = []
        self._at_the_door = 0
        self._unhosted = wish.plan.shows()
        self._live = set(self._unhosted)

    def prepare(self) -> None:
        """Open the market, and give every buyer a token before the first is in a hurry. `broken` says what failed."""
        try:
            self.shows = open_market(self.town, self.plan, self.run)
            pool = Pool(_MINTING)
            for buyer in {arrival.buyer for arrival in self.plan.arrivals}:
                pool.spawn(self._mint, buyer)
            pool.join(raise_error=True)
        except Exception as error:  # noqa: BLE001  whatever it was ends the run, with its reason
            self.broken = f"the market cannot be opened: {type(error).__name__}: {error}"
        self.ready.set()

    def _mint(self, buyer: str) -> None:
        self._tokens[buyer] = self.town.token(self.name(buyer))

    def name(self, buyer: str) -> str:
        """Each run has buyers of its own: limits are theirs, and not those of the run before."""
        return f"{buyer}-{self.run}"

    def token(self, buyer: str) -> str:
        return self._tokens[buyer]

    def begin(self, show: str) -> None:
        """The show is live: from now on its buyers' moments are foreseen."""
        began = time.time()
        for slot in self.plan.of(show):
            start = began + self.plan.seconds(slot.starts_min)
            self._moments += [start + arrival.after for arrival in self._waves[show, slot.number]]
        self._moments.sort()

    def open(self, show: str, slot: int, screen: dict[str, Any]) -> None:
        """The slot is on screen: each of its buyers will be due."""
        opens, closes = (datetime.fromisoformat(screen[name]).timestamp() for name in ("opens_at", "closes_at"))
        opening = Opening(screen["allotment_id"], opens, closes)
        for arrival in self._waves[show, slot]:
            at = (closes if arrival.behaviour is Behaviour.LATE else opens) + arrival.after
            gevent.spawn_later(max(0.0, at - time.time()), self._due.put, Due(arrival, opening, at))

    def host(self) -> str | None:
        """A show that nobody hosts yet."""
        return self._unhosted.pop(0) if self._unhosted else None

    def end(self, show: str) -> None:
        """It is over, or broke: those of its buyers who are due come yet, no others."""
        self._live.discard(show)

    def next(self, within: float) -> Due | None:
        """The next buyer whose moment came; None if none did `within` seconds."""
        try:
            due: Due = self._due.get(timeout=within)
        except Empty:
            return None
        self._at_the_door += 1
        self.tally.late.append(max(0.0, time.time() - due.at))
        return due

    def done(self) -> None:
        """One of them has left."""
        self._at_the_door -= 1

    def lanes(self) -> int:
        """Buyers at the doors now, and those who will be there in a moment."""
        now = time.time()
        soon = _between(self._moments, now, now + _AHEAD_SECONDS)
        wanted: int = self._at_the_door + self._due.qsize() + soon + _SPARE
        return min(self.wish.lanes, wanted)

    def over(self) -> bool:
        """All shows have ended and nobody is left at the doors: pages may close."""
        over = bool(self.broken) or (not self._live and self._at_the_door == 0 and self._due.empty())
        if over:
            self.curtain.set()
        return over


def _between(moments: Sequence[float], start: float, end: float) -> int:
    return bisect_left(moments, end) - bisect_left(moments, start)
