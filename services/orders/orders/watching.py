"""What the gauges say of the database: what remains on screen, parcels that wait, whether anything was oversold.

Asked now and then, never for a request; every question has an index and an end. While the database is away the gauges
keep what was last known. Every replica says the same. Decides nothing.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from chassis import metrics
from chassis.clock import utcnow
from contracts import metrics as declared
from orders.buckets import Buckets
from orders.model import Allotment, Bucket
from orders.store import OrdersStore

_MOST_ON_SCREEN: Final = 50
_MOST_WAITING: Final = 1_000
_MOST_PARCELS: Final = 10_000
_AUDITED_AT_ONCE: Final = 200
_OPEN: Final = ("packing", "packed", "shipped")


class Watching:
    """One for each process."""

    def __init__(self, store: OrdersStore, buckets: Buckets, clock: Callable[[], datetime] = utcnow) -> None:
        self._store = store
        self._buckets = buckets
        self._clock = clock
        self._oldest_packed = metrics.Age(declared.PARCELS_OLDEST_PACKED_AGE)
        self._audit = Audit(store, clock)

    def look_at_screen(self) -> None:
        """Slots whose price window is open now, and no others: a window that closed takes its series with it."""
        windows = self._store.allotments.open_windows(self._clock(), _MOST_ON_SCREEN)
        found = self._store.allotments.many(window.allotment_id for window in windows)
        self._audit.see(found)
        shown = [one for one in found if not one.rehearsal and one.state == "open"]
        whole = self._buckets.whole(shown)
        metrics.replace(declared.FEATURED_REMAINING, {_slot(one): one.remaining for one in whole})
        metrics.replace(declared.FEATURED_OFFERED, {_slot(one): one.offered for one in whole})
        metrics.replace(declared.FEATURED_WAITING, {_slot(one): self._waiting(one) for one in whole})

    def look_around(self) -> None:
        """Parcels, and the next page of the audit."""
        parcels = self._store.parcels
        metrics.replace(declared.PARCELS_OPEN, {(state,): parcels.count(state, _MOST_PARCELS) for state in _OPEN})
        oldest = parcels.oldest_packed()
        self._oldest_packed.set(oldest.timestamp() if oldest else None)
        self._audit.next_page()

    def _waiting(self, allotment: Allotment) -> int:
        return self._store.waitlist.count(allotment.id, _MOST_WAITING) if allotment.least_waiting else 0


class Audit:
    """Whether every allotment and bucket still adds up. Goes through all of them, a page at a time, and begins anew."""

    def __init__(self, store: OrdersStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._after = {"allotments": "", "buckets": ""}
        self._wrong: Counter[str] = Counter()
        metrics.gauge(declared.OVERSOLD).set(0)

    def next_page(self) -> None:
        """Audit some more of all there are."""
        self.see(self._page("allotments", self._store.allotments.figures_after))
        self.see(self._page("buckets", self._store.buckets.figures_after))
        metrics.gauge(declared.AUDITED_AT).set(self._clock().timestamp())

    def see(self, found: Sequence[Allotment | Bucket]) -> None:
        """Audit these. What does not add up is remembered until it does."""
        for one in found:
            self._wrong[one.id] = off_by(one)
        self._wrong = +self._wrong
        metrics.gauge(declared.OVERSOLD).set(self._wrong.total())
        metrics.counter(declared.AUDITED).inc(sum(isinstance(one, Allotment) for one in found))

    def _page(
        self, what: str, read: Callable[[str, int], Sequence[Allotment | Bucket]]
    ) -> Sequence[Allotment | Bucket]:
        found = read(self._after[what], _AUDITED_AT_ONCE)
        self._after[what] = found[-1].id if len(found) == _AUDITED_AT_ONCE else ""
        return found


def off_by(source: Allotment | Bucket) -> int:
    """Units by which a document does not add up; whatever is below zero counts too."""
    promised = source.offered if isinstance(source, Allotment) else source.units
    parts = (source.sold, source.remaining, source.returned)
    return max(abs(promised - sum(parts)), sum(-part for part in parts if part < 0))


def _slot(allotment: Allotment) -> tuple[str, str, str]:
    return allotment.show_id or "", str(allotment.slot), allotment.sku
