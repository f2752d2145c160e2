"""A small evening that holds in every point: a slot, a shelf, a rehearsal, four orders. Tests spoil it bit by bit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from contracts import events
from contracts.codec import decode, record, to_message
from contracts.events import Fact
from evening.audit import Evidence, Promise, Told
from evening.audit.people import PARCEL_FIELDS
from evening.audit.records import Allotment, Item, Notice, Order, Parcel, Share
from evening.audit.topics import Said, Topics

NOW = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
COUNTY, ITEM, SHELF_ITEM, PRODUCER, SHOW, DRESS = "522634", "item-tea", "item-lamp", "producer-1", "show-1", "show-0"
THING = {"county": COUNTY, "sku": "TEA", "name_zh": "茶", "name_en": "Tea", "producer_id": PRODUCER}
LAMP = THING | {"sku": "LAMP", "name_zh": "灯", "name_en": "Lamp"}


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def said(data: Fact, sequence: int, *, at: float = 0, aggregate: str | None = None, copies: int = 1) -> list[Said]:
    """The event as a consumer meets it, `copies` times in a row."""
    source = next(kind.owner for kind in events.EVENTS.values() if kind.cls is type(data))
    topic, key, value, headers = to_message(
        record(data, source=source, sequence=sequence, time=after(at), aggregate=aggregate)
    )
    event = decode(headers, value)
    return [Said(topic, 0, offset, key.decode(), event, value) for offset in range(copies)]


def order(number: int, allotment_id: str = "slot-1", **different: Any) -> Order:
    known: dict[str, Any] = {
        "order_id": f"order-{number}",
        "buyer_id": f"buyer-{number}",
        "allotment_id": allotment_id,
        "item_id": ITEM,
        "county": COUNTY,
        "channel": "web",
        "quantity": 2,
        "unit_price_fen": 9900,
        "total_fen": 19800,
        "live": True,
        "state": "placed",
        "placed_at": after(11),
        "key": f"key-{number}",
        "version": 1,
    }
    return Order(**known | different)


def about(it: Order, **more: Any) -> dict[str, Any]:
    """What every event of an order says."""
    fields = ("order_id", "buyer_id", "allotment_id", "item_id", "channel", "rehearsal", "imported", "quantity")
    fields += ("show_id", "slot")
    thing = LAMP if it.item_id == SHELF_ITEM else THING
    return {name: getattr(it, name) for name in fields} | thing | more


def placed(it: Order) -> list[Said]:
    prices = {"unit_price_fen": it.unit_price_fen, "total_fen": it.total_fen, "weight_g": 200}
    return said(events.OrderPlaced(**about(it, **prices, placed_at=it.placed_at)), 1, at=11)


def paid(it: Order, sequence: int = 2) -> list[Said]:
    money = {"amount_fen": it.total_fen, "provider": "test", "payment_id": f"payment-{it.order_id}"}
    return said(events.OrderPaid(**about(it, **money, paid_at=after(12))), sequence, at=12)


def featured(show_id: str, allotment_id: str, *, rehearsal: bool) -> list[Said]:
    fact = events.ItemFeatured(
        **THING,
        show_id=show_id,
        programme="Sweet",
        rehearsal=rehearsal,
        slot=1,
        allotment_id=allotment_id,
        item_id=ITEM,
        weight_g=100,
        price_fen=12800,
        live_price_fen=9900,
        offered=10,
        per_buyer_limit=2,
        channels=("web",),
        opens_at=after(10),
        closes_at=after(14),
    )
    return said(fact, 2, at=10)


def show_facts(show_id: str, *, rehearsal: bool) -> list[Said]:
    known = {"show_id": show_id, "show": "sweet", "programme": "Sweet", "rehearsal": rehearsal, "counties": (COUNTY,)}
    return [
        *said(events.StreamStarted(**known, channels=("web",), started_at=NOW), 1),
        *said(events.StreamEnded(**known, started_at=NOW, ended_at=after(20)), 3, at=20),
    ]


def allotted(it: Allotment) -> list[Said]:
    thing = LAMP if it.item_id == SHELF_ITEM else THING
    fact = events.StockAllotted(
        **thing,
        allotment_id=it.allotment_id,
        item_id=it.item_id,
        weight_g=100,
        purpose="slot" if it.show_id else "shelf",
        offered=it.offered,
        price_fen=9900,
        per_buyer_limit=it.per_buyer_limit,
        show_id=it.show_id,
        slot=it.slot,
        allotted_at=NOW,
    )
    return said(fact, 1)


def closed(it: Allotment) -> list[Said]:
    fact = events.AllotmentClosed(
        **THING,
        allotment_id=it.allotment_id,
        item_id=it.item_id,
        rehearsal=it.rehearsal,
        show_id=it.show_id,
        slot=it.slot,
        offered=it.offered,
        sold=it.sold,
        returned=it.returned,
        revision=1,
        closed_at=after(21),
    )
    return said(fact, 1, at=21)


def listing(sequence: int) -> list[Said]:
    """The tea as catalog lists it."""
    names = {
        "county_name_zh": "雷山县",
        "county_name_en": "Leishan",
        "producer_name_zh": "产户",
        "producer_name_en": "Grower",
    }
    known = {"kind": "produce", "unit": "tin", "weight_g": 100, "price_fen": 12800, "live_price_fen": 9900}
    fact = events.ItemListed(item_id=ITEM, shelf_life_days=365, **THING, **names, **known)
    return said(fact, sequence, aggregate=ITEM)


def missed() -> list[Said]:
    """Three units of tea that nobody could have."""
    fact = events.DemandMissed(
        item_id=ITEM,
        county=COUNTY,
        sku="TEA",
        quantity=3,
        reason="sold_out",
        allotment_id="slot-1",
        missed_at=after(13),
    )
    return said(fact, 9, at=13, aggregate="slot-1:missed")


def small_evening() -> Evidence:
    """Everything holds."""
    money = {"paid": True, "paid_fen": 19800}
    kept = order(1, state="packed", parcel_id="parcel-1", version=3, **money)
    kept = msgspec.structs.replace(kept, show_id=SHOW, slot=1)
    dropped = order(2, state="cancelled", live=False, refunded_fen=19800, version=3, **money)
    shelf = {
        "item_id": SHELF_ITEM,
        "imported": True,
        "unit_price_fen": 100,
        "total_fen": 200,
        "channel": "uk-gift-shop",
    }
    lamp = order(
        3,
        "shelf-1",
        **shelf,
        state="paid",
        paid=True,
        paid_fen=200,
        refunded_fen=100,
        returns=1,
        returned=1,
        restocked=1,
        version=3,
    )
    played = order(4, "dress-1", rehearsal=True)
    of_slot = {"item_id": ITEM, "county": COUNTY, "per_buyer_limit": 2, "slot": 1, "closed": True, "remaining": 0}
    slot = Allotment(allotment_id="slot-1", offered=10, sold=2, returned=8, show_id=SHOW, **of_slot)
    dress = Allotment(allotment_id="dress-1", offered=10, sold=2, returned=8, show_id=DRESS, rehearsal=True, **of_slot)
    board = Allotment(
        allotment_id="shelf-1",
        item_id=SHELF_ITEM,
        county=COUNTY,
        offered=5,
        sold=1,
        remaining=4,
        returned=0,
        closed=False,
    )
    parcel = {"parcel_id": "parcel-1", "buyer_id": "buyer-1", "county": COUNTY, "order_ids": ("order-1",)}
    sending = {"hub": "522634-C", "shipped_at": after(31), "carrier": "Village Express", "tracking_number": "SH1"}
    cancelled = events.OrderCancelled(**about(dropped), reason="buyer", refund_fen=19800, cancelled_at=after(13))
    back = events.OrderReturned(**about(lamp) | {"quantity": 1}, refund_fen=100, restocked=True, returned_at=after(13))
    viewers = {"channel": "web", "viewers": 1_150_000, "sampled_at": after(5)}
    messages = [
        *said(events.CountyListed(**COUNTY_FACTS), 1),
        *show_facts(SHOW, rehearsal=False),
        *show_facts(DRESS, rehearsal=True),
        *featured(SHOW, "slot-1", rehearsal=False),
        *featured(DRESS, "dress-1", rehearsal=True),
        *said(events.AudienceSampled(show_id=SHOW, rehearsal=False, **viewers), 1, aggregate="sample-1"),
        *allotted(slot),
        *allotted(board),
        *(message for it in (kept, dropped, lamp, played) for message in placed(it)),
        *(message for it in (kept, dropped, lamp) for message in paid(it)),
        *listing(1),
        *listing(2),
        *missed(),
        *said(cancelled, 3, at=13),
        *said(back, 3, at=13),
        *closed(slot),
        *closed(dress),
        *said(events.ParcelPacked(**parcel, hub="522634-C", weight_g=200, packed_at=after(30)), 1, at=30),
        *said(events.ParcelShipped(**parcel, **sending), 2, at=31, copies=2),
    ]
    told = ("stream.started:show-1:1", "stream.ended:show-1:3", "allotment.closed:slot-1:1")
    return Evidence(
        topics=Topics(messages),
        orders=[kept, dropped, lamp, played],
        allotments=[slot, dress, board],
        items=[
            Item(item_id=ITEM, county=COUNTY, sku="TEA", on_hand=18, harvested=20),
            Item(item_id=SHELF_ITEM, county=COUNTY, sku="LAMP", on_hand=0, harvested=5),
        ],
        shares=[
            Share(allotment_id="slot-1", item_id=ITEM, county=COUNTY, offered=10, returned=8),
            Share(allotment_id="shelf-1", item_id=SHELF_ITEM, county=COUNTY, offered=5, returned=0),
        ],
        parcels=[Parcel(**parcel, state="shipped", fields=PARCEL_FIELDS)],
        notices=[
            Notice(recipient="buyer:buyer-1", event_id="order.paid:order-1:2"),
            Notice(recipient="buyer:buyer-2", event_id="order.paid:order-2:2"),
            Notice(recipient="buyer:buyer-2", event_id="order.cancelled:order-2:3"),
            Notice(recipient="buyer:buyer-1", event_id="parcel.shipped:parcel-1:2"),
            Notice(recipient=f"producer:{PRODUCER}", event_id="allotment.closed:slot-1:1"),
            Notice(recipient=f"producer:{PRODUCER}", event_id="item.featured:show-1:2"),
            *(Notice(recipient=f"county:{COUNTY}", event_id=event) for event in told),
        ],
        sales=frozenset({"order.placed:order-1:1", "order.paid:order-1:2"}),
        missed={ITEM: 3},
        copies={ITEM: 2},
        documents={"orders.orders": 4},
        numbers=20,
        unpublished={"orders.orders": 0},
        unsettled={"orders.orders.owed": 0},
        told=Told(
            promises=[
                Promise(order_id="order-1", key="key-1", buyer_id="buyer-1", allotment_id="slot-1", quantity=2),
                Promise(order_id="order-1", key="key-1", buyer_id="buyer-1", allotment_id="slot-1", quantity=2),
            ],
            imported={"orders": 1, "units": 2, "returned": 1},
            revenue_fen=19900,
            metrics={"orders_placed_total": 3, "orders_revenue_fen_total": 39800},
        ),
    )


COUNTY_FACTS: dict[str, Any] = {
    "county": COUNTY,
    "name_zh": "雷山县",
    "name_en": "Leishan",
    "province_zh": "贵州",
    "province_en": "Guizhou",
    "latitude": 26.38,
    "longitude": 108.08,
    "host_title": "Magistrate of Leishan County",
}
