"""Gives money back: the debts of money that orders owe, each to the provider that took it. Decides nothing.

A debt is cleared after its refund, and its id is the refund's key, so a refund that was given and not cleared is asked
for again and given once. One that cannot be given now stays owed and is tried later; it holds up no other: a provider
that is away is asked once, not for each of its debts.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from chassis import metrics
from chassis.clock import utcnow
from chassis.refusals import Unavailable
from contracts import metrics as declared
from orders import paying
from orders.model import Order, Owed
from orders.payments import Providers, RefundRefused
from orders.store import OrdersStore

_log = logging.getLogger(__name__)


class Refunding:
    """Settles debts of money."""

    def __init__(
        self,
        store: OrdersStore,
        providers: Providers,
        retry_seconds: float,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._store = store
        self._providers = providers
        self._retry_after = timedelta(seconds=retry_seconds)
        self._clock = clock

    def give_back(self, orders: Iterable[Order]) -> None:
        """Refund all that these orders owe in money."""
        away: set[str] = set()
        for order in orders:
            self._give_back(order, away)

    def _give_back(self, order: Order, away: set[str]) -> None:
        debts = [owed for owed in order.owed if owed.kind == "refund"]
        given = [owed.id for owed in debts if self._given(order, owed, away)]
        if given:
            self._store.orders.clear_owed([order.id], given)
        if left := {owed.id for owed in debts} - set(given):
            self._store.orders.postpone(order.id, left, self._clock() + self._retry_after)

    def _given(self, order: Order, owed: Owed, away: set[str]) -> bool:
        name, refund = paying.refund(order, owed)
        if name in away:
            return False
        provider = self._providers.get(name)
        try:
            if provider is None:
                raise RefundRefused("the provider is not on here")
            provider.refund(refund)
        except Unavailable as outage:
            _log.warning("refund left for later: %s", outage, extra={"order": order.id, "provider": name})
            away.add(name)
            return False
        except RefundRefused as refused:
            _log.error("refund refused: %s", refused, extra={"order": order.id, "provider": name})
            metrics.counter(declared.REFUNDS_REFUSED).labels(name).inc()
            return False
        return True
