"""Gives money back: the debts of money that orders owe, each to the provider that took it. Decides nothing.

A debt is cleared after its refund, and its id is the refund's key, so a refund that was given and not cleared is asked
for again and given once. One that cannot be given now stays owed and is tried later; it holds up no other.
"""

import logging
from collections.abc import Callable
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

    def give_back(self, order: Order) -> None:
        """Refund all that the order owes in money."""
        debts = [owed for owed in order.owed if owed.kind == "refund"]
        given = [owed.id for owed in debts if self._given(order, owed)]
        if given:
            self._store.orders.clear_owed([order.id], given)
        if left := {owed.id for owed in debts} - set(given):
            until = self._clock() + self._retry_after
            self._store.orders.apply(order.id, lambda found: paying.postpone(found, left, until, self._clock()))

    def _given(self, order: Order, owed: Owed) -> bool:
        name, refund = paying.refund(order, owed)
        provider = self._providers.get(name)
        try:
            if provider is None:
                raise RefundRefused("the provider is not on here")
            provider.refund(refund)
        except Unavailable as away:
            _log.warning("refund left for later: %s", away, extra={"order": order.id, "provider": name})
            return False
        except RefundRefused as refused:
            _log.error("refund refused: %s", refused, extra={"order": order.id, "provider": name})
            metrics.counter(declared.REFUNDS_REFUSED).labels(name).inc()
            return False
        return True
