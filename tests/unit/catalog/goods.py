"""Made-up goods for the tests of the catalog: a county, items, rows."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from catalog.domain import Allotment, Details, Item, Lot, Wish, receive
from chassis.rows import Good
from contracts.events import AllotmentClosed, CountyListed, DemandMissed

NOW = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
XIUWEN = CountyListed(
    county="520123",
    name_zh="修文县",
    name_en="Xiuwen",
    province_zh="贵州",
    province_en="Guizhou",
    latitude=26.84,
    longitude=106.6,
    host_title="Magistrate of Xiuwen County",
)
LEISHAN = replace(XIUWEN, county="522634", name_zh="雷山县", name_en="Leishan")
COUNTIES = {county.county: county for county in (XIUWEN, LEISHAN)}

DETAILS = Details(
    kind="produce",
    name_zh="修文猕猴桃 5斤装",
    name_en="Xiuwen kiwifruit 2.5 kg",
    unit="box",
    weight_g=2500,
    price_fen=4980,
    live_price_fen=3990,
    shelf_life_days=60,
    county_name_zh="修文县",
    county_name_en="Xiuwen",
    producer_id="520123:growers",
    producer_name_zh="谷堡镇产户",
    producer_name_en="Growers of 谷堡镇",
)


def kiwi(stock: int = 100, **fields: Any) -> Item:
    """An item with one lot of `stock` units, all on hand."""
    bare = Item(id="kiwi", county="520123", sku="XW-KIWI-5", details=DETAILS, version=1, **fields)
    return receive(bare, Lot(lot="2018-10-05", quantity=stock))


def wish(quantity: int = 10, **fields: Any) -> Wish:
    """A wish for the shelf."""
    return Wish(quantity=quantity, purpose=fields.pop("purpose", "shelf"), **fields)


def closed(allotment: Allotment, *, sold: int, revision: int = 1, **fields: Any) -> AllotmentClosed:
    """The close of an allotment of kiwi of which `sold` units were sold."""
    told: dict[str, Any] = {
        "allotment_id": allotment.id,
        "item_id": "kiwi",
        "county": "520123",
        "sku": "XW-KIWI-5",
        "name_zh": "修文猕猴桃",
        "name_en": "Xiuwen kiwifruit",
        "producer_id": "520123:growers",
        "rehearsal": False,
        "offered": allotment.offered,
        "sold": sold,
        "returned": allotment.offered - sold,
        "revision": revision,
        "closed_at": NOW,
    }
    return AllotmentClosed(**(told | fields))


def missed(quantity: int = 3, **fields: Any) -> DemandMissed:
    """Kiwi asked for and not served."""
    told: dict[str, Any] = {
        "item_id": "kiwi",
        "county": "520123",
        "sku": "XW-KIWI-5",
        "quantity": quantity,
        "reason": "sold_out",
        "missed_at": NOW,
    }
    return DemandMissed(**(told | fields))


def numbered(*rows: Any) -> list[Good[Any]]:
    """Rows as they stand in a file, from line 2."""
    return [Good(number, row) for number, row in enumerate(rows, start=2)]
