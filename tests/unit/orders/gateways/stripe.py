"""What Stripe's servers do with PaymentIntents and refunds, as far as an adapter may rely on it; and its webhooks.

Unlike stripe-mock it remembers: idempotency keys, what was confirmed, what was refunded.
"""

import itertools
import json
from typing import Any
from urllib.parse import parse_qsl

import stripe
from tests.unit.orders.gateways.web import Asked, Web, as_json

from orders.payments import Purchase

KEY, WEBHOOK_SECRET = "sk_test_nevertobeshown", "whsec_never_to_be_shown"
GOOD, DECLINED = "pm_card_visa", "pm_card_chargeDeclined"
LEAST = 400


class Stripe:
    """One account."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._remembered: dict[str, tuple[int, Any]] = {}
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.web = Web(self._answer)

    def pay(self, order_id: str) -> None:
        """The buyer confirms on their page, if they still can."""
        if self.of(order_id)["status"] == "canceled":
            raise PermissionError("the intent was canceled")
        self._succeed(self.of(order_id))

    def of(self, order_id: str) -> dict[str, Any]:
        return next(one for one in self.intents.values() if one["metadata"]["order_id"] == order_id)

    def _answer(self, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return 401, as_json({"error": {"type": "invalid_request_error", "message": "no such key"}}), {}
        key = f"{asked.path} {asked.headers.get('idempotency-key')}"
        if asked.headers.get("idempotency-key") and key in self._remembered:
            status, content = self._remembered[key]
            return status, as_json(content), {"Idempotent-Replayed": "true"}
        status, content = self._do(asked, dict(parse_qsl(asked.body.decode())))
        content = json.loads(json.dumps(content))  # as it is now, whatever becomes of it
        if asked.method == "POST":
            self._remembered[key] = status, content
        return status, as_json(content), {}

    def _do(self, asked: Asked, form: dict[str, str]) -> tuple[int, Any]:
        match [asked.method, *asked.path.split("/")[2:]]:
            case ["POST", "payment_intents"]:
                if int(form["amount"]) < LEAST:
                    return 400, {"error": {"type": "invalid_request_error", "code": "amount_too_small", "message": ""}}
                return 200, self._create(form)
            case ["GET", "payment_intents", name]:
                return 200, self.intents[name]
            case ["POST", "payment_intents", name, "confirm"]:
                return self._confirm(self.intents[name], form["payment_method"])
            case ["POST", "payment_intents", name, "cancel"]:
                return self._cancel(self.intents[name])
            case ["POST", "refunds"]:
                return self._refund(form)
        return 404, {"error": {"type": "invalid_request_error", "message": asked.path}}

    def _create(self, form: dict[str, str]) -> dict[str, Any]:
        name = f"pi_{next(self._numbers)}"
        self.intents[name] = {
            "id": name,
            "object": "payment_intent",
            "amount": int(form["amount"]),
            "amount_received": 0,
            "currency": form["currency"],
            "status": "requires_payment_method",
            "client_secret": f"{name}_secret",
            "metadata": {"order_id": form["metadata[order_id]"]},
        }
        return self.intents[name]

    def _confirm(self, intent: dict[str, Any], method: str) -> tuple[int, Any]:
        if method == DECLINED:
            return 402, {"error": {"type": "card_error", "code": "card_declined", "message": "declined"}}
        if method != GOOD:
            return 400, {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "none"}}
        if intent["status"] == "succeeded":
            error = {"type": "invalid_request_error", "code": "payment_intent_unexpected_state", "message": "done"}
            return 400, {"error": error}
        return 200, self._succeed(intent)

    def _cancel(self, intent: dict[str, Any]) -> tuple[int, Any]:
        if intent["status"] in ("succeeded", "canceled"):
            error = {"type": "invalid_request_error", "code": "payment_intent_unexpected_state", "message": "over"}
            return 400, {"error": error}
        intent["status"] = "canceled"
        return 200, intent

    def _succeed(self, intent: dict[str, Any]) -> dict[str, Any]:
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        return intent

    def _refund(self, form: dict[str, str]) -> tuple[int, Any]:
        intent, amount = self.intents.get(form["payment_intent"]), int(form["amount"])
        given = sum(one["amount"] for one in self.refunds if one["payment_intent"] == form["payment_intent"])
        if intent is None or given + amount > intent["amount_received"]:
            error = {"type": "invalid_request_error", "code": "amount_too_large", "message": "more than was paid"}
            return 400, {"error": error}
        self.refunds.append({"payment_intent": intent["id"], "amount": amount})
        return 200, {"id": f"re_{next(self._numbers)}", "object": "refund", "status": "succeeded"}


def webhook(kind: str, content: dict[str, Any], *, secret: str = WEBHOOK_SECRET, at: int | None = None) -> Any:
    """Headers and body of a webhook, signed as Stripe signs."""
    event = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": content}}
    body = json.dumps(event, ensure_ascii=False)
    header = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return {"stripe-signature": header}, body.encode()


def succeeded(purchase: Purchase, amount: int | None = None, currency: str = "cny") -> dict[str, Any]:
    """The intent of a paid order, as `payment_intent.succeeded` carries it."""
    return {
        "id": "pi_of_order",
        "object": "payment_intent",
        "amount_received": purchase.amount_fen if amount is None else amount,
        "currency": currency,
        "status": "succeeded",
        "metadata": {"order_id": purchase.order_id},
    }


def refunded(purchase: Purchase, amount: int) -> dict[str, Any]:
    """The charge of an order, as `charge.refunded` carries it."""
    return {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": "pi_of_order",
        "amount_refunded": amount,
        "currency": "cny",
        "metadata": {"order_id": purchase.order_id},
    }


def refund_failed(purchase: Purchase, amount: int) -> dict[str, Any]:
    """A refund, as `refund.failed` carries it."""
    return {
        "id": "re_1",
        "object": "refund",
        "payment_intent": "pi_of_order",
        "amount": amount,
        "currency": "cny",
        "metadata": {"order_id": purchase.order_id},
    }
