"""Orders as a real process: placing, paying, ending, closing, over HTTP and Kafka. It is told every event twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.integration.shop import FOREIGN, Featured, Shop, on_screen, open_shop, set_aside, show_over
from tests.scraped import page, value
from tests.starting import Starter, StartService

from chassis.testing import eventually
from contracts import metrics as declared
from contracts.events import AllotmentClosed, OrderPaid, OrderPlaced
from contracts.ids import new_id


@pytest.fixture(scope="module")
def shop(starter: Starter) -> Iterator[Shop]:
    with open_shop(starter) as shop:
        yield shop


def test_a_buyer_places_and_pays_and_everybody_hears_of_it(shop: Shop) -> None:
    slot = shop.featured()
    answer = shop.place(slot.allotment_id, 2)
    assert answer.status_code == 201
    order = answer.json()
    assert (order["state"], order["unit_price_fen"], order["total_fen"]) == ("placed", 3990, 7980)
    paid = shop.buyer.post(f"/orders/{order['id']}/pay", json={"method": "test"})
    assert (paid.status_code, paid.json()["state"]) == (200, "paid")
    placed, said = shop.heard(lambda event: event.subject == order["id"], 2)
    assert isinstance(placed.data, OrderPlaced)
    assert isinstance(said.data, OrderPaid)
    assert (placed.sequence, said.sequence, said.data.amount_fen) == (1, 2, 7980)
    assert shop.allotment(slot.allotment_id)["remaining"] == 8


def test_paying_twice_is_paying_once(shop: Shop) -> None:
    order_id = shop.paid(shop.shelf())
    again = shop.buyer.post(f"/orders/{order_id}/pay", json={})
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert shop.types(order_id, 2) == ["order.placed", "order.paid"]


def test_a_declined_payment_leaves_the_order_to_be_paid_otherwise(shop: Shop) -> None:
    order_id = shop.placed(shop.shelf())
    declined = shop.buyer.post(f"/orders/{order_id}/pay", json={"token": "declined"})
    assert (declined.status_code, declined.json()["type"]) == (402, "/problems/payment-declined")
    assert shop.buyer.post(f"/orders/{order_id}/pay", json={}).json()["state"] == "paid"


def test_the_same_key_many_times_at_once_is_one_order(shop: Shop) -> None:
    key, shelf = new_id(), shop.shelf()
    with ThreadPoolExecutor(10) as crowd:
        answers = list(crowd.map(lambda _: shop.place(shelf, 2, key=key), range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert shop.allotment(shelf)["sold"] == 2


def test_the_same_key_for_another_request_is_refused(shop: Shop) -> None:
    key, shelf = new_id(), shop.shelf()
    shop.place(shelf, 1, key=key)
    answer = shop.place(shelf, 2, key=key)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-key-reused")
    other = shop.place(shop.shelf(), 1, key=key)
    assert other.status_code == 422


def test_without_a_key_nothing_is_placed(shop: Shop) -> None:
    body = {"allotment_id": shop.shelf(), "quantity": 1, "channel": "web"}
    assert shop.buyer.post("/orders", json=body).status_code == 400


def test_who_comes_too_late_is_told_how_many_remain(shop: Shop) -> None:
    shelf = shop.shelf(offered=3)
    shop.placed(shelf, 2)
    refused = shop.place(shelf, 2)
    assert (refused.status_code, refused.json()["type"], refused.json()["remaining"]) == (409, "/problems/sold-out", 1)
    [missed] = shop.heard(lambda event: event.type == "demand.missed" and event.subject == shelf, 1)
    assert missed.data.quantity == 1


def test_a_crowd_gets_exactly_what_there_is(shop: Shop) -> None:
    shelf = shop.shelf(offered=50)
    buyers = [shop.caller(f"crowd-{n}") for n in range(16)]
    with ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(lambda n: shop.place(shelf, by=buyers[n % 16]), range(96)))
    assert sorted(answer.status_code for answer in answers) == [201] * 50 + [409] * 46
    assert shop.allotment(shelf)["remaining"] == 0


def test_the_greedy_are_told_their_limit(shop: Shop) -> None:
    slot = shop.featured(per_buyer_limit=3)
    shop.placed(slot.allotment_id, 2)
    refused = shop.place(slot.allotment_id, 2)
    assert (refused.status_code, refused.json()["limit"], refused.json()["already"]) == (409, 3, 2)


def test_before_and_after_its_window_a_slot_sells_nothing(shop: Shop) -> None:
    now = datetime.now(UTC)
    early = shop.featured(opens_at=now + timedelta(minutes=5))
    late = shop.featured(opens_at=now - timedelta(minutes=5), closes_at=now - timedelta(seconds=1))
    assert "opens_at" in shop.place(early.allotment_id).json()
    answer = shop.place(late.allotment_id)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/window-closed")


def test_a_slot_featured_again_opens_again(shop: Shop) -> None:
    now = datetime.now(UTC)
    slot = shop.featured(closes_at=now - timedelta(milliseconds=1))
    shop.tell(on_screen(slot, live_price_fen=2990), sequence=3)
    assert shop.place(slot.allotment_id).json()["unit_price_fen"] == 2990


def test_a_window_told_of_before_its_stock_holds_as_well(shop: Shop) -> None:
    slot = Featured(new_id(), new_id())
    shop.tell(on_screen(slot), sequence=2)
    shop.tell(set_aside(allotment_id=slot.allotment_id, purpose="slot", show_id=slot.show_id, slot=1))
    assert shop.place(slot.allotment_id).status_code == 201


def test_there_is_no_selling_from_nothing(shop: Shop) -> None:
    assert shop.place(new_id()).status_code == 404
    assert shop.place(shop.shelf(), 0).status_code == 422
    assert shop.place(shop.shelf(), 1000).status_code == 422


def test_a_cancelled_order_frees_its_units_and_cannot_be_paid(shop: Shop) -> None:
    shelf = shop.shelf()
    order_id = shop.paid(shelf, 4)
    cancelled = shop.buyer.post(f"/orders/{order_id}/cancel")
    assert (cancelled.json()["state"], cancelled.json()["refunded_fen"]) == ("cancelled", 4 * 4980)
    assert shop.buyer.post(f"/orders/{order_id}/cancel").status_code == 200
    assert shop.buyer.post(f"/orders/{order_id}/pay", json={}).status_code == 409
    assert shop.allotment(shelf)["remaining"] == 10
    assert shop.types(order_id, 3) == ["order.placed", "order.paid", "order.cancelled"]


def test_a_stale_edit_changes_nothing(shop: Shop) -> None:
    order_id = shop.placed(shop.shelf())
    seen = shop.buyer.get(f"/orders/{order_id}").headers["etag"]
    shop.buyer.post(f"/orders/{order_id}/pay", json={})
    stale = shop.buyer.post(f"/orders/{order_id}/cancel", headers={"If-Match": seen})
    assert stale.status_code == 412
    assert shop.buyer.get(f"/orders/{order_id}").json()["state"] == "paid"


def test_returned_goods_are_refunded_and_sold_again(shop: Shop) -> None:
    shelf = shop.shelf()
    order_id = shop.paid(shelf, 4)
    key = {"Idempotency-Key": new_id()}
    for _ in range(2):
        back = shop.office.post(f"/orders/{order_id}/return", json={"quantity": 3, "restock": True}, headers=key)
        assert (back.json()["returned_quantity"], back.json()["refunded_fen"]) == (3, 3 * 4980)
    assert shop.allotment(shelf)["sold"] == 1
    too_many = shop.office.post(
        f"/orders/{order_id}/return", json={"quantity": 2, "restock": True}, headers={"Idempotency-Key": new_id()}
    )
    assert (too_many.status_code, too_many.json()["left"]) == (422, 1)


def test_an_order_that_nobody_pays_lapses(shop: Shop, start_service: StartService) -> None:
    service = start_service("orders", PAY_WITHIN_SECONDS="1")
    hasty = Shop(service)
    shelf = hasty.shelf()
    order_id = hasty.placed(shelf, 4)

    def lapsed() -> bool:
        found = hasty.buyer.get(f"/orders/{order_id}").json()
        return (found["state"], found["cancel_reason"]) == ("cancelled", "expired")

    eventually(lapsed, within=15)
    eventually(lambda: hasty.allotment(shelf)["remaining"] == 10)
    assert hasty.buyer.post(f"/orders/{order_id}/pay", json={}).status_code == 409
    assert hasty.types(order_id, 2) == ["order.placed", "order.cancelled"]


def closings(shop: Shop, allotment_id: str, count: int) -> list[AllotmentClosed]:
    return [
        event.data
        for event in shop.heard(lambda event: event.type == "allotment.closed" and event.subject == allotment_id, count)
    ]


def test_the_shows_end_closes_its_slots_and_says_what_goes_back(shop: Shop) -> None:
    slot = shop.featured()
    order_id = shop.paid(slot.allotment_id, 3)
    shop.tell(show_over(slot.show_id))
    assert shop.allotment(slot.allotment_id)["state"] == "closed"
    assert shop.place(slot.allotment_id).json()["type"] == "/problems/allotment-closed"
    [closed] = closings(shop, slot.allotment_id, 1)
    assert (closed.sold, closed.returned, closed.revision) == (3, 7, 1)
    shop.buyer.post(f"/orders/{order_id}/cancel")
    late = closings(shop, slot.allotment_id, 2)[-1]
    assert (late.sold, late.returned, late.revision) == (0, 10, 2)


def test_stock_told_of_after_its_show_ended_is_closed_at_once(shop: Shop) -> None:
    slot = Featured(new_id(), new_id())
    shop.tell(show_over(slot.show_id))
    shop.tell(set_aside(allotment_id=slot.allotment_id, purpose="slot", show_id=slot.show_id, slot=1))
    [closed] = closings(shop, slot.allotment_id, 1)
    assert (closed.sold, closed.returned) == (0, 10)


def test_a_county_takes_its_goods_off_the_shelf(shop: Shop) -> None:
    shelf = shop.shelf()
    shop.placed(shelf, 4)
    for _ in range(2):
        assert shop.office.post(f"/allotments/{shelf}/close").json()["state"] == "closed"
    [closed] = closings(shop, shelf, 1)
    assert (closed.sold, closed.returned) == (4, 6)
    slot = shop.featured()
    assert shop.office.post(f"/allotments/{slot.allotment_id}/close").status_code == 409


def test_a_rehearsal_sells_on_the_same_path_and_leaves_no_trace(shop: Shop) -> None:
    before = counters(shop)
    shop.list_hubs()
    slot = shop.featured(rehearsal=True)
    order_id = shop.paid(slot.allotment_id, 2)
    assert shop.office.post("/parcels/pack", json={"county": "520123"}).status_code == 200
    assert shop.buyer.get(f"/orders/{order_id}").json()["state"] == "paid"
    shop.place(slot.allotment_id, 9)
    shop.tell(show_over(slot.show_id, rehearsal=True))
    said = shop.heard(lambda event: getattr(event.data, "allotment_id", None) == slot.allotment_id, 3)
    assert {event.type for event in said} == {"order.placed", "order.paid", "allotment.closed"}
    assert all(event.data.rehearsal for event in said)
    [paid] = [event.data for event in said if event.type == "order.paid"]
    assert paid.provider == "rehearsal"
    assert counters(shop) == before


def test_what_remains_of_a_slot_is_told_while_it_is_on_screen_and_no_longer(shop: Shop) -> None:
    slot = shop.featured(offered=10)

    def remaining() -> float | None:
        return value(page(shop.service.url), declared.FEATURED_REMAINING, show_id=slot.show_id)

    firsts = value(page(shop.service.url), declared.FIRST_ORDER_SECONDS, "_count") or 0
    eventually(lambda: remaining() == 10, within=20)
    shop.place(slot.allotment_id, 3)
    eventually(lambda: remaining() == 7, within=20)
    assert value(page(shop.service.url), declared.FIRST_ORDER_SECONDS, "_count") == firsts + 1
    shop.tell(show_over(slot.show_id))
    eventually(lambda: remaining() is None, within=20)
    assert value(page(shop.service.url), declared.OVERSOLD) == 0


def counters(shop: Shop) -> list[str]:
    """The business metrics as they are now."""
    told = page(shop.service.url)
    names = ("orders_placed_total", "orders_refused_total", "orders_paid_total", "orders_revenue", "orders_units")
    return sorted(line for line in told.splitlines() if line.startswith(names))


def test_what_is_not_yours_does_not_exist(shop: Shop) -> None:
    order_id = shop.paid(shop.shelf())
    stranger, county = shop.caller("stranger"), shop.caller("clerk", ["county"], FOREIGN)
    for caller in (stranger, county):
        assert caller.get(f"/orders/{order_id}").status_code == 404
        assert caller.post(f"/orders/{order_id}/cancel").status_code == 404
        assert order_id not in [order["id"] for order in caller.get("/orders").json()["items"]]
    assert stranger.post(f"/orders/{order_id}/pay", json={}).status_code == 404
    assert shop.office.get(f"/orders/{order_id}").status_code == 200


def test_a_buyers_orders_come_page_by_page(shop: Shop) -> None:
    reader, shelf = shop.caller("reader"), shop.shelf()
    mine = [shop.placed(shelf, by=reader) for _ in range(5)]
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    while True:
        found = reader.get("/orders", params=query).json()
        seen += [order["id"] for order in found["items"]]
        if not found["next"]:
            break
        query["after"] = found["next"]
    assert seen == mine


def test_a_killed_process_loses_no_order_it_told_of(shop: Shop) -> None:
    shelf = shop.shelf(offered=400)
    told: list[str] = []

    def buy(_: int) -> None:
        try:
            answer = shop.place(shelf, by=shop.buyer)
            if answer.status_code == 201:
                told.append(answer.json()["id"])
        except httpx.TransportError:
            pass  # killed in the middle of it: nobody was told of anything

    with ThreadPoolExecutor(16) as crowd:
        futures = [crowd.submit(buy, n) for n in range(300)]
        eventually(lambda: len(told) > 40)
        shop.service.kill()
        for future in futures:
            future.result()
    shop.service.start_again()
    shop.service.wait_ready()
    assert all(shop.buyer.get(f"/orders/{order_id}").status_code == 200 for order_id in told)
    # Others were placed too, and their buyers not told of it.
    placed = shop.heard(lambda event: event.type == "order.placed" and event.subject in told, len(told))

    def settled() -> bool:
        return shop.allotment(shelf)["sold"] >= len(told)

    eventually(settled)
    assert {event.subject for event in placed} == set(told)
