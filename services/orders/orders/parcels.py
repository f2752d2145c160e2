"""Packs a county's paid orders into parcels and sends them on, in bulk. Decides nothing; `packing.py` does.

A parcel is written first, as `packing`, with the orders it is for; then it claims those that are still paid and in no
parcel (each order takes one parcel only, so two who pack at once do not pack it twice); then it is closed over those
it got, with its event. Left behind at any point, the sweep does the rest; a parcel that got nothing is dropped.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from chassis import metrics
from chassis.clock import utcnow
from contracts import metrics as declared
from orders import following, freshness, packing
from orders.model import Change, Order, Parcel
from orders.settings import OrdersSettings
from orders.store import OrdersStore

_AT_ONCE: Final = 500
_MOST_SHIPPED: Final = 5_000


class Packed(NamedTuple):
    """What a packing came to."""

    parcels: int
    orders: int


class Parcels:
    """Packs, ships, follows parcels."""

    def __init__(self, store: OrdersStore, settings: OrdersSettings, clock: Callable[[], datetime] = utcnow) -> None:
        self._store = store
        self._clock = clock
        self._complete_after = timedelta(days=settings.complete_after_days)
        self._left_after = timedelta(seconds=5 * settings.settle_after_seconds)

    def pack(self, county: str, limit: int) -> Packed:
        """Put the county's oldest paid orders into parcels, one for each buyer."""
        now = self._clock()
        hub = packing.choose_hub(self._store.parcels.hubs(county), county)
        begun = packing.group(self._store.orders.to_pack(county, limit), county, hub, now)
        total = Packed(0, 0)
        for start in range(0, len(begun), _AT_ONCE):
            part = begun[start : start + _AT_ONCE]
            self._store.parcels.add(part)
            packed = self._finish(part)
            total = Packed(total.parcels + packed.parcels, total.orders + packed.orders)
        return total

    def finish_left_behind(self) -> int:
        """Finish parcels whose packing was begun a while ago and not ended."""
        found = self._store.parcels.left_behind(self._clock() - self._left_after)
        self._finish(found)
        return len(found)

    def _finish(self, parcels: Sequence[Parcel]) -> Packed:
        self._store.parcels.claim(parcels)
        claimed: defaultdict[str | None, list[Order]] = defaultdict(list)
        for order in self._store.orders.many(key for parcel in parcels for key in parcel.order_ids):
            claimed[order.parcel_id].append(order)
        now = self._clock()
        changes = [
            following.packed(packing.pack(parcel, claimed[parcel.id], now), parcel, claimed[parcel.id])
            for parcel in parcels
            if claimed[parcel.id]
        ]
        written = self._store.parcels.change_all(changes)
        self._store.parcels.drop_empty(parcel.id for parcel in parcels if not claimed[parcel.id])
        metrics.counter(declared.PARCELS).labels("packed").inc(written)
        return Packed(written, sum(len(claimed[change.id]) for change in changes))

    def ship_all(self, county: str, carrier: str) -> int:
        """Hand all the county's packed parcels to a carrier; how many."""
        now = self._clock()
        packed = self._store.parcels.find({"county": county, "state": "packed"}, limit=_MOST_SHIPPED)
        changes = [
            following.parcel("ship parcel", change, parcel)
            for parcel in packed
            if (change := packing.ship(parcel, carrier, None, now))
        ]
        written = self._store.parcels.change_all(changes)
        metrics.counter(declared.PARCELS).labels("shipped").inc(written)
        return written

    def ship(
        self, parcel_id: str, carrier: str, tracking_number: str | None, if_match: str | None = None
    ) -> Parcel | None:
        """Hand it to a carrier."""
        return self._step(
            parcel_id, "shipped", if_match, lambda found: packing.ship(found, carrier, tracking_number, self._clock())
        )

    def scan(self, parcel_id: str, hub: str, if_match: str | None = None) -> Parcel | None:
        """It was seen at a hub."""
        return self._step(parcel_id, "scanned", if_match, lambda found: packing.scan(found, hub, self._clock()))

    def deliver(self, parcel_id: str, if_match: str | None = None) -> Parcel | None:
        """It reached its buyer."""
        return self._step(
            parcel_id, "delivered", if_match, lambda found: packing.deliver(found, self._complete_after, self._clock())
        )

    def _step(
        self, parcel_id: str, name: str, if_match: str | None, rule: Callable[[Parcel], Change | None]
    ) -> Parcel | None:
        def fresh(parcel: Parcel) -> Change | None:
            freshness.require_fresh(parcel, if_match)
            return rule(parcel)

        parcel, change = self._store.parcels.apply(parcel_id, fresh)
        if change:
            metrics.counter(declared.PARCELS).labels(name).inc()
        return parcel
