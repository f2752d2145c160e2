"""What tests of money share: a second provider, webhooks as they are told, what became of an order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis import metrics
from chassis.refusals import Unavailable
from contracts import metrics as declared
from orders.engine import Engine
from orders.model import Order
from orders.payments import Notification, TestProvider
from orders.store import OrdersStore

Engines = Callable[[], Engine]


class Other(TestProvider):
    """A second provider, so that a buyer can pay with either, or both."""

    name = "other"


def now_of(store: OrdersStore, order: Order) -> Order:
    found = store.orders.get(order.id)
    assert found is not None
    return found


def events_of(store: OrdersStore, order: Order) -> list[str]:
    row = store.orders.collection.find_one({"_id": order.id})
    assert row is not None
    return [event["type"] for event in row.get("outbox", ()) if event["type"] != "order.placed"]


def paid_webhook(order: Order, **fields: Any) -> Notification:
    known = {
        "event_id": "event-1",
        "order_id": order.id,
        "kind": "paid",
        "payment_id": f"test-of-{order.id}",
        "amount": order.total_fen,
    }
    return Notification(**{**known, **fields})


def refunded_webhook(order: Order, **fields: Any) -> Notification:
    return paid_webhook(order, **{"kind": "refunded", **fields})


def astray(reason: str) -> float:
    return float(metrics.counter(declared.PAYMENTS_ASTRAY).labels("test", reason)._value.get())


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


def lapse(store: OrdersStore, order: Order) -> None:
    store.orders.collection.update_one({"_id": order.id}, {"$set": {"pay_by": long_ago()}})


def away(*_: Any) -> Any:
    raise Unavailable("payment-provider-away", "The payment provider cannot be reached.")
