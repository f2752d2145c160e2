"""Ends orders well: their buyer confirms the receipt, or the time to send goods back passes. Decides nothing;
`lifecycle.complete` does.

A delivered parcel says when its orders are to be completed; the sweep completes those that are still open, each by a
write guarded by its version, and then takes the date away. Whoever dies in between leaves the date, and the next sweep
finds some of the orders completed. An order that somebody changed meanwhile waits for the next sweep.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from chassis import metrics
from chassis.clock import utcnow
from contracts import metrics as declared
from orders import following, freshness, lifecycle
from orders.model import Change, Order, Parcel
from orders.store import OrdersStore

_PARCELS_AT_ONCE: Final = 200


class Completing:
    """Completes delivered orders."""

    def __init__(self, store: OrdersStore, clock: Callable[[], datetime] = utcnow) -> None:
        self._store = store
        self._clock = clock

    def confirm(self, order_id: str, if_match: str | None = None) -> Order | None:
        """The order whose receipt its buyer confirms; twice is once."""

        def rule(order: Order) -> Change | None:
            freshness.require_fresh(order, if_match)
            return lifecycle.complete(order, self._store.parcels.of(order), "buyer", self._clock())

        order, change = self._store.orders.apply(order_id, rule)
        _count("buyer", int(change is not None))
        return order

    def complete_due(self) -> int:
        """Complete what was delivered long enough ago; how many orders."""
        now = self._clock()
        parcels = self._store.parcels.to_complete(now, _PARCELS_AT_ONCE)
        written = self._store.orders.change_all(self._changes(parcels, now))
        _count("time", written)
        self._store.parcels.completed(self._without_open_orders(parcels))
        return written

    def _changes(self, parcels: Sequence[Parcel], now: datetime) -> list[Change]:
        of = {key: parcel for parcel in parcels for key in parcel.order_ids}
        packed = [order for order in self._store.orders.many(of) if order.state == "packed"]
        return [
            following.order("complete order", change, order)
            for order in packed
            if (change := lifecycle.complete(order, of[order.id], "time", now))
        ]

    def _without_open_orders(self, parcels: Sequence[Parcel]) -> list[str]:
        found = self._store.orders.many(key for parcel in parcels for key in parcel.order_ids)
        still_open = {order.parcel_id for order in found if order.state == "packed"}
        return [parcel.id for parcel in parcels if parcel.id not in still_open]


def _count(by: lifecycle.Completer, orders: int) -> None:
    metrics.counter(declared.ORDERS_COMPLETED).labels(by).inc(orders)
