"""A provider for tests and demos: takes no money, and fails as its tokens say.

| token | what becomes of it |
| --- | --- |
| `ok`, or none | paid |
| `declined` | declined |
| `slow` | pending, until `settle` is called (in this process) or a signed webhook says so |
| `away` | the provider cannot be reached |
| `short` | paid, one fen less than was asked for |

Ids are made from the orders', so every process gives the same. Webhooks are signed with HMAC-SHA256 over time and body;
without a secret none is believed.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from chassis.refusals import Unavailable
from orders.payments.interface import (
    Charge,
    Declined,
    Forged,
    Notification,
    Paid,
    Pending,
    Purchase,
    Refund,
    RefundRefused,
)

SIGNATURE: Final = "test-signature"
TIMESTAMP: Final = "test-timestamp"
_FRESH_SECONDS: Final = 300


class Delivery(NamedTuple):
    """A webhook as it is posted: may be posted twice, late, or before another."""

    headers: dict[str, str]
    body: bytes


class TestProvider:
    """Takes no money. Remembers only what it was asked to be slow with."""

    __test__ = False  # it is no test of pytest's
    name = "test"

    def __init__(self, webhook_secret: str = "") -> None:
        self._secret = webhook_secret
        self._slow: dict[str, Charge] = {}

    def decides_at_once(self, token: str | None) -> bool:
        """All but the slow ones: those might be paid for when nobody is looking."""
        return token != "slow"  # noqa: S105  no secret

    def charge(self, purchase: Purchase, token: str | None) -> Charge:
        """What the token says."""
        if purchase.amount_fen < 0:
            raise ValueError(f"cannot charge {purchase.amount_fen} fen")
        if token == "away":  # noqa: S105  no secret
            raise Unavailable("payment-provider-away", "The payment provider cannot be reached.")
        if token == "declined":  # noqa: S105  no secret
            return Declined(reason="as the token says")
        if token == "slow":  # noqa: S105  no secret
            return self._slow.setdefault(purchase.order_id, Pending(kind="wait"))
        amount = purchase.amount_fen - (token == "short")  # noqa: S105  no secret
        return Paid(payment_id=payment_id(purchase.order_id, token or "ok"), amount=amount)

    def find(self, purchase: Purchase) -> Charge | None:
        """How a slow one stands."""
        return self._slow.get(purchase.order_id)

    def close(self, purchase: Purchase) -> Charge | None:
        """A slow one that waits is over."""
        if isinstance(self._slow.get(purchase.order_id), Pending):
            self._slow[purchase.order_id] = Declined(reason="closed")
        return self.find(purchase)

    def refund(self, refund: Refund) -> None:
        """Always succeeds for a payment of its own, up to what was paid."""
        if not 0 < refund.amount <= refund.paid or not refund.payment_id.startswith("test-"):
            raise RefundRefused("the provider knows no such payment or amount")

    def webhook(self, headers: Mapping[str, str], body: bytes) -> Notification | None:
        """What it says, if it is signed with our secret and not old."""
        given, at = headers.get(SIGNATURE) or "", headers.get(TIMESTAMP) or ""
        if not self._secret or not hmac.compare_digest(_signature(self._secret, at, body).encode(), given.encode()):
            raise Forged("not signed with our secret")
        if not at.isdecimal() or abs(time.time() - int(at)) > _FRESH_SECONDS:
            raise Forged("signed too long ago")
        try:
            said = msgspec.json.decode(body, type=Notification)
        except msgspec.ValidationError:
            return None  # signed, and of something that is nothing to us
        if said.kind == "paid" and isinstance(self._slow.get(said.order_id), Pending):
            # It is the provider that says so: asked later, it says the same, whatever became of this message.
            self._slow[said.order_id] = Paid(payment_id=said.payment_id, amount=said.amount, currency=said.currency)
        return said

    def settle(self, purchase: Purchase) -> Delivery:
        """The buyer of a slow one paid: from now on `find` says so, and this is the webhook that does."""
        paid = Paid(payment_id=payment_id(purchase.order_id, "slow"), amount=purchase.amount_fen)
        self._slow[purchase.order_id] = paid
        return self.deliver(
            Notification(
                event_id=f"paid-{paid.payment_id}",
                order_id=purchase.order_id,
                kind="paid",
                payment_id=paid.payment_id,
                amount=paid.amount,
            )
        )

    def deliver(self, notification: Notification) -> Delivery:
        """Any notification, signed."""
        return signed(self._secret, notification)


def signed(secret: str, notification: Notification, at: int | None = None) -> Delivery:
    """A notification as the provider would post it."""
    return sealed(secret, msgspec.json.encode(notification), at)


def sealed(secret: str, body: bytes, at: int | None = None) -> Delivery:
    """Any body, signed."""
    stamp = str(int(time.time()) if at is None else at)
    return Delivery({SIGNATURE: _signature(secret, stamp, body), TIMESTAMP: stamp}, body)


def payment_id(order_id: str, token: str) -> str:
    """The same order and token: the same payment."""
    return f"test-{hashlib.sha256(f'charge:{order_id}:{token}'.encode()).hexdigest()[:24]}"


def _signature(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
