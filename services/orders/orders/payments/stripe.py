"""Stripe, by its own SDK: one PaymentIntent for each order.

The intent is created under the order's id as idempotency key, always with the same parameters, so creating it again
(within Stripe's 24 hours, far longer than an order has to be paid) is finding it: no list to search, which Stripe would
bring up to date only after a while. Without a token the buyer's page confirms it with the client secret; with one (a
payment method's id) it is confirmed here. An intent succeeds at most once, so confirming needs no key of its own, and a
card that was declined may be tried again.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple

import requests
import stripe
from requests.adapters import HTTPAdapter

from chassis.refusals import Unavailable
from orders.payments.interface import (
    CURRENCY,
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

_AWAY: Final = (
    stripe.APIConnectionError,
    stripe.IdempotencyError,  # the same request is under way elsewhere
    stripe.RateLimitError,
)
_RETRIES: Final = 2
_CONNECTIONS: Final = 64  # kept open; more are made and closed again
_SERVER_ERROR: Final = 500
_log = logging.getLogger(__name__)


class StripeProvider:
    """Payments by Stripe."""

    name = "stripe"

    def __init__(self, secret_key: str, webhook_secret: str, api: str, timeout_seconds: float) -> None:
        # One session for all: the SDK would else keep one for each thread, and each of our requests is a new thread.
        session = requests.Session()
        session.mount(api, HTTPAdapter(pool_maxsize=_CONNECTIONS))
        client = stripe.RequestsClient(timeout=timeout_seconds, session=session)
        self._stripe = stripe.StripeClient(
            secret_key, http_client=client, base_addresses={"api": api}, max_network_retries=_RETRIES
        )
        self._webhook_secret = webhook_secret

    def decides_at_once(self, token: str | None) -> bool:
        """Never: between their charge and our mark anything may happen."""
        del token
        return False

    def charge(self, purchase: Purchase, token: str | None) -> Charge:
        """Confirm the order's intent with the buyer's payment method, or hand its secret to the buyer's page."""
        intent = self._intent(purchase)
        if intent is None:
            return Declined(reason="refused by Stripe")
        if token is None or intent.status in ("succeeded", "processing", "canceled"):
            return _charge_of(intent)
        with _answered():
            try:
                return _charge_of(self._stripe.v1.payment_intents.confirm(intent.id, {"payment_method": token}))
            except stripe.CardError as declined:
                return Declined(reason=declined.code or "")
            except stripe.InvalidRequestError as refused:
                if refused.code == "payment_intent_unexpected_state":  # somebody else confirmed it meanwhile
                    return _charge_of(self._stripe.v1.payment_intents.retrieve(intent.id))
                return Declined(reason=refused.code or "")  # no such payment method, or not usable here

    def find(self, purchase: Purchase) -> Charge | None:
        """How the order's intent stands."""
        intent = self._intent(purchase)
        return None if intent is None else _charge_of(intent)

    def close(self, purchase: Purchase) -> Charge | None:
        """Cancel the order's intent. One that is being processed can be cancelled no more."""
        intent = self._intent(purchase)
        if intent is None:
            return None
        with _answered():
            try:
                return _charge_of(self._stripe.v1.payment_intents.cancel(intent.id))
            except stripe.InvalidRequestError:
                return _charge_of(self._stripe.v1.payment_intents.retrieve(intent.id))

    def refund(self, refund: Refund) -> None:
        """Give back; what was wholly given back before needs no more."""
        with _answered():
            try:
                self._stripe.v1.refunds.create(
                    {
                        "payment_intent": refund.payment_id,
                        "amount": refund.amount,
                        "metadata": {"order_id": refund.order_id, "debt": refund.key},
                    },
                    {"idempotency_key": refund.key},
                )
            except stripe.InvalidRequestError as refused:
                if refused.code != "charge_already_refunded":
                    raise RefundRefused(refused.code or "refused by Stripe") from refused

    def webhook(self, headers: Mapping[str, str], body: bytes) -> Notification | None:
        """A payment that succeeded, a charge that was refunded, a refund that failed."""
        try:
            event = stripe.Webhook.construct_event(body, headers.get("stripe-signature"), self._webhook_secret)
        except (stripe.SignatureVerificationError, TypeError, ValueError) as forged:  # TypeError: it is not ASCII
            raise Forged("not signed with our secret, or too long ago") from forged
        said = _SAID.get(event.type)
        kept = event.data.object.to_dict() if said else {}
        order_id = (kept.get("metadata") or {}).get("order_id")
        return _notification(event.id, order_id, kept, said) if said and order_id else None

    def _intent(self, purchase: Purchase) -> stripe.PaymentIntent | None:
        """The order's intent; None when Stripe will have none, for so little money, for one."""
        with _answered():
            try:
                intent = self._stripe.v1.payment_intents.create(
                    {
                        "amount": purchase.amount_fen,
                        "currency": CURRENCY.lower(),
                        "description": purchase.description,
                        "metadata": {"order_id": purchase.order_id},
                        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    },
                    {"idempotency_key": f"order-{purchase.order_id}"},
                )
            except stripe.InvalidRequestError as refused:
                _log.error("Stripe refuses an intent: %s", refused.code, extra={"order": purchase.order_id})
                return None
            if _replayed(intent):  # the answer of then, not the state of now
                intent = self._stripe.v1.payment_intents.retrieve(intent.id)
        return intent


def _replayed(intent: stripe.PaymentIntent) -> bool:
    headers = intent.last_response.headers if intent.last_response else {}
    return {name.lower(): value for name, value in headers.items()}.get("idempotent-replayed") == "true"


def _charge_of(intent: stripe.PaymentIntent) -> Charge:
    if intent.status == "succeeded":
        return Paid(payment_id=intent.id, amount=intent.amount_received, currency=intent.currency.upper())
    if intent.status == "canceled":
        return Declined(reason="canceled")
    if intent.status == "processing":
        return Pending(kind="wait")
    return Pending(kind="client-secret", value=intent.client_secret or "")


class _Said(NamedTuple):
    """What an event of theirs is to us, and where its object keeps the payment and the amount."""

    kind: Literal["paid", "refunded", "refund-failed"]
    payment: str
    amount: str


_SAID: Final[Mapping[str, _Said]] = {
    "payment_intent.succeeded": _Said("paid", "id", "amount_received"),
    "charge.refunded": _Said("refunded", "payment_intent", "amount_refunded"),
    "refund.failed": _Said("refund-failed", "payment_intent", "amount"),
}


def _notification(event_id: str, order_id: str, kept: Mapping[str, Any], said: _Said) -> Notification:
    return Notification(
        event_id=event_id,
        order_id=order_id,
        kind=said.kind,
        payment_id=kept[said.payment],
        amount=kept[said.amount],
        currency=kept["currency"].upper(),
    )


@contextmanager
def _answered() -> Iterator[None]:
    """What keeps Stripe from answering is an outage to us."""
    try:
        yield
    except (stripe.AuthenticationError, stripe.PermissionError) as wrong:
        _log.error("Stripe does not take our key: somebody must look")  # its own words repeat the key
        raise Unavailable("payment-provider-away", "The payment provider cannot be reached.") from wrong
    except _AWAY as away:
        raise Unavailable("payment-provider-away", "The payment provider cannot be reached.") from away
    except stripe.APIError as broken:
        if (broken.http_status or _SERVER_ERROR) < _SERVER_ERROR:
            raise
        raise Unavailable("payment-provider-away", "The payment provider cannot be reached.") from broken
