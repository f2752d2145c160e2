"""The group-commit engine: many requests, few writes, nothing oversold, nothing lost, twice is once.

A batch is decided by `domain.decide` on an allotment as it was read, and becomes **one** write guarded by the
allotment's version: the units leave `remaining`, and the batch with the facts of its orders is laid into the
allotment's document. From then on the orders are certain. Then they are inserted, each with its event; then the batch
is removed, for which the next batch's write is used if it comes soon.

Killed after the first write, the units are taken and the batch says for whom: whoever meets a batch older than a
moment (the next placing, or a sweep) inserts its orders, which are the same whoever makes them, and removes it. So a
batch only ever rolls forward.

A line whose request already has an order elsewhere (the same key, used for two allotments at once) cannot be
inserted: its units are taken back in the same write that removes the batch. See
docs/decisions/005-group-commit-and-settling.md.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from chassis.clock import utcnow
from chassis.refusals import NotFound, Unavailable
from contracts.ids import new_id
from orders import domain, figures, stock
from orders.domain import Accepted, Decision, Outcome, Refused, Request
from orders.model import Allotment, Change, Line, Order
from orders.settings import OrdersSettings
from orders.store import OrdersStore, Taking, pause

_TRIES: Final = 40
_ALLOTMENTS_AT_ONCE: Final = 256  # so that no batch waits long between its taking and its inserting


class _Decided(NamedTuple):
    allotment: Allotment
    requests: list[Request]
    decision: Decision


class Placing:
    """Places orders. One for each process: it remembers what it finished, what is sold out and what was missed."""

    def __init__(self, store: OrdersStore, settings: OrdersSettings, clock: Callable[[], datetime] = utcnow) -> None:
        self._store = store
        self._clock = clock
        self._settle_after = timedelta(seconds=settings.settle_after_seconds)
        self._sold_out_memory = settings.sold_out_memory_seconds
        self._sold_out: dict[str, tuple[float, Allotment]] = {}
        self._finished: defaultdict[str, set[str]] = defaultdict(set)
        self._under_way: set[str] = set()
        self._missed: Counter[str] = Counter()

    def place(self, requests: Sequence[Request]) -> list[Outcome]:
        """An outcome for each request, in their order. Requests on one allotment are decided in their order."""
        outcomes: dict[str, Outcome] = {}
        groups: defaultdict[str, list[Request]] = defaultdict(list)
        for request in requests:
            groups[request.allotment_id].append(request)
        for group in _slices(groups):
            self._place_group(group, outcomes)
        return [outcomes[request.order_id] for request in requests]

    def _place_group(self, groups: dict[str, list[Request]], outcomes: dict[str, Outcome]) -> None:
        for attempt in range(_TRIES):
            groups = self._round(groups, outcomes)
            if not groups:
                return
            pause(attempt)
        raise Unavailable("busy", "Too many are buying this at once; the same request may succeed now.")

    def _round(self, groups: dict[str, list[Request]], outcomes: dict[str, Outcome]) -> dict[str, list[Request]]:
        """Decide all groups once; returns those that somebody else was faster with."""
        allotments = self._read(groups)
        for key in groups.keys() - allotments.keys():
            none = Refused(NotFound("no-such-allotment", "There is no such allotment."))
            outcomes.update((request.order_id, none) for request in groups[key])
        taken = self._taken(allotments, groups)
        decided = [
            _Decided(allotment, groups[key], domain.decide(allotment, taken[key], groups[key]))
            for key, allotment in allotments.items()
        ]
        took = self._take([one for one in decided if one.decision.lines])
        lost = {
            one.allotment.id: one.requests for one in decided if one.decision.lines and one.allotment.id not in took
        }
        for one in decided:
            if one.allotment.id not in lost:
                self._conclude(one, outcomes, took.get(one.allotment.id, {}))
        return lost

    def _read(self, keys: Iterable[str]) -> dict[str, Allotment]:
        now = time.monotonic()
        remembered = {key: known for key in keys if (known := self._sold_out.get(key)) and known[0] > now}
        found = {key: allotment for key, (_, allotment) in remembered.items()}
        for allotment in self._store.allotments.many(key for key in keys if key not in found):
            found[allotment.id] = self._settled(allotment)
            self._remember_sold_out(allotment, now)
        return found

    def _settled(self, allotment: Allotment) -> Allotment:
        if not self._left_behind(allotment):
            return allotment
        self.settle(allotment)
        return self._store.allotments.get(allotment.id) or allotment

    def forget(self, allotment_id: str) -> None:
        """Look again: it may have something by now."""
        self._sold_out.pop(allotment_id, None)

    def _remember_sold_out(self, allotment: Allotment, now: float) -> None:
        self._sold_out.pop(allotment.id, None)
        if allotment.remaining == 0 and not allotment.pending:
            self._sold_out[allotment.id] = (now + self._sold_out_memory, allotment)

    def _taken(
        self, allotments: dict[str, Allotment], groups: dict[str, list[Request]]
    ) -> defaultdict[str, list[Order]]:
        """Orders that matter to the decisions. Read after the allotments: whoever adds to them changes a version."""
        taken: defaultdict[str, list[Order]] = defaultdict(list)
        keys: dict[str, str] = {}
        for key, allotment in allotments.items():
            if allotment.per_buyer_limit is not None:
                taken[key] = self._store.orders.of_buyers(key, {request.buyer_id for request in groups[key]})
            else:
                keys |= {request.request_key: key for request in groups[key]}
        for order in self._store.orders.by_keys(keys):
            taken[keys[order.request_key]].append(order)
        return taken

    def _take(self, decided: list[_Decided]) -> dict[str, dict[str, Order]]:
        """Write the decisions; for each allotment that took: the orders its requests have elsewhere, by their keys."""
        if not decided:
            return {}
        batch = batch_id(self._clock())
        takings = [
            Taking(one.allotment, batch, one.decision.lines, frozenset(self._finished.get(one.allotment.id, ())))
            for one in decided
        ]
        self._under_way.add(batch)
        try:
            took = self._store.allotments.take(takings)
            written = [taking for taking in takings if taking.allotment.id in took]
            for taking in written:
                self._removed(taking.allotment.id, taking.finished)
            return self._insert(written)
        finally:
            self._under_way.discard(batch)

    def _insert(self, takings: Sequence[Taking]) -> dict[str, dict[str, Order]]:
        lines = [(taking, line) for taking in takings for line in taking.lines]
        orders = [domain.order_of(taking.allotment, line) for taking, line in lines]
        void = self._store.orders.add(orders, {line.id: line.recorded_at for _, line in lines})
        self._store.orders.tell(line.id for _, line in lines if not line.imported and line.id not in void)
        elsewhere = self._elsewhere(order.request_key for order in orders if order.id in void)
        for taking in takings:
            figures.count_batch(len(taking.lines))
            self._finish(taking.allotment.id, taking.batch_id, [line for line in taking.lines if line.id in void])
        return {taking.allotment.id: elsewhere for taking in takings}

    def _elsewhere(self, keys: Iterable[str]) -> dict[str, Order]:
        return {order.request_key: order for order in self._store.orders.by_keys(keys)}

    def _finish(self, allotment_id: str, batch: str, void: Sequence[Line]) -> None:
        """The batch's orders are at rest: let it be removed, at once if units are to be taken back with it."""
        if not void:
            self._finished[allotment_id].add(batch)
            return
        units = sum(line.quantity for line in void)
        for attempt in range(_TRIES):
            allotment = self._store.allotments.get(allotment_id)
            if allotment is None or batch not in allotment.batches:
                return
            if self._store.allotments.finish(stock.unsell(allotment, units, self._clock()), batch):
                return
            pause(attempt)

    def _conclude(self, decided: _Decided, outcomes: dict[str, Outcome], elsewhere: dict[str, Order]) -> None:
        for request, outcome in zip(decided.requests, decided.decision.outcomes, strict=True):
            known = elsewhere.get(request.request_key) if isinstance(outcome, Accepted) else None
            answer = domain.replay(known, request) if known else outcome
            outcomes[request.order_id] = answer
            if isinstance(answer, Refused):
                self._missed[decided.allotment.id] += answer.missed
            if not decided.allotment.rehearsal:
                figures.count(request, answer)

    def settle(self, allotment: Allotment) -> None:
        """Finish every batch that is in the allotment as read: the orders come into being, whoever began them."""
        for batch in {*allotment.batches, *allotment.pending}:
            lines = allotment.batches.get(batch, [])
            orders = [domain.order_of(allotment, line) for line in lines]
            void = self._store.orders.add(orders, {line.id: line.recorded_at for line in lines})
            self._store.orders.tell(line.id for line in lines if line.id not in void)
            self._finish(allotment.id, batch, [line for line in lines if line.id in void])
        self._tidy_one(allotment.id)

    def settle_left_behind(self) -> int:
        """Finish batches that whoever began them did not get to finish; how many allotments had some."""
        found = self._store.allotments.left_behind(self._oldest_unsettled())
        left = [allotment for allotment in found if self._left_behind(allotment)]
        for allotment in left:
            self.settle(allotment)
        return len(left)

    def _left_behind(self, allotment: Allotment) -> bool:
        """Whether it has batches that are old, and neither finished nor under way here."""
        oldest, ours = self._oldest_unsettled(), self._finished.get(allotment.id, set()) | self._under_way
        return any(batch < oldest and batch not in ours for batch in allotment.pending)

    def tidy(self) -> None:
        """Remove finished batches that no further one removed by the way."""
        by_batch: defaultdict[str, list[str]] = defaultdict(list)
        for allotment_id, batches in self._finished.items():
            for batch in batches:
                by_batch[batch].append(allotment_id)
        self._store.allotments.tidy(by_batch)
        for batch, allotment_ids in by_batch.items():
            for allotment_id in allotment_ids:
                self._removed(allotment_id, {batch})

    def _tidy_one(self, allotment_id: str) -> None:
        finished = set(self._finished.get(allotment_id, ()))
        self._store.allotments.tidy({batch: [allotment_id] for batch in finished})
        self._removed(allotment_id, finished)

    def _removed(self, allotment_id: str, batches: AbstractSet[str]) -> None:
        """Forgotten only now: until they are gone from the document, nobody here must take them for left behind."""
        if left := self._finished[allotment_id] - batches:
            self._finished[allotment_id] = left
        else:
            del self._finished[allotment_id]

    def tell_missed(self) -> None:
        """Say what buyers wanted and did not get since the last time: one event for each allotment."""
        for allotment_id, units in list(self._missed.items()):
            if units:
                self._store.allotments.apply(allotment_id, self._missing(units))
            self._missed[allotment_id] -= units
        self._missed = +self._missed

    def _missing(self, units: int) -> Callable[[Allotment], Change | None]:
        return lambda allotment: stock.miss(allotment, units, self._clock())

    def _oldest_unsettled(self) -> str:
        return batch_id(self._clock() - self._settle_after, "")


def batch_id(now: datetime, distinct: str | None = None) -> str:
    """An id that sorts by time: `pending` is searched for old ones."""
    return f"{int(now.timestamp() * 1000):014d}-{new_id() if distinct is None else distinct}"


def _slices(groups: dict[str, list[Request]]) -> Iterator[dict[str, list[Request]]]:
    keys = list(groups)
    for start in range(0, len(keys), _ALLOTMENTS_AT_ONCE):
        yield {key: groups[key] for key in keys[start : start + _ALLOTMENTS_AT_ONCE]}
