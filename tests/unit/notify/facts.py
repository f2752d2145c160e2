"""Facts for the tests of notify: one plausible event of each type, with the fields a test cares about changed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from contracts.codec import Event
from contracts.events import (
    AllotmentClosed,
    Fact,
    ItemFeatured,
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    OrderReturned,
    ParcelDelivered,
    ParcelShipped,
    PreorderPlaced,
    StreamEnded,
    StreamStarted,
    WaitlistOffered,
    event_type,
)

NOON = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
_ITEM = {
    "item_id": "i1",
    "county": "520123",
    "sku": "XW-KIWI-5",
    "name_zh": "修文猕猴桃",
    "name_en": "Xiuwen kiwifruit",
}
_SALE = {**_ITEM, "allotment_id": "a1", "producer_id": "p1", "rehearsal": False, "show_id": "s1", "slot": 1}
_ORDER = {**_SALE, "order_id": "o1", "buyer_id": "b1", "channel": "web", "imported": False, "quantity": 2}
_PLACE = {**_ITEM, "allotment_id": "a1", "buyer_id": "b1", "channel": "web", "quantity": 2, "show_id": "s1", "slot": 1}
_PARCEL = {"parcel_id": "k1", "buyer_id": "b1", "county": "520123", "order_ids": ("o1",)}
_SHOW = {"show_id": "s1", "show": "evening", "programme": "Town Store Treasure", "rehearsal": False}
_WHERE = {"counties": ("520123", "522634"), "started_at": NOON}
_FIELDS: dict[type[Fact], dict[str, Any]] = {
    OrderPlaced: {**_ORDER, "unit_price_fen": 3990, "total_fen": 7980, "weight_g": 5000, "placed_at": NOON},
    OrderPaid: {**_ORDER, "amount_fen": 7980, "provider": "test", "payment_id": "y1", "paid_at": NOON},
    OrderCancelled: {**_ORDER, "reason": "buyer", "refund_fen": 7980, "cancelled_at": NOON},
    OrderReturned: {**_ORDER, "refund_fen": 7980, "restocked": True, "returned_at": NOON},
    WaitlistOffered: {
        **_PLACE,
        "entry_id": "e1",
        "order_id": "o1",
        "unit_price_fen": 3990,
        "offered_at": NOON,
        "offer_until": NOON + timedelta(minutes=10),
    },
    PreorderPlaced: {
        **_PLACE,
        "preorder_id": "e1",
        "lot": "NEXT",
        "expected_on": date(2019, 10, 5),
        "preordered_at": NOON,
    },
    ParcelShipped: {**_PARCEL, "hub": "520123-V1", "carrier": "SF", "tracking_number": "SF1", "shipped_at": NOON},
    ParcelDelivered: {**_PARCEL, "delivered_at": NOON},
    AllotmentClosed: {**_SALE, "offered": 100, "sold": 90, "returned": 10, "revision": 1, "closed_at": NOON},
    ItemFeatured: {
        **_SALE,
        "programme": "Town Store Treasure",
        "weight_g": 2500,
        "price_fen": 4980,
        "live_price_fen": 3990,
        "offered": 100,
        "per_buyer_limit": 3,
        "channels": ("web",),
        "opens_at": NOON,
        "closes_at": NOON + timedelta(minutes=12),
    },
    StreamStarted: {**_SHOW, **_WHERE, "channels": ("web", "youku")},
    StreamEnded: {**_SHOW, **_WHERE, "ended_at": NOON + timedelta(hours=1)},
}


def fact(cls: type[Fact], **changed: Any) -> Any:
    """A fact of the class, with the fields changed as given."""
    return cls(**{**_FIELDS[cls], **changed})


def event(cls: type[Fact], sequence: int = 1, time: datetime = NOON, **changed: Any) -> Event:
    """The event that says such a fact."""
    data = fact(cls, **changed)
    kind = event_type(cls)
    subject = str(getattr(data, kind.key))
    return Event(
        id=f"{kind.name}:{subject}:{sequence}",
        type=kind.name,
        source="/shanhuo/test",
        subject=subject,
        sequence=sequence,
        time=time,
        data=msgspec.convert(msgspec.to_builtins(data), cls),
    )
