"""Asks providers what became of payments that were begun, before their orders lapse. Decides nothing.

Whoever charged may have died before marking the order, and a webhook may be lost; the provider knows. While it cannot
say, an order that it was asked for does not lapse: better its units wait than that a payment finds nothing to buy. Its
buyer, who cannot pay meanwhile either, is given more time, and so it is not in the way of those that do lapse.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from chassis.clock import utcnow
from chassis.refusals import Unavailable
from orders import paying
from orders.cashier import Cashier
from orders.model import Order
from orders.payments import Paid, Pending, Providers
from orders.store import OrdersStore

_AT_ONCE: Final = 16  # green threads in the service
_MORE_TIME: Final = timedelta(minutes=1)
_log = logging.getLogger(__name__)


class Enquiring:
    """Tells the unpaid from those whose payment was only not heard of."""

    def __init__(
        self, store: OrdersStore, providers: Providers, cashier: Cashier, clock: Callable[[], datetime] = utcnow
    ) -> None:
        self._store = store
        self._providers = providers
        self._cashier = cashier
        self._clock = clock

    def unpaid(self, orders: Sequence[Order]) -> list[Order]:
        """Those that nobody paid. Those that were paid after all are marked so; the unknown are given more time."""
        asked = [order for order in orders if order.asked]
        if not asked:
            return list(orders)
        away: set[str] = set()
        with ThreadPoolExecutor(_AT_ONCE) as askers:
            answers = list(askers.map(lambda order: self._is_unpaid(order, away), asked))
        known = dict(zip((order.id for order in asked), answers, strict=True))
        self._give_time([order for order in asked if known[order.id] is None])
        return [order for order in orders if known.get(order.id, True)]

    def will_ask(self, order_id: str, provider: str) -> bool:
        """Whether this provider is surely asked for the order's money later, before the order lapses."""
        order = self._store.orders.get(order_id)
        return order is not None and paying.will_be_asked_for(order, provider, self._clock())

    def _give_time(self, orders: Sequence[Order]) -> None:
        now = self._clock()
        changes = [change for order in orders if (change := paying.wait(order, now + _MORE_TIME, now))]
        self._store.orders.change_all(changes)

    def _is_unpaid(self, order: Order, away: set[str]) -> bool | None:
        """Whether all that were asked for its money have none; None: one cannot say. `away` are not asked again."""
        if away.intersection(order.asked):
            return None
        try:
            return all(self._has_nothing(order, name) for name in order.asked)
        except Unavailable as refusal:
            _log.warning("orders that may be paid do not lapse now: %s", refusal, extra={"providers": order.asked})
            away.update(order.asked)
            return None

    def _has_nothing(self, order: Order, name: str) -> bool:
        provider = self._providers.get(name)
        if provider is None:
            _log.warning("a provider that was asked for money is not on any more", extra={"provider": name})
            return True
        found = provider.find(paying.purchase(order))
        if isinstance(found, Pending):  # and let nobody pay for what is about to lapse
            found = provider.close(paying.purchase(order))
        if not isinstance(found, Paid):
            return True
        now = self._cashier.found(order.id, name, found)
        return now is not None and now.payment is None
