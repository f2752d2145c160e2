"""Waiting for what is sold out, as a real process: over HTTP and Kafka. It is told every event twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.integration.shop import Shop, on_offer, open_shop, set_aside
from tests.scraped import page, value
from tests.starting import Starter

from chassis.testing import eventually, patience
from contracts import metrics as declared
from contracts.events import DemandMissed, PreorderPlaced, WaitlistOffered
from contracts.ids import new_id


@pytest.fixture(scope="module")
def shop(starter: Starter) -> Iterator[Shop]:
    with open_shop(starter, OFFER_WITHIN_SECONDS=f"{2 * patience():.0f}") as shop:
        yield shop


def join(shop: Shop, allotment_id: str, buyer: str, quantity: int = 1, key: str | None = None) -> httpx.Response:
    body = {"quantity": quantity, "channel": "web"}
    headers = {"Idempotency-Key": key or new_id()}
    return shop.caller(buyer).post(f"/allotments/{allotment_id}/waitlist", json=body, headers=headers)


def place(shop: Shop, buyer: str, allotment_id: str) -> dict[str, object]:
    found = shop.caller(buyer).get("/waitlist").json()["items"]
    [mine] = [one for one in found if one["allotment_id"] == allotment_id]
    return dict(mine)


def state(shop: Shop, buyer: str, allotment_id: str) -> object:
    return place(shop, buyer, allotment_id)["state"]


def test_who_comes_too_late_is_told_where_to_wait_and_waits_in_order(shop: Shop) -> None:
    shelf = shop.shelf(offered=1)
    assert join(shop, shelf, "w1").json()["type"] == "/problems/still-available"
    shop.placed(shelf)
    assert shop.place(shelf).json()["waitlist"] == f"/allotments/{shelf}/waitlist"
    first, second = join(shop, shelf, "w1", key="k"), join(shop, shelf, "w2")
    assert (first.status_code, first.json()["position"], second.json()["position"]) == (201, 1, 2)
    again = join(shop, shelf, "w1", key="k")
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (first.json()["id"], "true")
    assert join(shop, shelf, "w1").json()["type"] == "/problems/already-waiting"
    assert value(page(shop.service.url), declared.WAITLIST_JOINED, channel="web") == 2
    assert shop.caller("w1").delete(f"/waitlist/{first.json()['id']}").status_code == 204
    assert place(shop, "w2", shelf)["position"] == 1
    assert shop.caller("w2").delete(f"/waitlist/{first.json()['id']}").status_code == 404


def test_an_offer_is_paid_or_goes_to_the_next(shop: Shop) -> None:
    shelf = shop.shelf(offered=1)
    order = shop.placed(shelf)
    for buyer in ("o1", "o2"):
        join(shop, shelf, buyer)
    shop.buyer.post(f"/orders/{order}/cancel")
    assert state(shop, "o1", shelf) == "offered"
    eventually(lambda: state(shop, "o2", shelf) == "offered", within=20)
    assert state(shop, "o1", shelf) == "lapsed"
    shop.caller("o2").post(f"/orders/{place(shop, 'o2', shelf)['order_id']}/pay", json={})
    assert state(shop, "o2", shelf) == "taken"
    offers = shop.heard(lambda event: event.type == "waitlist.offered" and event.data.allotment_id == shelf, 2)
    assert all(isinstance(event.data, WaitlistOffered) for event in offers)
    assert [event.data.buyer_id for event in sorted(offers, key=lambda event: event.time)] == ["o1", "o2"]
    assert shop.allotment(shelf)["sold"] == 1


def test_who_waited_in_vain_orders_the_next_lot_ahead_and_is_first_when_it_is_sold(shop: Shop) -> None:
    item, harvest = new_id(), (datetime.now(UTC) + timedelta(days=200)).date()
    shop.tell(on_offer(item, ("NEXT", harvest)))
    shelf = shop.shelf(offered=1, item_id=item)
    shop.placed(shelf)
    join(shop, shelf, "p1", 2)
    shop.office.post(f"/allotments/{shelf}/close")
    mine = place(shop, "p1", shelf)
    assert (mine["state"], mine["lot"], mine["expected_on"]) == ("preordered", "NEXT", harvest.isoformat())
    said = shop.heard(lambda event: getattr(event.data, "item_id", "") == item and event.type != "order.placed", 3)
    kinds = {type(event.data): event.data for event in said}
    assert kinds[DemandMissed].quantity == 2
    assert kinds[PreorderPlaced].expected_on == harvest
    later = set_aside(item_id=item, offered=2)
    shop.tell(later)
    assert state(shop, "p1", later.allotment_id) == "offered"
    assert shop.place(later.allotment_id).json()["type"] == "/problems/sold-out"


def test_a_crowd_that_joins_at_once_is_served_in_the_order_it_was_told(shop: Shop) -> None:
    shelf = shop.shelf(offered=8)
    orders = [shop.placed(shelf) for _ in range(8)]
    with ThreadPoolExecutor(16) as crowd:
        joined = list(crowd.map(lambda n: join(shop, shelf, f"c{n}").json(), range(40)))
    in_order = sorted(range(40), key=lambda n: joined[n]["position"])
    assert [joined[n]["position"] for n in in_order] == list(range(1, 41))
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda order: shop.buyer.post(f"/orders/{order}/cancel"), orders))

    def served(first: list[int]) -> bool:
        """What is given back is offered by whoever comes by, the sweep last of all."""
        return all(shop.caller(f"c{n}").get("/orders").json()["items"] for n in first)

    eventually(lambda: served(in_order[:8]))
    assert shop.allotment(shelf)["sold"] <= 8
