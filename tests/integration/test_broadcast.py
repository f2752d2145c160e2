"""Broadcast through its doors: HTTP in, Kafka in and out, on real engines."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pymongo
import pytest
from tests.starting import Starter

from chassis.testing import eventually
from contracts.events import OrderCancelled
from contracts.ids import new_id
from stack.engines import Engines

from .onair import FOREIGN, NORTH, SOUTH, OnAir, a_row, an_allotment, an_item, an_order, placed_and_paid


@pytest.fixture(scope="module")
def onair(starter: Starter) -> Iterator[OnAir]:
    """Broadcast without the other services, and goods listed."""
    service = starter("broadcast")
    try:
        onair = OnAir(service)
        onair.list_goods()
        yield onair
        service.check()
    finally:
        service.stop()
        starter.drop(service)


@pytest.fixture
def documents(onair: OnAir, engines: Engines) -> Iterator[Any]:
    """Broadcast's database, read past its back."""
    with pymongo.MongoClient[dict[str, Any]](engines.mongodb) as client:
        yield client[onair.service.database]


def show(onair: OnAir, show_id: str) -> dict[str, Any]:
    answer = onair.service.client(None).get(f"/shows/{show_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]


def test_good_rows_of_a_line_up_land_and_bad_ones_are_reported_by_line_and_field(onair: OnAir) -> None:
    key = f"show-{secrets.token_hex(4)}"
    report = onair.plan(
        a_row(key, 1),
        a_row(key, 2, "123456"),
        a_row(key, 3, sku="NONE"),
        a_row(key, 1, sku="TEA", starts_min=90),
        a_row(key, 4, minutes=0),
        a_row(key, 5, channels="Tao Bao"),
        a_row(key, 6, starts_min=5),
        a_row(key, 7, allotted="lots"),
        a_row(key, 8, SOUTH),
    )
    assert (report["rows"], report["accepted"], report["unchanged"]) == (9, 2, 0)
    assert [(row["row"], row["field"]) for row in report["refused"]] == [
        (3, "county"),
        (4, "sku"),
        (5, "slot"),
        (6, "minutes"),
        (7, "channels"),
        (8, "starts_min"),
        (9, "allotted"),
    ]
    assert all(row["reason"] for row in report["refused"])
    planned = show(onair, report["shows"][0]["show_id"])
    assert [(slot["slot"], slot["county"]) for slot in planned["slots"]] == [(1, NORTH), (8, SOUTH)]
    assert planned["slots"][0]["host_title"] == "Magistrate of Trial County"


def test_the_same_line_up_twice_changes_nothing(onair: OnAir) -> None:
    key = f"show-{secrets.token_hex(4)}"
    first, again = (onair.plan(a_row(key, 1), a_row(key, 2, SOUTH)) for _ in range(2))
    assert (again["accepted"], again["unchanged"]) == (0, 2)
    assert again["shows"] == first["shows"]


def test_a_line_up_without_its_columns_is_refused_whole(onair: OnAir) -> None:
    answer = onair.caller("platform").post(
        "/lineups/import", content="programme,show\nA,b\n", headers={"content-type": "text/csv"}
    )
    assert problem(answer) == (422, "missing-columns")


def test_a_county_imports_its_own_rows_only(onair: OnAir) -> None:
    key = f"show-{secrets.token_hex(4)}"
    report = onair.imported(onair.caller("county", NORTH), a_row(key, 1), a_row(key, 2, SOUTH))
    assert (report["accepted"], [row["field"] for row in report["refused"]]) == (1, ["county"])


def test_a_show_without_stock_does_not_start_until_it_is_allotted(onair: OnAir) -> None:
    show_id, host = onair.planned(), onair.caller("host", NORTH)
    refused = host.post(f"/shows/{show_id}/start")
    assert problem(refused) == (409, "checklist-incomplete")
    assert [missing["slot"] for missing in refused.json()["missing"]] == [1, 2]
    onair.allot(show_id)
    assert host.post(f"/shows/{show_id}/start").json()["state"] == "live"


def test_a_slot_is_not_featured_before_the_show_is_live_nor_without_stock(onair: OnAir, documents: Any) -> None:
    show_id, host = onair.planned(), onair.caller("host", NORTH)
    assert problem(host.post(f"/shows/{show_id}/slots/1/feature")) == (409, "not-live")
    documents.shows.update_one({"_id": show_id}, {"$set": {"state": "live"}})
    assert problem(host.post(f"/shows/{show_id}/slots/1/feature")) == (409, "not-allotted")


@pytest.mark.parametrize("seconds", [0, 7201, -1, "long"])
def test_a_window_of_an_impossible_length_is_refused(onair: OnAir, seconds: object) -> None:
    answer = onair.caller("platform").post("/shows/any/slots/1/feature", json={"window_seconds": seconds})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "$.window_seconds"


def test_an_evening_is_told_in_order_on_the_topics(onair: OnAir) -> None:
    show_id = onair.live()
    north, south = onair.caller("host", NORTH), onair.caller("host", SOUTH)
    on_screen = north.post(f"/shows/{show_id}/slots/1/feature", json={"window_seconds": 600}).json()["on_screen"]
    assert (on_screen["slot"], on_screen["allotment_id"]) == (1, f"allotment-{show_id}-1")
    assert south.post(f"/shows/{show_id}/slots/2/feature").json()["on_screen"]["slot"] == 2
    ended = south.post(f"/shows/{show_id}/end").json()
    assert (ended["state"], ended["on_screen"]) == ("ended", None)
    events = onair.heard(show_id, 4)
    assert [(event.type, event.sequence) for event in events] == [
        ("stream.started", 1),
        ("item.featured", 2),
        ("item.featured", 3),
        ("stream.ended", 4),
    ]
    first = events[1].data
    assert (first.live_price_fen, first.offered, first.per_buyer_limit) == (3500, 400, 2)
    assert (first.closes_at - first.opens_at).total_seconds() == 600
    assert {event.data.rehearsal for event in events} == {False}


def test_asking_twice_is_asking_once(onair: OnAir, documents: Any) -> None:
    show_id, host = onair.live(), onair.caller("host", NORTH)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    calls = [("start", {}), ("slots/1/feature", key), ("slots/1/feature", key), ("end", {}), ("end", {})]
    answers = [host.post(f"/shows/{show_id}/{path}", headers=headers) for path, headers in calls]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert documents.shows.find_one({"_id": show_id})["version"] == 3
    assert problem(host.post(f"/shows/{show_id}/start")) == (409, "already-ended")


def test_a_rehearsal_takes_the_same_path_without_stock_and_is_marked_in_every_event(onair: OnAir) -> None:
    show_id, platform = onair.live(rehearsal=True), onair.caller("platform")
    featured = platform.post(f"/shows/{show_id}/slots/1/feature").json()
    assert featured["on_screen"]["allotment_id"] == f"rehearsal-{show_id}-1"
    platform.post(f"/shows/{show_id}/audience", json={"channel": "web", "viewers": 5})
    platform.post(f"/shows/{show_id}/end")
    assert {event.data.rehearsal for event in onair.heard(show_id, 4)} == {True}
    onair.tell(*placed_and_paid(an_order(show_id, new_id(), rehearsal=True)))
    assert platform.get(f"/shows/{show_id}/report-card").json()["slots"][0]["sales"]["placed"] == 0
    assert show_id not in [each["show_id"] for each in platform.get("/shows").json()["items"]]
    assert show_id in [each["show_id"] for each in platform.get("/shows", params={"rehearsal": True}).json()["items"]]


def test_each_event_delivered_twice_changes_nothing(onair: OnAir, documents: Any) -> None:
    show_id = onair.planned()
    onair.allot(show_id, times=2)
    onair.caller("host", NORTH).post(f"/shows/{show_id}/start")
    order = an_order(show_id, new_id())
    cancelled = OrderCancelled(**order, reason="buyer", refund_fen=7000, cancelled_at=datetime.now(UTC))
    onair.tell(*placed_and_paid(order), cancelled)
    before = _state(documents, show_id)
    # the same facts again, with the same ids; the payment's is the order's
    onair.tell(*placed_and_paid(order), cancelled, times=2)
    onair.tell(an_item(NORTH, "KIWI"), an_allotment(show_id, 1, NORTH), times=2)
    assert _state(documents, show_id) == before
    sales = onair.caller("platform").get(f"/shows/{show_id}/report-card").json()["slots"][0]["sales"]
    assert (sales["placed"], sales["orders"], sales["units"], sales["revenue_fen"]) == (1, 1, 2, 7000)
    assert (sales["cancelled"], sales["net_revenue_fen"]) == (1, 0)


def _state(documents: Any, show_id: str) -> list[Any]:
    show = documents.shows.find_one({"_id": show_id}, {"outbox": 0})
    return [show, *(list(documents[name].find().sort("_id", 1)) for name in ("sales", "items", "hosts", "allotments"))]


def test_viewers_are_counted_once_a_sample_and_peak_on_the_card(onair: OnAir) -> None:
    show_id, platform = onair.live(), onair.caller("platform")
    now = datetime.now(UTC).isoformat()
    report = {
        "samples": [{"channel": "web", "viewers": 70, "sampled_at": now}, {"channel": "taobao-live", "viewers": 9}]
    }
    assert platform.post(f"/shows/{show_id}/audience", json=report).json() == {"taken": 2, "unchanged": 0}
    again = {"samples": report["samples"][:1]}
    assert platform.post(f"/shows/{show_id}/audience", json=again).json() == {"taken": 0, "unchanged": 1}
    assert problem(platform.post(f"/shows/{show_id}/audience", json={"channel": "youku", "viewers": 1})) == (
        422,
        "unknown-channel",
    )
    assert problem(platform.post(f"/shows/{show_id}/audience", json={"viewers": 1})) == (422, "one-or-several")
    channels = platform.get(f"/shows/{show_id}/report-card").json()["channels"]
    assert {each["channel"]: each["peak_viewers"] for each in channels} == {"web": 70, "taobao-live": 9}
    assert [event.data.viewers for event in onair.heard(show_id, 3) if event.type == "audience.sampled"] != []


def test_a_foreign_host_or_county_is_refused_on_every_route_and_changes_nothing(onair: OnAir, documents: Any) -> None:
    live, scheduled = onair.live(), onair.planned()
    before = [_state(documents, show_id) for show_id in (live, scheduled)]
    foreign, nobody = onair.caller("host", FOREIGN), onair.service.client(None)
    routes = [
        ("POST", f"/shows/{scheduled}/start"),
        ("POST", f"/shows/{live}/slots/1/feature"),
        ("POST", f"/shows/{live}/end"),
        ("DELETE", f"/shows/{scheduled}/slots/1"),
        ("GET", f"/shows/{live}/report-card"),
        ("POST", f"/shows/{live}/audience"),
        ("POST", "/lineups/import"),
    ]
    for method, path in routes:
        assert foreign.request(method, path).status_code == 403, path
        assert onair.caller("buyer").request(method, path).status_code == 403, path
        assert nobody.request(method, path).status_code == 401, path
        if path != "/lineups/import":  # where a county's token opens the door and each row is judged
            assert onair.caller("county", FOREIGN).request(method, path).status_code == 403, path
    assert [_state(documents, show_id) for show_id in (live, scheduled)] == before


def test_a_county_reads_the_sales_of_its_own_slots_only(onair: OnAir) -> None:
    show_id = onair.live()
    for slot, county in ((1, NORTH), (2, SOUTH)):
        onair.tell(*placed_and_paid(an_order(show_id, new_id(), county, slot)))
    card = onair.caller("county", SOUTH).get(f"/shows/{show_id}/report-card").json()
    assert [slot["sales"] and slot["sales"]["orders"] for slot in card["slots"]] == [None, 1]
    assert sum(minute["orders"] for minute in card["orders_per_minute"]) == 1


def test_shows_are_paged_newest_first(onair: OnAir) -> None:
    wanted = [onair.planned() for _ in range(3)][::-1]
    found: list[str] = []
    query: dict[str, Any] = {"limit": 1, "state": "scheduled"}
    while len(found) < 3:
        page = onair.service.client(None).get("/shows", params=query).json()
        found += [each["show_id"] for each in page["items"]]
        query["after"] = page["next"]
    assert found == wanted


def test_metrics_count_live_shows_and_leave_rehearsals_out(onair: OnAir) -> None:
    def metric(name: str) -> float:
        lines = httpx.get(f"{onair.service.url}/metrics").text.splitlines()
        return float(next((line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"{name} ")), "0"))

    def on_air() -> int:
        items = onair.service.client(None).get("/shows", params={"state": "live", "limit": 200}).json()["items"]
        return len(items)

    platform, featured = onair.caller("platform"), metric("items_featured_total")
    for show_id in (onair.live(), onair.live(rehearsal=True)):
        platform.post(f"/shows/{show_id}/slots/1/feature")
        platform.post(f"/shows/{show_id}/audience", json={"channel": "taobao-live", "viewers": 1_000_000})
    assert metric("items_featured_total") == featured + 1
    eventually(lambda: metric("shows_live") == on_air() > 0, within=15)
    eventually(lambda: 1_000_000 <= metric('show_viewers{channel="taobao-live"}') < 2_000_000, within=15)
    eventually(lambda: 1 <= metric("shows_featuring") <= on_air(), within=15)
