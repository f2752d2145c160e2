"""Who takes the money: the interface that every payment provider answers to, and a provider for tests and demos.

Knows amounts and keys, no order's life. The same idempotency key is the same payment, however often it is asked for.
"""

import hashlib
from typing import Literal, Protocol

import msgspec

from chassis.refusals import Conflict


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a charge."""

    payment_id: str
    status: Literal["paid", "declined"]
    amount_fen: int


class PaymentProvider(Protocol):
    """A provider takes whole amounts and gives back parts. It may be slow or away; it must honour idempotency keys."""

    name: str

    def charge(self, order_id: str, amount_fen: int, token: str, idempotency_key: str) -> Charge:
        """Take the amount for an order. Declined is an answer, not an error; the buyer may try another token."""
        ...

    def refund(self, payment_id: str, amount_fen: int, idempotency_key: str) -> None:
        """Give back part or all of a payment."""
        ...


class TestProvider:
    """Takes no money.

    Token `ok` pays, `declined` does not; ids are made from the keys, so every process gives the same.
    """

    __test__ = False  # it is no test of pytest's
    name = "test"

    def charge(self, order_id: str, amount_fen: int, token: str, idempotency_key: str) -> Charge:
        """Paid, unless the token says otherwise."""
        del order_id  # a real provider shows it to the buyer
        if amount_fen < 0:
            raise ValueError(f"cannot charge {amount_fen} fen")
        status: Literal["paid", "declined"] = "declined" if token == "declined" else "paid"  # noqa: S105  no secret
        return Charge(payment_id=_id("charge", idempotency_key), status=status, amount_fen=amount_fen)

    def refund(self, payment_id: str, amount_fen: int, idempotency_key: str) -> None:
        """Always succeeds for a payment of its own."""
        del idempotency_key  # nothing was taken, so nothing can be given back twice
        if amount_fen <= 0 or not payment_id.startswith("test-"):
            raise Conflict("refund-refused", "The provider knows no such payment or amount.")


def _id(kind: str, key: str) -> str:
    return f"test-{hashlib.sha256(f'{kind}:{key}'.encode()).hexdigest()[:24]}"
