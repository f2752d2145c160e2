"""Makes orders of decided batches, and finishes what others left behind. Decides nothing.

A batch lies in the document it took its units from until its orders are at rest **and** the broker has their events:
the batch is their outbox, one for all of them. While the relay is behind each order carries its own event, so that the
document does not grow.

What a killed process left half done is found by the age of its batches. It only rolls forward: the orders are a
function of the allotment and the line, so whoever makes them makes the same, and what is published twice has one id.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from contracts.codec import Record
from contracts.ids import new_id
from orders import batches, domain, figures, lending, stock
from orders.lately import Lately
from orders.model import Allotment, Batch, Bucket, Line, Order
from orders.settings import OrdersSettings
from orders.store import OrderDoc, OrdersStore, SourceRows, pause, records_of

_TRIES: Final = 40
_REMEMBERED: Final = 50_000  # orders whose events were handed over by this process
_PATIENCE: Final = 5  # how many times longer a batch may wait for its events' publishing than for its orders
Void = dict[str, Order | None]
_NONE: Final[Mapping[str, Order]] = MappingProxyType({})


class Part(NamedTuple):
    """A batch in one document: where it lies, and the allotment that its orders are of."""

    rows: SourceRows[Any]
    source_id: str
    allotment: Allotment
    batch_id: str
    batch: Batch
    made: Mapping[str, Order] = _NONE

    def orders(self) -> dict[str, Order]:
        """The orders that its lines mean: those made when it was decided, the others made now."""
        return {line.id: self.made.get(line.id) or domain.order_of(self.allotment, line) for line in self.batch.lines}


class Settling:
    """One for each process: it knows which batches are its own, and which of them only wait to be removed."""

    def __init__(self, store: OrdersStore, settings: OrdersSettings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._after = timedelta(seconds=settings.settle_after_seconds)
        self._own: set[tuple[str, str]] = set()
        self._finished: dict[SourceRows[Any], defaultdict[str, set[str]]] = {
            store.allotments: defaultdict(set),
            store.buckets: defaultdict(set),
        }
        self._looked: dict[str, float] = {}
        self._handed_over = Lately(_REMEMBERED)
        store.relay.precede(OrderDoc, self._tell_first)

    def new_batch(self, source_ids: Iterable[str]) -> str:
        """An id for what is about to be written to these documents."""
        batch = batch_id(self._clock())
        self._own.update((source_id, batch) for source_id in source_ids)
        return batch

    def drop(self, source_ids: Iterable[str], batch: str) -> None:
        """It was not written there, or how far it got is not known: whoever finds it may settle it."""
        self._own.difference_update((source_id, batch) for source_id in source_ids)

    def finished(self, rows: SourceRows[Any], source_id: str) -> frozenset[str]:
        """Batches of ours that may be removed."""
        return frozenset(self._finished[rows].get(source_id, ()))

    def _removed(self, rows: SourceRows[Any], source_id: str, gone: frozenset[str]) -> None:
        """Forgotten only now: until they are gone from the document, nobody here must take them for left behind."""
        known = self._finished[rows]
        self._own.difference_update((source_id, batch) for batch in gone)
        if left := known[source_id].difference(gone):
            known[source_id] = left
        else:
            del known[source_id]

    def realise(self, parts: Sequence[Part], fresh: bool = True) -> Void:
        """The batches' orders and buckets come into being and are told of.

        Returns the orders that did not, with the order that their request has elsewhere, if that is why. `fresh`: the
        batches were just written here, so that nobody can have inserted any of their orders before.
        """
        carry = fresh and self._store.relay.behind
        opened = [
            lending.bucket(part.allotment.id, part.batch_id, part.batch.loan) for part in parts if part.batch.loan
        ]
        self._store.buckets.add(opened)
        orders = {key: order for part in parts for key, order in part.orders().items()}
        boxes = {line.id: _box(orders[line.id], line.recorded_at) for part in parts for line in part.batch.lines}
        born = {line.id: f"{part.source_id}/{part.batch_id}" for part in parts for line in part.batch.lines}
        void = self._store.orders.add(orders.values(), born, boxes if carry else {})
        for part in parts:
            figures.count_batch(len(part.batch.lines))
            void -= self._let_go(part, void & {line.id for line in part.batch.lines}, boxes, carry)
        elsewhere = {
            order.request_key: order for order in self._store.orders.by_keys(orders[key].request_key for key in void)
        }
        return {key: elsewhere.get(orders[key].request_key) for key in void}

    def _let_go(self, part: Part, void: set[str], boxes: dict[str, list[Record]], carry: bool) -> set[str]:
        """Units of void lines go back; the batch is finished as soon as the others' events are published.

        Returns the void ones that somebody else made into orders after all.
        """
        left = self._amend(part, void) if void else void
        born = [line.id for line in part.batch.lines if line.id not in left]
        if not born and not part.batch.loan:
            self.drop([part.source_id], part.batch_id)  # nothing is left of it
        elif carry:
            self._store.relay.publish(OrderDoc, born)
            self._finish(part)
        else:
            self._store.relay.send([boxes[key] for key in born], partial(self._finish, part))
            self._handed_over.add(born)
        return void - left

    def _tell_first(self, order_ids: Sequence[str]) -> None:
        """Orders are about to be told of: hand over that they were placed, if their batch still has to tell it.

        What this process placed it has handed over before; another one may be slow to publish, or dead.
        """
        born = self._store.orders.born(key for key in order_ids if key not in self._handed_over)
        by_source: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for key, place in born.items():
            source_id, _, batch = place.rpartition("/")
            by_source[source_id][key] = batch
        for source_id, theirs in by_source.items():
            self._tell_from(source_id, theirs)

    def _tell_from(self, source_id: str, wanted: Mapping[str, str]) -> None:
        source = self._store.allotments.get(source_id) or self._store.buckets.get(source_id)
        allotment = self._store.allotments.get(source.allotment_id) if isinstance(source, Bucket) else source
        if source is None or allotment is None:
            return
        for batch in set(wanted.values()) & source.batches.keys():
            lines = [line for line in batches.read(source.batches[batch]).lines if line.id in wanted]
            boxes = [_box(domain.order_of(allotment, line), line.recorded_at) for line in lines]
            self._store.relay.send(boxes, lambda: None)

    def _finish(self, part: Part) -> None:
        self._own.add((part.source_id, part.batch_id))
        self._finished[part.rows][part.source_id].add(part.batch_id)

    def _amend(self, part: Part, void: set[str]) -> set[str]:
        """Give units of void lines back, unless somebody has made an order of one. Those that are void still.

        They are given up first: what is void for a key that a cancellation frees must not be made by another, later.
        """
        self._store.orders.give_up(line.id for line in part.batch.lines if line.id in void and _may_be_freed(line))
        void = void - self._store.orders.existing(void)
        for attempt in range(_TRIES if void else 0):
            source = part.rows.get(part.source_id)
            if source is None or part.batch_id not in source.batches:
                break
            batch = batches.read(source.batches[part.batch_id])
            units = sum(line.quantity for line in batch.lines if line.id in void)
            kept = Batch(lines=[line for line in batch.lines if line.id not in void], loan=batch.loan)
            unsell = stock.unsell if isinstance(source, Allotment) else lending.unsell
            if not units or part.rows.amend(unsell(source, units, self._clock()), part.batch_id, kept):
                break
            pause(attempt)
        return void

    def settle(self, source: Allotment | Bucket, allotment: Allotment, *, all_of_it: bool = False) -> None:
        """Finish what is left behind in the document as read; `all_of_it`: whatever is in it, however young."""
        rows = self._store.allotments if isinstance(source, Allotment) else self._store.buckets
        rows.tidy({source.id: [batch for batch in source.pending if batch not in source.batches]})
        old, very_old = batch_id(self._clock() - self._after, ""), batch_id(self._clock() - _PATIENCE * self._after, "")
        for batch, text in source.batches.items():
            if (source.id, batch) in self._own or not (all_of_it or batch < old):
                continue
            part = Part(rows, source.id, allotment, batch, batches.read(text))
            if all_of_it or batch < very_old or self._unborn(part):
                self._stand_in(part)

    def _stand_in(self, part: Part) -> None:
        self._own.add((part.source_id, part.batch_id))
        try:
            self.realise([part], fresh=False)
        except BaseException:  # an engine is away: else it would be nobody's, for who thinks that it is ours looks away
            self.drop([part.source_id], part.batch_id)
            raise

    def _unborn(self, part: Part) -> bool:
        """Whether it has orders that are not at rest: who began it died. Else they may only be slow to publish."""
        lines = [line.id for line in part.batch.lines]
        return len(self._store.orders.existing(lines)) < len(lines) or (
            part.batch.loan > 0 and not self._store.buckets.existing([part.batch_id])
        )

    def left_behind(self, source: Allotment | Bucket) -> bool:
        """Whether it has batches that are old and not ours. Asked for the same document again and again: seldom."""
        oldest = batch_id(self._clock() - self._after, "")
        if not any(batch < oldest and (source.id, batch) not in self._own for batch in source.pending):
            return False
        now = time.monotonic()
        recently = now - self._looked.get(source.id, -3600.0) < self._after.total_seconds()
        if not recently:
            self._looked[source.id] = now
        return not recently

    def settle_left_behind(self) -> int:
        """Finish batches that whoever began them did not get to finish; how many documents had some."""
        oldest = batch_id(self._clock() - self._after, "")
        found: list[Allotment | Bucket] = [
            *self._store.allotments.left_behind(oldest),
            *self._store.buckets.left_behind(oldest),
        ]
        left = [source for source in found if self.left_behind(source)]
        for source in left:
            self._settle_now(source)
        if left:
            self.tidy()
        return len(left)

    def _settle_now(self, found: Allotment | Bucket) -> None:
        """As it is by now: it may be long since many were found, and what was void then must not be made any more."""
        rows: SourceRows[Any] = self._store.allotments if isinstance(found, Allotment) else self._store.buckets
        source = rows.get(found.id)
        allotment = self._store.allotments.get(source.allotment_id) if isinstance(source, Bucket) else source
        if source is not None and allotment is not None:
            self.settle(source, allotment)

    def tidy(self) -> None:
        """Remove finished batches from their documents."""
        for rows, known in self._finished.items():
            finished = {source_id: frozenset(batch_ids) for source_id, batch_ids in known.items()}
            rows.tidy(finished)
            for source_id, gone in finished.items():
                self._removed(rows, source_id, gone)


def batch_id(now: datetime, distinct: str | None = None) -> str:
    """An id that sorts by time: `pending` is searched for old ones."""
    return f"{int(now.timestamp() * 1000):014d}-{new_id() if distinct is None else distinct}"


def _may_be_freed(line: Line) -> bool:
    """Whether it has keys besides its request's, which stays an order's for ever."""
    return bool(line.places or line.coupon_code)


def _box(order: Order, at: datetime) -> list[Record]:
    return records_of(order.id, domain.first_facts(order), order.version, at, order.traceparent)
