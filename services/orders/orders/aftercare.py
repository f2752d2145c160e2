"""What happens to orders after they were placed: cancelled, lapsed, returned, and what they then owe settled.

An order and its allotment are two documents, and a process may die between them. So the order comes first: in one
write it is cancelled (or its goods are returned), its event is in it, and it says what it owes: units to its
allotment, money to its buyer. Then the allotment takes the units back in one write, which also remembers the debt's
id in `released`; then the order's debt is cleared; then the id is forgotten. Whoever finds an order that has owed for
a while does the rest.

Each debt is settled once: it is taken from the order **after** the allotment was read, and the allotment's write is
guarded by its version. If somebody else settled it before that reading, the id is remembered there or the order owes
it no more; if after, the version differs and all is read again. Refunds carry the debt's id as idempotency key.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from chassis import metrics
from chassis.clock import utcnow
from contracts import metrics as declared
from orders import following, freshness, lifecycle, stock
from orders.couponing import Couponing
from orders.enquiring import Enquiring
from orders.model import Allotment, Change, Order
from orders.refunding import Refunding
from orders.settings import OrdersSettings
from orders.store import OrdersStore
from orders.waiting import Waiting

_AT_ONCE: Final = 500


class Aftercare:
    """Changes orders and settles what they owe."""

    def __init__(
        self,
        store: OrdersStore,
        enquiring: Enquiring,
        refunding: Refunding,
        waiting: Waiting,
        couponing: Couponing,
        settings: OrdersSettings,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._store = store
        self._enquiring = enquiring
        self._refunding = refunding
        self._waiting = waiting
        self._couponing = couponing
        self._clock = clock
        self._settle_after = timedelta(seconds=settings.settle_after_seconds)

    def cancel(self, order_id: str, by: lifecycle.Canceller, if_match: str | None = None) -> Order | None:
        """The cancelled order; twice is once."""

        def rule(order: Order) -> Change | None:
            freshness.require_fresh(order, if_match)
            return lifecycle.cancel(order, by, self._clock(), self._store.parcels.of(order))

        order, change = self._store.orders.apply(order_id, rule)
        if order is not None and change is not None:
            self.settle([order])
            if not order.rehearsal:
                metrics.counter(declared.ORDERS_CANCELLED).labels(by).inc()
        return order

    def give_back(
        self, order_id: str, *, return_id: str, quantity: int, restock: bool, if_match: str | None = None
    ) -> Order | None:
        """The order, its goods back; the same return reported twice is one."""

        def rule(order: Order) -> Change | None:
            if any(known.id == return_id for known in order.returns):
                return None
            freshness.require_fresh(order, if_match)
            return lifecycle.give_back(
                order, return_id=return_id, quantity=quantity, restock=restock, now=self._clock()
            )

        order = self._store.orders.apply(order_id, rule).noun
        if order is not None:
            self.settle([order])
        return order

    def give_back_later(self, order_id: str, return_id: str, quantity: int) -> Order:
        """Goods of another platform's order came back to the shelf; what it owes is settled later, with others."""

        def rule(order: Order) -> Change | None:
            return lifecycle.give_back(order, return_id=return_id, quantity=quantity, restock=True, now=self._clock())

        order = self._store.orders.apply(order_id, rule).noun
        assert order is not None, "its id was just read"
        return order

    def lapse_due(self) -> int:
        """End orders that nobody paid in time; how many.

        A provider that was asked for the money is asked first whether it has it after all.
        """
        now = self._clock()
        due = self._enquiring.unpaid(self._store.orders.due(now, _AT_ONCE))
        changes = [
            following.order("lapse order", change, order) for order in due if (change := lifecycle.lapse(order, now))
        ]
        written = self._store.orders.change_all(changes)
        lapsed = self._store.orders.many(change.id for change in changes)
        self.settle(lapsed)
        if real := sum(order.cancel_reason == "expired" and not order.rehearsal for order in lapsed):
            metrics.counter(declared.ORDERS_CANCELLED).labels("expired").inc(min(real, written))
        return written

    def settle_left_behind(self) -> int:
        """Settle what orders have owed for a while."""
        owing = self._store.orders.owing(self._clock() - self._settle_after, _AT_ONCE)
        self.settle(owing)
        return len(owing)

    def settle(self, orders: Sequence[Order]) -> None:
        """Settle everything that these orders owe: last what others must answer for, who may be slow."""
        by_allotment: defaultdict[str, list[str]] = defaultdict(list)
        for order in orders:
            if any(owed.kind == "units" for owed in order.owed):
                by_allotment[order.allotment_id].append(order.id)
        self._couponing.give_back(orders)
        for allotment_id, order_ids in by_allotment.items():
            self._release(allotment_id, order_ids)
        self._refunding.give_back(orders)

    def _release(self, allotment_id: str, order_ids: Iterable[str]) -> None:
        settled: list[str] = []

        def rule(allotment: Allotment) -> Change | None:
            owed = [owed for order in self._store.orders.many(order_ids) for owed in order.owed if owed.kind == "units"]
            settled[:] = [one.id for one in owed]
            return stock.release(allotment, owed, self._clock())

        allotment = self._store.allotments.apply(allotment_id, rule).noun
        if settled and allotment is not None:
            self._store.orders.clear_owed(order_ids, settled)
            self._forget(allotment)
        if allotment is not None and allotment.attend_since is not None:
            self._waiting.attend(allotment_id)

    def _forget(self, allotment: Allotment) -> None:
        """A debt's id begins with its order's; what that order owes no more need not be remembered."""
        orders = self._store.orders.many({debt.split(":")[0] for debt in allotment.released})
        owed = {owed.id for order in orders for owed in order.owed}
        if gone := [debt for debt in allotment.released if debt not in owed]:
            self._store.allotments.forget_released(allotment.id, gone)
