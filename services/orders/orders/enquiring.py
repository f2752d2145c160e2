"""Asks providers what became of payments that were begun, before their orders lapse. Decides nothing.

Whoever charged may have died before marking the order, and a webhook may be lost; the provider knows. While it cannot
say, an order that it was asked for does not lapse: better its units wait than that a payment finds nothing to buy.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from chassis.refusals import Unavailable
from orders import paying
from orders.cashier import Cashier
from orders.model import Order
from orders.payments import Paid, Providers

_AT_ONCE: Final = 16  # green threads in the service
_log = logging.getLogger(__name__)


class Enquiring:
    """Tells the unpaid from those whose payment was only not heard of."""

    def __init__(self, providers: Providers, cashier: Cashier) -> None:
        self._providers = providers
        self._cashier = cashier

    def unpaid(self, orders: Sequence[Order]) -> list[Order]:
        """Those that nobody paid, as far as can be known. Those that were paid after all are marked so."""
        asked = [order for order in orders if order.asked]
        if not asked:
            return list(orders)
        away: set[str] = set()
        with ThreadPoolExecutor(_AT_ONCE) as askers:
            unpaid = {
                order.id
                for order, is_unpaid in zip(
                    asked, askers.map(lambda one: self._is_unpaid(one, away), asked), strict=True
                )
                if is_unpaid
            }
        return [order for order in orders if not order.asked or order.id in unpaid]

    def _is_unpaid(self, order: Order, away: set[str]) -> bool:
        """Whether all that were asked for its money say that they have none of it; those `away` are not asked again."""
        return not away.intersection(order.asked) and all(self._has_nothing(order, name, away) for name in order.asked)

    def _has_nothing(self, order: Order, name: str, away: set[str]) -> bool:
        provider = self._providers.get(name)
        if provider is None:
            _log.warning("a provider that was asked for money is not on any more", extra={"provider": name})
            return True
        try:
            found = provider.find(paying.purchase(order))
        except Unavailable as refusal:
            _log.warning("orders that may be paid do not lapse now: %s", refusal, extra={"provider": name})
            away.add(name)
            return False
        if not isinstance(found, Paid):
            return True
        now = self._cashier.receive(order.id, name, found)
        return now is not None and now.payment is None
