"""A provider that fails on purpose, for drills: it takes long, or what it reports is lost. All else is its own."""

from collections.abc import Callable, Mapping, Sequence

import eventlet

from chassis.drills import Drills
from orders.payments.interface import Charge, Lost, Notification, PaymentProvider, Purchase, Refund

WillAsk = Callable[[str, str], bool]


def drilled(providers: Sequence[PaymentProvider], drills: Drills, will_ask: WillAsk) -> list[PaymentProvider]:
    """The providers, each open to the faults of payments.

    `will_ask(order id, provider's name)`: whether a payment of that order is asked for later, if nobody tells of it.
    """
    drills.expect("slow-payment", "lost-webhook")
    return [Drilled(provider, drills, will_ask) for provider in providers]


class Drilled:
    """One provider behind the faults `slow-payment` and `lost-webhook`."""

    def __init__(self, provider: PaymentProvider, drills: Drills, will_ask: WillAsk) -> None:
        self._provider = provider
        self._drills = drills
        self._will_ask = will_ask
        self.name = provider.name

    def decides_at_once(self, token: str | None) -> bool:
        return self._provider.decides_at_once(token)

    def charge(self, purchase: Purchase, token: str | None) -> Charge:
        """Slow, if the drill says so, before the provider is asked: as if the way to it were long."""
        if slow := self._drills.strikes("slow-payment", provider=self.name):
            eventlet.sleep(slow.seconds)
        return self._provider.charge(purchase, token)

    def find(self, purchase: Purchase) -> Charge | None:
        return self._provider.find(purchase)

    def close(self, purchase: Purchase) -> Charge | None:
        return self._provider.close(purchase)

    def refund(self, refund: Refund) -> None:
        self._provider.refund(refund)

    def webhook(self, headers: Mapping[str, str], body: bytes) -> Notification | None:
        """Read, so that forged ones are seen as ever, and then perhaps lost. Raises `Lost`."""
        said = self._provider.webhook(headers, body)
        if said is not None and self._is_lost(said):
            raise Lost
        return said

    def _is_lost(self, said: Notification) -> bool:
        """Only what is asked for later: the provider is told that we heard it, and does not say it again."""
        return (
            said.kind == "paid"
            and self._drills.on("lost-webhook", provider=self.name) is not None  # else no order is read
            and self._will_ask(said.order_id, self.name)
            and self._drills.strikes("lost-webhook", provider=self.name) is not None
        )
