"""One full example of every event, from the evening of 3 December 2018: embedded in the schemas, tested against them.

Xiuwen's kiwifruit goes through one show: listed, allotted, featured, ordered, packed, delivered. Names, prices and
quantities are those of the project's own data, so that the schemas and the demo's report speak of the same things;
what the data do not tell (a certificate, the course of the sale) is made up.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from contracts import events as e

_OPENS: Final = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)  # 20:00 in China
_ITEM: Final = "01670bd1-4c00-7c4b-9a52-3f1f0c9f2b11"
_SHOW: Final = "01673b7e-f200-7d02-8b6e-51d0a3c7e920"
_ALLOTMENT: Final = "01673b80-1a40-7e91-a3c4-0b7d2f6e5c18"
_ORDER: Final = "016773f0-cc20-7a35-9d1c-6f2e8b4a7035"
_PARCEL: Final = "016777a1-0280-7b4f-86f2-c95a1d3e6b07"
_BUYER: Final = "buyer-17"
_THING: Final[dict[str, Any]] = {"item_id": _ITEM, "county": "520123", "sku": "XW-KIWI-5"}
_NAMED: Final[dict[str, Any]] = _THING | {
    "name_zh": "修文猕猴桃 5斤装",
    "name_en": "Xiuwen kiwifruit 2.5 kg",
    "producer_id": "520123:f83bab5fb81a",
}
_SLOT: Final[dict[str, Any]] = {"show_id": _SHOW, "slot": 1}
_SHOWN: Final[dict[str, Any]] = {"show_id": _SHOW, "programme": "Town Store Treasure", "rehearsal": False}
_KEYED: Final[dict[str, Any]] = _SHOWN | {
    "show": "2018-12-03-town-store-treasure",
    "counties": ("520123", "621226", "610629", "360734"),
}
_CHANNELS: Final = ("taobao-live", "hunan-tv", "web")
_OF_ORDER: Final[dict[str, Any]] = (
    _NAMED
    | _SLOT
    | {
        "order_id": _ORDER,
        "buyer_id": _BUYER,
        "allotment_id": _ALLOTMENT,
        "channel": "taobao-live",
        "rehearsal": False,
        "imported": False,
        "quantity": 2,
    }
)
_WAITED: Final[dict[str, Any]] = (
    _THING
    | _SLOT
    | {
        "name_zh": "修文猕猴桃 5斤装",
        "name_en": "Xiuwen kiwifruit 2.5 kg",
        "buyer_id": "buyer-2041",
        "allotment_id": _ALLOTMENT,
        "channel": "taobao-live",
        "quantity": 2,
    }
)
_ENTRY: Final = "016773f2-1180-7c06-8e47-2b9d5f7a1c30"
_OF_PARCEL: Final[dict[str, Any]] = {
    "parcel_id": _PARCEL,
    "buyer_id": _BUYER,
    "county": "520123",
    "order_ids": (_ORDER,),
}


def _after(**since: float) -> datetime:
    """An instant of the evening, counted from the opening of the first slot."""
    return _OPENS + timedelta(**since)


_ALL: Final[tuple[e.Fact, ...]] = (
    e.CountyListed(
        county="520123",
        name_zh="修文县",
        name_en="Xiuwen",
        province_zh="贵州",
        province_en="Guizhou",
        latitude=26.84,
        longitude=106.6,
        host_title="Magistrate of Xiuwen County",
    ),
    e.HubListed(
        hub="520123-C",
        county="520123",
        kind="county_centre",
        name_zh="修文县物流中心",
        latitude=26.84,
        longitude=106.6,
        daily_capacity_parcels=20000,
        van_capacity_kg=1500,
    ),
    e.ItemListed(
        **_NAMED,
        county_name_zh="修文县",
        county_name_en="Xiuwen",
        kind="produce",
        unit="box",
        weight_g=2500,
        price_fen=4980,
        live_price_fen=3990,
        producer_name_zh="谷堡镇产户",
        producer_name_en="Growers of 谷堡镇",
        shelf_life_days=60,
        lots=(
            e.Lot(
                lot="2018-10-05",
                origin_village="谷堡镇",
                harvested_on=date(2018, 10, 5),
                geographical_indication="修文猕猴桃",
                certificate="AGI00799",
                certificate_expires_on=date(2020, 12, 31),
            ),
        ),
    ),
    e.StockAllotted(
        **_NAMED,
        **_SLOT,
        allotment_id=_ALLOTMENT,
        weight_g=2500,
        purpose="slot",
        offered=4000,
        price_fen=3990,
        per_buyer_limit=3,
        allotted_at=_after(days=-11),
    ),
    e.StreamStarted(**_KEYED, channels=_CHANNELS, started_at=_after()),
    e.ItemFeatured(
        **_NAMED,
        **_SHOWN,
        slot=1,
        allotment_id=_ALLOTMENT,
        weight_g=2500,
        price_fen=4980,
        live_price_fen=3990,
        offered=4000,
        per_buyer_limit=3,
        channels=_CHANNELS,
        opens_at=_after(seconds=5),
        closes_at=_after(seconds=5, minutes=12),
    ),
    e.StreamEnded(**_KEYED, started_at=_after(), ended_at=_after(minutes=50)),
    e.AudienceSampled(
        show_id=_SHOW, rehearsal=False, channel="taobao-live", viewers=86000, sampled_at=_after(minutes=3)
    ),
    e.OrderPlaced(
        **_OF_ORDER,
        unit_price_fen=3990,
        total_fen=7980,
        weight_g=5000,
        external_number=None,
        placed_at=_after(seconds=20),
        pay_by=_after(seconds=20, minutes=15),
    ),
    e.OrderPaid(
        **_OF_ORDER,
        amount_fen=7980,
        provider="test",
        payment_id="test-016773f0d7d8",
        paid_at=_after(seconds=31),
    ),
    e.OrderCancelled(**_OF_ORDER, reason="buyer", refund_fen=7980, cancelled_at=_after(minutes=6)),
    e.OrderReturned(**_OF_ORDER, refund_fen=7980, restocked=False, returned_at=_after(days=6)),
    e.OrderCompleted(**_OF_ORDER, amount_fen=7980, by="time", completed_at=_after(days=10)),
    e.ChannelOrderReceived(
        channel="taobao-live",
        external_number="2018120300417",
        sku="XW-KIWI-5",
        county="520123",
        allotment_id=_ALLOTMENT,
        customer="tb-88213",
        quantity=2,
        unit_price_fen=3990,
        placed_at=_after(minutes=3),
    ),
    e.OrderDeclined(
        order_id="016773f0-cc20-7a35-9d1c-6f2e8b4a7036",
        channel="taobao-live",
        external_number="2018120300988",
        line=1,
        sku="XW-KIWI-5",
        quantity=5,
        reason="sold-out",
        detail="Only 3 remain.",
        remaining=3,
        declined_at=_after(minutes=9),
    ),
    e.WaitlistOffered(
        **_WAITED,
        entry_id=_ENTRY,
        order_id=_ORDER,
        unit_price_fen=3990,
        offered_at=_after(minutes=12),
        offer_until=_after(minutes=22),
    ),
    e.PreorderPlaced(
        **_WAITED,
        preorder_id=_ENTRY,
        lot="XW-KIWI-5-2019-10-05",
        expected_on=date(2019, 10, 5),
        preordered_at=_after(minutes=50),
    ),
    e.AllotmentClosed(
        **_NAMED,
        **_SLOT,
        allotment_id=_ALLOTMENT,
        rehearsal=False,
        offered=4000,
        sold=3988,
        returned=12,
        revision=1,
        closed_at=_after(minutes=50),
    ),
    e.ParcelPacked(**_OF_PARCEL, hub="520123-C", weight_g=5000, packed_at=_after(hours=17)),
    e.ParcelShipped(
        **_OF_PARCEL, hub="520123-C", carrier="China Post", tracking_number="SH0167777A1", shipped_at=_after(hours=20)
    ),
    e.ParcelScanned(**_OF_PARCEL, hub="520123-C", scanned_at=_after(hours=18)),
    e.ParcelDelivered(**_OF_PARCEL, delivered_at=_after(days=3)),
    e.DemandMissed(
        **_THING,
        allotment_id=_ALLOTMENT,
        show_id=_SHOW,
        quantity=37,
        reason="sold_out",
        missed_at=_after(minutes=9),
    ),
)
EXAMPLES: Final[dict[str, e.Fact]] = {e.event_type(type(fact)).name: fact for fact in _ALL}
