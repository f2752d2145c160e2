"""Allotments, requests and orders for tests, each with as little said as the test needs."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from contracts.ids import new_id
from orders import domain
from orders.model import Allotment, Hub, Order, Parcel, Payment

NOW = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
_numbers = count(1)


def allotment(**fields: Any) -> Allotment:
    offered = fields.pop("offered", 10)
    known: dict[str, Any] = {
        "id": new_id(),
        "item_id": "item-1",
        "county": "520123",
        "sku": "XW-KIWI-5",
        "name_zh": "修文猕猴桃",
        "name_en": "Xiuwen kiwifruit",
        "producer_id": "producer-1",
        "weight_g": 2500,
        "purpose": "shelf",
        "price_fen": 4980,
        "offered": offered,
        "remaining": offered - fields.get("sold", 0) - fields.get("returned", 0),
    }
    return Allotment(**{**known, **fields})


def slot(**fields: Any) -> Allotment:
    """A slot whose live price holds from NOW for ten minutes."""
    known = {
        "purpose": "slot",
        "show_id": "show-1",
        "slot": 1,
        "live_price_fen": 3990,
        "opens_at": NOW,
        "closes_at": NOW + timedelta(minutes=10),
        "window_sequence": 2,
    }
    return allotment(**{**known, **fields})


def request(of: Allotment, **fields: Any) -> domain.Request:
    buyer = fields.pop("buyer", f"buyer-{next(_numbers)}")
    key = fields.pop("key", f"key-{next(_numbers)}")
    known = {
        "order_id": new_id(),
        "allotment_id": of.id,
        "buyer_id": buyer,
        "quantity": 1,
        "channel": "web",
        "request_key": domain.request_key(buyer, key),
        "arrived_at": NOW,
        "placed_at": NOW,
        "pay_by": NOW + timedelta(minutes=15),
    }
    return domain.Request(**{**known, **fields})


def order(of: Allotment | None = None, **fields: Any) -> Order:
    of = of or allotment()
    quantity = fields.pop("quantity", 2)
    decision = domain.decide(of, (), [request(of, quantity=quantity)])
    return msgspec.structs.replace(domain.order_of(of, decision.lines[0]), **fields)


def paid_order(of: Allotment | None = None, provider: str = "test", **fields: Any) -> Order:
    placed = order(of, **fields)
    payment = Payment(provider=provider, payment_id="test-1", amount_fen=placed.total_fen, paid_at=NOW)
    return msgspec.structs.replace(placed, state="paid", payment=payment, version=2)


def parcel(**fields: Any) -> Parcel:
    known: dict[str, Any] = {
        "id": new_id(),
        "buyer_id": "b1",
        "county": "520123",
        "order_ids": ["o1"],
        "hub": "520123-C",
        "weight_g": 2500,
        "state": "packed",
        "begun_at": NOW,
        "version": 1,
    }
    return Parcel(**{**known, **fields})


def hub(name: str, kind: Any = "village_point") -> Hub:
    return Hub(id=name, county="520123", kind=kind, name_zh="收寄点", sequence=1)
