"""Another platform's orders, from the real trace: 10,000 lines with 2,015 SKUs, dirty rows and cancellations."""

import csv
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.shop import COUNTY, Shop, open_shop, set_aside
from tests.scraped import page, value
from tests.starting import Starter

from chassis.testing import patience
from contracts import metrics as declared
from contracts.events import ChannelOrderReceived
from contracts.ids import new_id

TRACE = Path(__file__).parents[2] / "deploy/data/order-lines-2010-12-first-days.csv"
HEADER = "invoice,sku,quantity,placed_at,unit_price,customer"
PLENTY = 100_000


@pytest.fixture(scope="module")
def shop(starter: Starter) -> Iterator[Shop]:
    with open_shop(starter) as shop:
        yield shop


def take_in(shop: Shop, text: str, channel: str = "uci") -> dict[str, Any]:
    answer = shop.platform.post(
        f"/channels/{channel}/orders",
        content=text.encode(),
        headers={"Content-Type": "text/csv"},
        timeout=60 * patience(),
    )
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def everything(shop: Shop, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 200}
    while True:
        page = shop.platform.get(path, params=query).json()
        found += page["items"]
        if not page["next"]:
            return found
        query["after"] = page["next"]


def stocked(shop: Shop, **offered: int) -> dict[str, str]:
    """Shelves with these SKUs; their ids. SKUs of a test are its own."""
    facts = {sku: set_aside(sku=sku, item_id=f"{COUNTY}.{sku}", offered=units) for sku, units in offered.items()}
    shop.tell(*facts.values())
    return {sku: fact.allotment_id for sku, fact in facts.items()}


def test_the_real_trace_becomes_orders_returns_and_refusals_and_nothing_when_it_comes_again(shop: Shop) -> None:
    rows = list(csv.DictReader(TRACE.open()))
    skus = sorted({row["sku"] for row in rows})
    facts = [set_aside(sku=sku, item_id=f"{COUNTY}.{sku}", offered=PLENTY, allotment_id=new_id()) for sku in skus]
    shop.tell(*facts, times=1)
    begun = time.monotonic()
    report = take_in(shop, TRACE.read_text())
    seconds = time.monotonic() - begun
    clean = [row for row in rows if row["customer"] and float(row["unit_price"]) > 0]
    sales = [row for row in clean if int(row["quantity"]) > 0 and not row["invoice"].startswith("C")]
    assert report["rows"] == 10_000
    assert report["accepted"] + len(report["refused"]) == 10_000
    refused = Counter(row["field"] for row in report["refused"])
    returned = report["accepted"] - len(sales)
    assert 0 < returned <= sum(row["invoice"].startswith("C") for row in rows)
    assert refused["customer"] == sum(not row["customer"] for row in rows)
    again = take_in(shop, TRACE.read_text())
    assert (again["accepted"], again["unchanged"]) == (0, report["accepted"])
    assert again["refused"] == report["refused"]
    orders = everything(shop, "/orders")
    assert (len(orders), {order["state"] for order in orders}) == (len(sales), {"paid", "returned"})
    bought, back = (sum(order[units] for order in orders) for units in ("quantity", "returned_quantity"))
    assert bought == sum(int(row["quantity"]) for row in sales)
    sold = sum(shop.allotment(fact.allotment_id)["sold"] for fact in facts)
    assert sold == bought - back
    print(f"the trace was taken in within {seconds:.1f} s: {report['accepted']} rows, {len(report['refused'])} refused")


def test_dirty_rows_are_refused_with_row_field_and_reason_and_stop_nothing(shop: Shop) -> None:
    stocked(shop, TEA=5)
    report = take_in(
        shop,
        "\n".join(
            (
                HEADER,
                "1,TEA,2,2010-12-01T08:26:00,2.555,17850",
                "2,TEA,2,2010-12-01T08:26:00,2.55,",
                "3,TEA,2,2010-12-01T08:26:00,2.55,(blank)",
                "4,TEA,2,2010-12-01T08:26:00,0.0,17850",
                "5,TEA,0,2010-12-01T08:26:00,2.55,17850",
                "6,TEA,-2,2010-12-01T08:26:00,2.55,17850",
                "C7,TEA,2,2010-12-01T08:26:00,2.55,17850",
                "8,NOSUCH,2,2010-12-01T08:26:00,2.55,17850",
                "9,TEA,4,2010-12-01T08:26:00,2.55,17850",
                "C10,TEA,-1,2010-12-01T08:26:00,2.55,99999",
                "11,TEA,many,2010-12-01T08:26:00,2.55,17850",
                "12,TEA,3,2010-12-01T08:26:00,2.55,17850",
            )
        ),
    )
    assert report["accepted"] == 2
    assert [(row["row"], row["field"]) for row in report["refused"]] == [
        (3, "customer"),
        (4, "customer"),
        (5, "unit_price"),
        (6, "quantity"),
        (7, "quantity"),
        (8, "quantity"),
        (9, "sku"),
        (10, "quantity"),
        (11, "quantity"),
        (12, "quantity"),
    ]
    assert all(row["reason"] for row in report["refused"])


def test_an_imported_order_is_a_paid_one_with_both_events(shop: Shop) -> None:
    shelves = stocked(shop, OIL=5)
    take_in(shop, f"{HEADER}\n77,OIL,2,2010-12-01T08:26:00,2.555,17850")
    placed, paid = shop.heard(lambda event: getattr(event.data, "allotment_id", None) == shelves["OIL"], 2)
    assert (placed.type, placed.data.unit_price_fen, placed.data.external_number) == ("order.placed", 256, "77")
    assert (paid.type, paid.data.amount_fen, paid.data.provider) == ("order.paid", 512, "channel")
    assert placed.data.buyer_id == "uci:17850"


def test_a_cancellation_takes_goods_back_from_the_latest_orders_first(shop: Shop) -> None:
    shelves = stocked(shop, RICE=10)
    text = "\n".join(
        (
            HEADER,
            "1,RICE,3,2010-12-01T08:00:00,1.00,1",
            "2,RICE,3,2010-12-01T09:00:00,1.00,1",
            "C3,RICE,-4,2010-12-01T10:00:00,1.00,1",
            "4,RICE,1,2010-12-01T11:00:00,1.00,1",
        )
    )
    assert take_in(shop, text)["accepted"] == 4
    again = take_in(shop, text)
    assert (again["accepted"], again["unchanged"]) == (0, 4)
    found = everything(shop, "/orders")
    mine = {order["external_number"]: order["returned_quantity"] for order in found if order["sku"] == "RICE"}
    assert mine == {"1": 1, "2": 3, "4": 0}
    assert shop.allotment(shelves["RICE"])["sold"] == 3


def sold(number: int | str, sku: str, **fields: Any) -> ChannelOrderReceived:
    known: dict[str, Any] = {
        "channel": "tv",
        "external_number": str(number),
        "sku": sku,
        "customer": f"c{number}",
        "quantity": 1,
        "unit_price_fen": 990,
        "placed_at": datetime(2018, 12, 3, 12, tzinfo=UTC),
    }
    return ChannelOrderReceived(**{**known, **fields})


def test_orders_from_the_topic_are_placed_in_order_and_each_is_answered_once(shop: Shop) -> None:
    shelves = stocked(shop, HONEY=300, HAM=5)
    shop.tell(*(sold(n, "HONEY") for n in range(400)), sold("a", "HAM", county="350628"), sold("b", "JAM"))
    said = shop.heard(lambda event: getattr(event.data, "channel", None) == "tv", 702)
    kinds = Counter(event.type for event in said)
    assert kinds == {"order.placed": 300, "order.paid": 300, "order.declined": 102}
    declined = [event.data for event in said if event.type == "order.declined"]
    placed = {event.data.external_number for event in said if event.type == "order.placed"}
    assert placed == {str(n) for n in range(300)}
    assert Counter(fact.reason for fact in declined) == {"sold-out": 100, "wrong-county": 1, "unknown-sku": 1}
    assert {fact.remaining for fact in declined if fact.reason == "sold-out"} == {0}
    assert (value(page(shop.service.url), declared.CHANNEL_ORDERS_DECLINED, reason="sold-out") or 0) >= 100
    assert (shop.allotment(shelves["HONEY"])["sold"], shop.allotment(shelves["HAM"])["sold"]) == (300, 0)


def test_only_the_platform_imports(shop: Shop) -> None:
    for caller in (shop.buyer, shop.office):
        assert caller.post("/channels/uci/orders", content=HEADER.encode()).status_code == 403
