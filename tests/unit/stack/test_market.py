"""The stock that a line-up promises."""

import csv

import httpx
import pytest

from stack.local import DATA
from stack.market import NotOpenedError, allotments, list_goods

LINEUP = """programme,show,slot,county,sku,channels,starts_min,minutes,allotted,per_buyer_limit
Town Store Treasure,monday,1,520123,XW-KIWI-5,web,0,12,4000,3
Town Store Treasure,monday,2,621226,LX-APPLE-10,web|youku,12,12,5000,
"""


def test_every_slot_of_the_line_up_is_promised_its_stock() -> None:
    assert allotments(LINEUP, {"monday": "show-1"}).splitlines() == [
        "county,sku,quantity,purpose,show_id,slot,price_fen,per_buyer_limit",
        "520123,XW-KIWI-5,4000,slot,show-1,1,,3",
        "621226,LX-APPLE-10,5000,slot,show-1,2,,",
    ]


def test_the_line_up_of_the_demo_promises_no_more_than_there_is() -> None:
    stock = {row["sku"]: int(row["stock"]) for row in csv.DictReader((DATA / "items.csv").open(encoding="utf-8"))}
    for row in csv.DictReader((DATA / "lineup.csv").open(encoding="utf-8")):
        stock[row["sku"]] -= int(row["allotted"])
    assert all(left >= 0 for left in stock.values())


def test_a_row_that_is_refused_is_told_with_its_number() -> None:
    bad = {"row": 3, "field": "sku", "reason": "is missing", "value": ""}
    web = httpx.MockTransport(lambda _: httpx.Response(200, json={"rows": 2, "refused": [bad]}))

    class Town:
        def client(self, *_: object, **__: object) -> httpx.Client:
            return httpx.Client(transport=web, base_url="http://catalog.example")

    with pytest.raises(NotOpenedError, match=r"^items: 1 rows refused; row 3: is missing$"):
        list_goods(Town(), {"items": "sku"})
