"""What every payment provider answers to. Amounts are whole numbers of the currency's smallest unit: fen.

Knows amounts, keys and references; no order's life. An order is charged for once however often it is asked for: its id
is the provider's idempotency key, or is made into it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, Protocol

import msgspec

CURRENCY: Final = "CNY"


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid for: an order, its whole amount, and until when."""

    order_id: str
    amount_fen: int
    description: str
    pay_by: datetime | None = None


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """The provider has the money: so much of it, whatever was asked for."""

    payment_id: str
    amount: int
    currency: str = CURRENCY


class Declined(msgspec.Struct, frozen=True, kw_only=True):
    """The provider says no. That is an answer, not an error; the buyer may try another means."""

    reason: str = ""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The buyer must do something first: open a `url`, scan a `qr` code, confirm with a `client-secret`, or `wait`."""

    kind: Literal["url", "qr", "client-secret", "wait"]
    value: str = ""


Charge = Paid | Declined | Pending


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money to give back: `amount` of a payment of `paid`. The same key is the same refund."""

    order_id: str
    payment_id: str
    paid: int
    amount: int
    currency: str = CURRENCY
    key: str


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says happened, its signature verified. `event_id` is for the log: what counts is the payment."""

    event_id: str
    order_id: str
    kind: Literal["paid", "refunded", "refund-failed"]
    payment_id: str
    amount: int
    currency: str = CURRENCY


class Forged(Exception):
    """A notification that the provider did not sign, or not lately."""


class Lost(Exception):
    """A notification that a drill lost on its way: to us it was never sent."""


class RefundRefused(Exception):
    """The provider will not give this back: asking again does not help, somebody must look."""


class PaymentProvider(Protocol):
    """A provider takes whole amounts and gives back parts. Raises `Unavailable` while it is away."""

    name: str

    def decides_at_once(self, token: str | None) -> bool:
        """Whether a charge with this token is all decided here, so that nobody need remember having asked for it."""
        ...

    def charge(self, purchase: Purchase, token: str | None) -> Charge:
        """Take the amount for an order, or say what its buyer must do. Asked again: how it stands now."""
        ...

    def find(self, purchase: Purchase) -> Charge | None:
        """How an order that was perhaps asked for stands now; None: nothing is known of it."""
        ...

    def close(self, purchase: Purchase) -> Charge | None:
        """Take no money for the order any more. How it stands then: paid, if it was paid before that."""
        ...

    def refund(self, refund: Refund) -> None:
        """Give back part or all of a payment. Raises `RefundRefused`."""
        ...

    def webhook(self, headers: Mapping[str, str], body: bytes) -> Notification | None:
        """What a signed notification says; None when it is nothing to us. Headers by their names in lower case.

        Raises `Forged`, and in a drill `Lost`.
        """
        ...
