"""A payment provider whose requests are measured: which, how each ended, how long it took. Changes nothing else."""

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from chassis import metrics
from contracts import metrics as declared
from orders.payments.interface import (
    Charge,
    Notification,
    PaymentProvider,
    Purchase,
    Refund,
    RefundRefused,
)

T = TypeVar("T")
_ENDS: Final = {"Paid": "paid", "Declined": "declined", "Pending": "pending", "NoneType": "unknown"}


class Measured:
    """A provider, measured."""

    def __init__(self, provider: PaymentProvider) -> None:
        self.name = provider.name
        self._provider = provider

    def decides_at_once(self, token: str | None) -> bool:
        """As the provider says."""
        return self._provider.decides_at_once(token)

    def charge(self, purchase: Purchase, token: str | None) -> Charge:
        """As the provider does."""
        return self._measured("charge", lambda: self._provider.charge(purchase, token), _end)

    def find(self, purchase: Purchase) -> Charge | None:
        """As the provider does."""
        return self._measured("find", lambda: self._provider.find(purchase), _end)

    def close(self, purchase: Purchase) -> Charge | None:
        """As the provider does."""
        return self._measured("close", lambda: self._provider.close(purchase), _end)

    def refund(self, refund: Refund) -> None:
        """As the provider does."""
        self._measured("refund", lambda: self._provider.refund(refund), lambda _: "refunded")

    def webhook(self, headers: Mapping[str, str], body: bytes) -> Notification | None:
        """As the provider does."""
        return self._provider.webhook(headers, body)

    def _measured(self, operation: str, ask: Callable[[], T], ended: Callable[[T], str]) -> T:
        began, outcome = time.perf_counter(), "failed"
        try:
            answer = ask()
            outcome = ended(answer)
        except RefundRefused:
            outcome = "refused"
            raise
        finally:
            seconds = time.perf_counter() - began
            metrics.histogram(declared.PAYMENT_SECONDS).labels(self.name, operation, outcome).observe(seconds)
        return answer


def _end(answer: Charge | None) -> str:
    return _ENDS[type(answer).__name__]
