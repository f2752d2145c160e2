"""Shows, slots and items for broadcast's tests, each complete; say only what matters to the test."""

from datetime import UTC, datetime
from typing import Any

from broadcast.shows import Allotment, Item, Show, Slot
from contracts.codec import Event
from contracts.events import (
    CountyListed,
    Fact,
    ItemListed,
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    OrderReturned,
    StockAllotted,
    event_type,
)

NOW = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
XIUWEN, LEISHAN = "520123", "522634"


def an_item(county: str = XIUWEN, sku: str = "KIWI", **changed: Any) -> Item:
    fields: dict[str, Any] = {
        "item_id": f"item-{county}-{sku}",
        "county": county,
        "sku": sku,
        "name_zh": "修文猕猴桃",
        "name_en": "Xiuwen kiwifruit",
        "unit": "box",
        "weight_g": 2500,
        "price_fen": 4980,
        "live_price_fen": 3990,
        "producer_id": "producer-1",
        "producer_name_zh": "合作社",
        "producer_name_en": "Co-operative",
    }
    return Item(**(fields | changed))


def an_allotment(slot: Slot, show_id: str = "show-1", **changed: Any) -> Allotment:
    fields: dict[str, Any] = {
        "allotment_id": f"allotment-{slot.slot}",
        "show_id": show_id,
        "slot": slot.slot,
        "item_id": slot.item.item_id,
        "county": slot.county,
        "sku": slot.item.sku,
        "offered": 400,
        "price_fen": 3500,
        "per_buyer_limit": 3,
        "allotted_at": NOW,
    }
    return Allotment(**(fields | changed))


def a_slot(number: int = 1, county: str = XIUWEN, allotted: bool = True, **changed: Any) -> Slot:
    fields: dict[str, Any] = {
        "slot": number,
        "item": an_item(county),
        "channels": ("taobao-live", "web"),
        "starts_min": (number - 1) * 12,
        "minutes": 12,
        "planned": 500,
        "per_buyer_limit": 5,
    }
    slot = Slot(**(fields | changed))
    return Slot(**(fields | changed | {"allotment": an_allotment(slot)})) if allotted else slot


def a_show(*slots: Slot, **changed: Any) -> Show:
    fields: dict[str, Any] = {
        "show_id": "show-1",
        "show": "township-sweet",
        "programme": "Township Sweet",
        "rehearsal": False,
        "slots": slots or (a_slot(1), a_slot(2, LEISHAN)),
    }
    return Show(**(fields | changed))


def an_event(fact: Fact, sequence: int = 1) -> Event:
    """The fact as a consumer receives it."""
    kind = event_type(type(fact))
    subject = getattr(fact, kind.key)
    return Event(
        id=f"{kind.name}:{subject}:{sequence}",
        type=kind.name,
        source=f"/shanhuo/{kind.owner}",
        subject=subject,
        sequence=sequence,
        time=NOW,
        data=fact,
    )


def a_listed_county(county: str = XIUWEN) -> CountyListed:
    return CountyListed(
        county=county,
        name_zh="修文县",
        name_en="Xiuwen",
        province_zh="贵州",
        province_en="Guizhou",
        latitude=26.84,
        longitude=106.6,
        host_title=f"Magistrate of {county}",
    )


def a_listed_item(county: str = XIUWEN, sku: str = "KIWI", **changed: Any) -> ItemListed:
    fields: dict[str, Any] = {
        "item_id": f"item-{county}-{sku}",
        "county": county,
        "county_name_zh": "修文县",
        "county_name_en": "Xiuwen",
        "sku": sku,
        "kind": "produce",
        "name_zh": "修文猕猴桃",
        "name_en": "Xiuwen kiwifruit",
        "unit": "box",
        "weight_g": 2500,
        "price_fen": 4980,
        "live_price_fen": 3990,
        "producer_id": "producer-1",
        "producer_name_zh": "合作社",
        "producer_name_en": "Co-operative",
        "shelf_life_days": 60,
    }
    return ItemListed(**(fields | changed))


def an_allotted(show_id: str, slot: int, county: str = XIUWEN, sku: str = "KIWI", **changed: Any) -> StockAllotted:
    fields: dict[str, Any] = {
        "allotment_id": f"allotment-{show_id}-{slot}",
        "item_id": f"item-{county}-{sku}",
        "county": county,
        "sku": sku,
        "name_zh": "修文猕猴桃",
        "name_en": "Xiuwen kiwifruit",
        "producer_id": "producer-1",
        "weight_g": 2500,
        "purpose": "slot",
        "offered": 400,
        "price_fen": 3500,
        "per_buyer_limit": 3,
        "show_id": show_id,
        "slot": slot,
        "allotted_at": NOW,
    }
    return StockAllotted(**(fields | changed))


def order_facts(order_id: str, show: str, number: int = 1, county: str = XIUWEN, **changed: Any) -> list[Fact]:
    """An order of two boxes that was placed, paid, gave one back and was cancelled."""
    common: dict[str, Any] = {
        "order_id": order_id,
        "buyer_id": "buyer-1",
        "allotment_id": f"allotment-{show}-{number}",
        "item_id": f"item-{county}-KIWI",
        "county": county,
        "sku": "KIWI",
        "name_zh": "修文猕猴桃",
        "name_en": "Xiuwen kiwifruit",
        "producer_id": "producer-1",
        "channel": "web",
        "rehearsal": False,
        "imported": False,
        "show_id": show,
        "slot": number,
        "quantity": 2,
    } | changed
    return [
        OrderPlaced(**common, unit_price_fen=3500, total_fen=7000, weight_g=5000, placed_at=NOW),
        OrderPaid(**common, amount_fen=7000, provider="test", payment_id=f"payment-{order_id}", paid_at=NOW),
        OrderReturned(**(common | {"quantity": 1}), refund_fen=3500, restocked=True, returned_at=NOW),
        OrderCancelled(**common, reason="buyer", refund_fen=3500, cancelled_at=NOW),
    ]
