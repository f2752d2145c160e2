"""Lets buyers join a waitlist: those who come together are decided together, in one write of the allotment.

The write gives each of them a ticket, and carries the entries until they are at rest on the waitlist. So they wait
from that write on, in exactly that order, whatever dies afterwards. Serving them is `waiting.py`'s.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from chassis import metrics
from chassis.clock import utcnow
from chassis.refusals import NotFound, Refusal, Unavailable
from contracts import metrics as declared
from orders import batches, domain, figures, waitlist
from orders.committer import Committer, Passed
from orders.domain import Request
from orders.model import Allotment, Change, Entry, Order
from orders.placing import Placing
from orders.store import OrdersStore, pause
from orders.waiting import Waiting

_TRIES: Final = 40


class Joined(NamedTuple):
    """A place on the waitlist, how far in front it is, and whether it was there before."""

    entry: Entry
    position: int | None
    again: bool


class Joining:
    """One for each process: who joins together is written together."""

    def __init__(
        self,
        store: OrdersStore,
        placing: Placing,
        waiting: Waiting,
        most: int,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._store = store
        self._placing = placing
        self._waiting = waiting
        self._clock = clock
        self._committer: Committer[str, Request, Joined | Refusal] = Committer(self._commit, most)

    def join(self, request: Request) -> Joined:
        """The place. Raises the refusal when there is nothing to wait for."""
        outcome = self._committer.submit(request.allotment_id, request)
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    def position(self, entry: Entry) -> int | None:
        """How far in front an entry is, 1 being next; None when it does not wait."""
        return self._store.waitlist.ahead(entry) + 1 if entry.state in waitlist.QUEUED else None

    def _commit(self, allotment_id: str, requests: Sequence[Request], _passed: Passed) -> list[Joined | Refusal]:
        for attempt in range(_TRIES):
            allotment = self._store.allotments.get(allotment_id)
            if allotment is None:
                return [NotFound("no-such-allotment", "There is no such allotment.") for _ in requests]
            decided = self._decide(allotment, requests)
            if not decided.fresh or (self._all_here(allotment) and self._admit(allotment, decided.fresh)):
                return self._answers(decided)
            pause(attempt)
        raise Unavailable("busy", "Too many are changing this at once; the same request may succeed now.")

    def _all_here(self, allotment: Allotment) -> bool:
        """Nobody is made to wait for units that a bucket holds; when some did, what is free is another question."""
        return not allotment.loans or self._placing.buckets.gather(allotment)

    def _decide(self, allotment: Allotment, requests: Sequence[Request]) -> waitlist.Joining:
        """What matters is read after the allotment: whoever adds to it changes the version."""
        buyers = {request.buyer_id for request in requests}
        known = {entry.id: entry for entry in allotment.joining}
        known |= {entry.id: entry for entry in self._store.waitlist.of_buyers(allotment.id, buyers)}
        return waitlist.join(allotment, known.values(), self._taken(allotment, buyers), requests)

    def _taken(self, allotment: Allotment, buyers: set[str]) -> list[Order]:
        """What they have bought, decided or at rest; of interest only where there is a limit."""
        if allotment.per_buyer_limit is None:
            return []
        lines = [line for line in batches.lines(allotment.batches) if line.buyer_id in buyers]
        decided = [domain.order_of(allotment, line) for line in lines]
        return [*decided, *self._store.orders.of_buyers(allotment.id, buyers)]

    def _admit(self, allotment: Allotment, fresh: Sequence[Entry]) -> bool:
        change = waitlist.admit(allotment, fresh, self._clock())
        if not self._store.allotments.change(change):
            return False
        self._waiting.put_at_rest(fresh)
        if allotment.attend_since is None:  # else somebody attends already, and sees them
            self._conclude(allotment, change)
        if not allotment.rehearsal:
            for entry in fresh:
                metrics.counter(declared.WAITLIST_JOINED).labels(figures.channel(entry.channel)).inc()
        return True

    def _conclude(self, allotment: Allotment, change: Change) -> None:
        """Nothing else is due unless the allotment was changed since."""
        admitted = msgspec.structs.replace(allotment, version=change.new_version)
        rest = waitlist.at_rest(admitted, change.fields["least_waiting"], self._clock())
        if change.fields["least_waiting"] <= allotment.remaining or not self._store.allotments.change(rest):
            self._waiting.attend(allotment.id)

    def _answers(self, decided: waitlist.Joining) -> list[Joined | Refusal]:
        """Counted once for those who are new: they stand one behind the other."""
        first = self._store.waitlist.ahead(decided.fresh[0]) + 1 if decided.fresh else 0
        places = {entry.id: first + n for n, entry in enumerate(decided.fresh)}
        answered: set[str] = set()
        answers: list[Joined | Refusal] = []
        for outcome in decided.outcomes:
            if isinstance(outcome, Refusal):
                answers.append(outcome)
                continue
            again = outcome.id not in places or outcome.id in answered
            answered.add(outcome.id)
            answers.append(Joined(outcome, places.get(outcome.id) or self.position(outcome), again))
        return answers
