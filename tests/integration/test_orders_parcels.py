"""Parcels from packing to delivery as a real process, and a stranger's token on every route of orders."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.integration.shop import COUNTY, FOREIGN, Shop, open_shop
from tests.starting import Starter

from contracts.ids import new_id


@pytest.fixture(scope="module")
def shop(starter: Starter) -> Iterator[Shop]:
    with open_shop(starter) as shop:
        shop.list_hubs()
        yield shop


def parcel_of(shop: Shop, order_id: str, by: httpx.Client) -> dict[str, Any]:
    order = by.get(f"/orders/{order_id}").json()
    answer = by.get(f"/parcels/{order['parcel_id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def state(by: httpx.Client, order_id: str) -> str:
    return str(by.get(f"/orders/{order_id}").json()["state"])


def pack(shop: Shop) -> dict[str, Any]:
    answer = shop.office.post("/parcels/pack", json={"county": COUNTY})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_buyers_orders_travel_in_one_parcel_and_everybody_hears_of_each_step(shop: Shop) -> None:
    buyer, shelf = shop.caller(f"b-{new_id()}"), shop.shelf()
    mine = [shop.paid(shelf, 2, by=buyer), shop.paid(shelf, 1, by=buyer)]
    assert pack(shop)["orders"] >= 2
    parcel = parcel_of(shop, mine[0], buyer)
    assert parcel_of(shop, mine[1], buyer)["id"] == parcel["id"]
    assert (parcel["weight_g"], parcel["hub"], state(buyer, mine[0])) == (7500, f"{COUNTY}-C", "packed")
    path = f"/parcels/{parcel['id']}"
    for _ in range(2):
        shipped = shop.office.post(f"{path}/ship", json={"carrier": "YTO"}).json()
        assert (shipped["state"], shipped["carrier"]) == ("shipped", "YTO")
        assert shop.office.post(f"{path}/scan", json={"hub": f"{COUNTY}-C"}).status_code == 200
    assert state(buyer, mine[1]) == "shipped"
    for _ in range(2):
        assert shop.office.post(f"{path}/deliver").json()["state"] == "delivered"
    assert state(buyer, mine[1]) == "delivered"
    said = shop.heard(lambda event: event.subject == parcel["id"], 4)
    assert [event.type.removeprefix("parcel.") for event in said] == ["packed", "shipped", "scanned", "delivered"]
    assert sorted(said[0].data.order_ids) == sorted(mine)
    assert buyer.get(f"/orders/{mine[0]}").json()["tracking_number"] == shipped["tracking_number"]


def test_all_of_a_countys_parcels_are_shipped_at_once(shop: Shop) -> None:
    shelf = shop.shelf()
    buyers = [shop.caller(f"b-{new_id()}") for _ in range(3)]
    orders = [shop.paid(shelf, by=buyer) for buyer in buyers]
    pack(shop)
    answer = shop.office.post("/parcels/ship", json={"county": COUNTY, "carrier": "YTO"})
    assert answer.json()["parcels"] >= 3
    assert [state(buyer, order) for buyer, order in zip(buyers, orders, strict=True)] == ["shipped"] * 3


def test_a_delivered_order_is_completed_by_its_buyer_who_saw_it_as_it_is(shop: Shop) -> None:
    buyer = shop.caller(f"b-{new_id()}")
    order = shop.paid(shop.shelf(), 2, by=buyer)
    pack(shop)
    path, confirm = f"/parcels/{parcel_of(shop, order, buyer)['id']}", f"/orders/{order}/complete"
    early = buyer.post(confirm)
    assert (early.status_code, early.json()["state"], early.json()["type"]) == (
        409,
        "packed",
        "/problems/not-delivered",
    )
    tag = shop.office.get(path).headers["ETag"]
    shipped = shop.office.post(f"{path}/ship", json={"carrier": "YTO"}, headers={"If-Match": tag})
    for step, body in (("scan", {"hub": f"{COUNTY}-C"}), ("deliver", None)):
        stale = shop.office.post(f"{path}/{step}", json=body, headers={"If-Match": tag})
        assert (stale.status_code, stale.json()["type"]) == (412, "/problems/parcel-changed")
    assert shop.office.post(f"{path}/deliver", headers={"If-Match": shipped.headers["ETag"]}).status_code == 200
    goods = {"quantity": 1, "restock": False}
    back = shop.office.post(f"/orders/{order}/return", json=goods, headers={"Idempotency-Key": new_id()})
    assert (back.status_code, back.json()["state"]) == (200, "delivered")
    seen = buyer.get(f"/orders/{order}").headers["ETag"]
    assert buyer.post(confirm, headers={"If-Match": '"1"'}).status_code == 412
    done = buyer.post(confirm, headers={"If-Match": seen})
    assert (done.status_code, done.json()["state"]) == (200, "completed")
    assert buyer.post(confirm, headers={"If-Match": done.headers["ETag"]}).json() == done.json()
    late = shop.office.post(f"/orders/{order}/return", json=goods, headers={"Idempotency-Key": new_id()})
    assert (late.status_code, late.json()["type"]) == (409, "/problems/order-completed")
    said = shop.heard(lambda event: event.subject == order, 4)[-1]
    assert (said.type, said.data.by, said.data.quantity, said.data.amount_fen) == ("order.completed", "buyer", 1, 4980)


def test_the_label_shows_only_what_a_carrier_needs(shop: Shop) -> None:
    order_id = shop.paid(shop.shelf())
    pack(shop)
    label = parcel_of(shop, order_id, shop.buyer)
    assert set(label) == {
        "id",
        "county",
        "hub",
        "weight_g",
        "state",
        "carrier",
        "tracking_number",
        "packed_at",
        "shipped_at",
        "delivered_at",
        "scans",
    }


def test_a_packed_order_cannot_be_cancelled(shop: Shop) -> None:
    order_id = shop.paid(shop.shelf())
    pack(shop)
    refused = shop.buyer.post(f"/orders/{order_id}/cancel")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-late-to-cancel")


def test_steps_are_not_left_out(shop: Shop) -> None:
    order_id = shop.paid(shop.shelf())
    pack(shop)
    parcel = parcel_of(shop, order_id, shop.buyer)
    assert shop.office.post(f"/parcels/{parcel['id']}/deliver").status_code == 409


def test_a_county_without_a_hub_is_told_so(shop: Shop) -> None:
    clerk = shop.caller("clerk", ["county"], "999999")
    assert clerk.post("/parcels/pack", json={"county": "999999"}).json()["type"] == "/problems/no-hub"


def test_a_strangers_token_opens_no_door(shop: Shop) -> None:
    shelf, slot = shop.shelf(), shop.featured()
    order_id = shop.paid(shelf)
    waiting = shop.paid(slot.allotment_id)
    pack(shop)
    parcel = parcel_of(shop, order_id, shop.buyer)
    before = (shop.buyer.get(f"/orders/{waiting}").json(), parcel, shop.allotment(shelf))
    stranger, foreign = shop.caller("stranger"), shop.caller("clerk", ["county"], FOREIGN)
    host = shop.caller("host", ["host"], COUNTY)
    nobody = shop.anybody
    key = {"Idempotency-Key": new_id()}
    goods = {"quantity": 1, "restock": True}
    tries: list[tuple[httpx.Client, str, str, Any, int]] = [
        (stranger, "GET", f"/orders/{order_id}", None, 404),
        (foreign, "GET", f"/orders/{order_id}", None, 404),
        (host, "GET", f"/orders/{order_id}", None, 403),
        (nobody, "GET", f"/orders/{order_id}", None, 401),
        (nobody, "GET", "/orders", None, 401),
        (nobody, "POST", "/orders", {"allotment_id": shelf, "quantity": 1, "channel": "web"}, 401),
        (foreign, "POST", "/orders", {"allotment_id": shelf, "quantity": 1, "channel": "web"}, 403),
        (stranger, "POST", f"/orders/{waiting}/pay", {}, 404),
        (foreign, "POST", f"/orders/{waiting}/pay", {}, 403),
        (stranger, "POST", f"/orders/{waiting}/cancel", None, 404),
        (foreign, "POST", f"/orders/{waiting}/cancel", None, 404),
        (shop.buyer, "POST", f"/orders/{waiting}/return", goods, 403),
        (foreign, "POST", f"/orders/{waiting}/return", goods, 404),
        (shop.buyer, "POST", f"/allotments/{shelf}/close", None, 403),
        (foreign, "POST", f"/allotments/{shelf}/close", None, 404),
        (foreign, "POST", "/channels/uci/orders", None, 403),
        (foreign, "POST", "/parcels/pack", {"county": COUNTY}, 403),
        (shop.buyer, "POST", "/parcels/pack", {"county": COUNTY}, 403),
        (foreign, "POST", "/parcels/ship", {"county": COUNTY, "carrier": "X"}, 403),
        (foreign, "POST", f"/parcels/{parcel['id']}/ship", {"carrier": "X"}, 404),
        (foreign, "POST", f"/parcels/{parcel['id']}/scan", {"hub": "X"}, 404),
        (foreign, "POST", f"/parcels/{parcel['id']}/deliver", None, 404),
        (shop.buyer, "POST", f"/parcels/{parcel['id']}/deliver", None, 403),
        (foreign, "GET", f"/parcels/{parcel['id']}", None, 404),
        (stranger, "GET", f"/parcels/{parcel['id']}", None, 404),
    ]
    for caller, method, path, body, status in tries:
        answer = caller.request(method, path, json=body, headers=key)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    for caller in (stranger, foreign):
        assert caller.get("/parcels").json()["items"] == []
        assert caller.get("/orders").json()["items"] == []
    now = (shop.buyer.get(f"/orders/{waiting}").json(), parcel_of(shop, order_id, shop.buyer), shop.allotment(shelf))
    assert now == before
