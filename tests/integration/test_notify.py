"""Notify as its neighbours meet it: events over Kafka, people over HTTP, webhooks and browsers at the other end."""

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from kafka import KafkaProducer
from tests.scraped import page, value
from tests.starting import Starter, StartService
from tests.unit.notify.facts import NOON, fact

from chassis.testing import eventually, patience
from contracts import metrics as declared
from contracts.codec import record, to_message
from contracts.events import (
    AllotmentClosed,
    Fact,
    ItemFeatured,
    OrderPaid,
    OrderPlaced,
    ParcelShipped,
    StreamEnded,
    StreamStarted,
)
from stack.engines import Engines
from stack.services import Service

OPEN_TO_TESTS = {"NOTIFY_ALLOWED_SCHEMAS": "json", "NOTIFY_ALLOW_PRIVATE_ADDRESSES": "true"}
QUICK = {"NOTIFY_RETRY_FIRST_SECONDS": "0.2", "NOTIFY_RETRY_MOST_SECONDS": "0.4"}
Publish = Callable[..., None]


class Sink:
    """A webhook that answers with the statuses it was given, then with 200, and remembers what it was sent."""

    def __init__(self, *statuses: int) -> None:
        self.got: list[dict[str, Any]] = []
        sink, left = self, list(statuses)

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = left.pop(0) if left else 200
                sink.got.append({**body, "status": status, "key": self.headers["Idempotency-Key"]})
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.url = f"json://127.0.0.1:{self._server.server_port}/secret-path"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink(500, 500)
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def publish(engines: Engines) -> Iterator[Publish]:
    """Put a fact on its topic, as often as said: what a relay does that was killed before it noted its success."""
    producer = KafkaProducer(bootstrap_servers=engines.kafka, acks="all")

    def send(said: Fact, *, sequence: int = 1, times: int = 1) -> None:
        topic, key, value, headers = to_message(record(said, source="test", sequence=sequence, time=NOON))
        for _ in range(times):
            producer.send(topic, key=key, value=value, headers=headers).get(10)

    yield send
    producer.close()


@pytest.fixture(scope="module")
def notify(starter: Starter) -> Iterator[Service]:
    """One for all tests; whoever ends it starts it again."""
    service = starter("notify", **OPEN_TO_TESTS, **QUICK)
    yield service
    service.stop()
    starter.drop(service)


def fresh(name: str) -> str:
    return f"{name}-{secrets.token_hex(6)}"


def notices(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    answer = client.get("/notices", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_each_is_told_once_although_every_event_comes_twice(notify: Service, publish: Publish) -> None:
    buyer = fresh("buyer")
    for number in range(20):
        publish(fact(OrderPaid, order_id=fresh("o"), buyer_id=buyer, quantity=number + 1), times=2)
    publish(fact(ParcelShipped, parcel_id=fresh("k"), buyer_id=buyer), times=2)
    with notify.client(buyer) as client:
        eventually(lambda: len(notices(client)) >= 21)
        publish(fact(ParcelShipped, parcel_id=fresh("k"), buyer_id=buyer), times=2)
        found = eventually(lambda: (got := notices(client)) and len(got) >= 22 and got)
        assert len({notice["event_id"] for notice in found}) == len(found) == 22


def test_a_notice_is_read_in_the_reader_language_page_by_page(notify: Service, publish: Publish) -> None:
    buyer = fresh("buyer")
    for _ in range(3):
        publish(fact(OrderPaid, order_id=fresh("o"), buyer_id=buyer))
    with notify.client(buyer) as client:
        eventually(lambda: len(notices(client)) == 3)
        assert "已付款" in notices(client)[0]["title"]
        english = client.get("/notices", params={"limit": 2}, headers={"Accept-Language": "en-GB,en;q=0.9"}).json()
        assert [notice["title"] for notice in english["items"]] == ["Paid: Xiuwen kiwifruit"] * 2
        rest = client.get("/notices", params={"limit": 2, "after": english["next"]}).json()
        assert (len(rest["items"]), rest["next"]) == (1, None)
        one = client.get(f"/notices/{rest['items'][0]['id']}").json()
        assert one["text"].endswith(f"{one['event_id'].split(':')[1]}。")


def test_a_failing_webhook_is_tried_again_until_it_has_the_notice_once(
    notify: Service, publish: Publish, sink: Sink
) -> None:
    buyer = fresh("buyer")
    with notify.client(buyer) as client:
        asked = client.put("/subscriptions", json={"language": "en", "kinds": ["order-paid"], "urls": [sink.url]})
        assert asked.status_code == 200, asked.text
        assert "secret-path" not in asked.text + client.get("/subscriptions").text
        publish(fact(OrderPaid, order_id=fresh("o"), buyer_id=buyer), times=2)
        publish(fact(ParcelShipped, parcel_id=fresh("k"), buyer_id=buyer))
        eventually(lambda: [got["status"] for got in sink.got] == [500, 500, 200])
        (delivery,) = eventually(lambda: paid_delivery(client, "sent"))
        assert delivery["attempts"] == 3
    assert {(got["title"], got["key"], got["notice_id"]) for got in sink.got} == {
        ("Paid: Xiuwen kiwifruit", sink.got[0]["key"], sink.got[0]["key"])
    }
    assert "secret-path" not in notify.log()
    assert len(sink.got) == 3
    told = page(notify.url)
    assert (value(told, declared.DELIVERIES, outcome="retried") or 0) >= 2
    assert (value(told, declared.DELIVERY_DELAY, "_count", outcome="sent") or 0) >= 1
    assert (value(told, declared.DELIVERY_ATTEMPTS, "_sum") or 0) >= 3


def paid_delivery(client: httpx.Client, state: str) -> list[dict[str, Any]]:
    deliveries = [each for notice in notices(client) for each in notice["deliveries"] if notice["kind"] == "order-paid"]
    return deliveries if [each["state"] for each in deliveries] == [state] else []


def test_a_webhook_that_never_works_is_given_up_and_one_taken_back_is_not_called(
    start_service: StartService, publish: Publish
) -> None:
    notify = start_service("notify", **OPEN_TO_TESTS, **QUICK, NOTIFY_DELIVERY_ATTEMPTS="2")
    broken, buyer = Sink(*[500] * 99), fresh("buyer")
    with notify.client(buyer) as client:
        client.put("/subscriptions", json={"urls": [broken.url]})
        publish(fact(OrderPaid, order_id=fresh("o"), buyer_id=buyer))
        (delivery,) = eventually(lambda: paid_delivery(client, "failed"))
        assert (delivery["attempts"], len(broken.got)) == (2, 2)
        assert client.delete("/subscriptions").status_code == 204
        assert client.get("/subscriptions").status_code == 404
        publish(fact(ParcelShipped, parcel_id=fresh("k"), buyer_id=buyer))
        shipped = eventually(lambda: [each for each in notices(client) if each["kind"] == "parcel-shipped"])
        assert shipped[0]["deliveries"] == []
    broken.close()


def test_deliveries_go_on_where_a_killed_process_left_them(notify: Service, publish: Publish, sink: Sink) -> None:
    buyer = fresh("buyer")
    with notify.client(buyer) as client:
        client.put("/subscriptions", json={"urls": [sink.url]})
        publish(fact(OrderPaid, order_id=fresh("o"), buyer_id=buyer))
        eventually(lambda: len(sink.got) >= 1)
        notify.kill()
        notify.start_again()
        notify.wait_ready()
        eventually(lambda: paid_delivery(client, "sent"), within=90)
    assert {got["key"] for got in sink.got} == {sink.got[0]["key"]}


def test_by_default_no_notice_is_sent_into_a_private_network(start_service: StartService) -> None:
    notify = start_service("notify", NOTIFY_ALLOWED_SCHEMAS="json")
    with notify.client("b1") as client:
        for url, code in (("json://127.0.0.1:1/x", "private-address"), ("file:///etc/passwd", "unknown-address")):
            refused = client.put("/subscriptions", json={"urls": ["json://example.com", url]})
            assert refused.status_code == 422
            assert refused.json()["type"].endswith(code)
            assert refused.json()["errors"][0]["field"] == "$.urls[1]"


def test_a_foreign_county_reads_nothing_of_another_one(notify: Service, publish: Publish) -> None:
    closed = fact(AllotmentClosed, allotment_id=fresh("a"), county="520123", producer_id=fresh("p"))
    publish(closed)
    own, foreign = (notify.client("office", ["county"], county=county) for county in ("520123", "522634"))
    with own, foreign:
        (notice,) = eventually(lambda: [each for each in notices(own) if closed.allotment_id in each["event_id"]])
        assert [each for each in notices(foreign) if closed.allotment_id in each["event_id"]] == []
        assert foreign.get(f"/notices/{notice['id']}").status_code == 404
        for method, path in (("GET", "/notices"), ("GET", "/subscriptions"), ("DELETE", "/subscriptions")):
            assert foreign.request(method, path, params={"recipient": "county:520123"}).status_code == 403
        assert foreign.put("/subscriptions", json={"recipient": "county:520123"}).status_code == 403
    with notify.client(None) as nobody:
        assert nobody.get("/notices").status_code == 401


def test_a_rehearsal_is_told_to_nobody(notify: Service, publish: Publish) -> None:
    show, county = fresh("s"), "522634"
    publish(fact(StreamStarted, show_id=show, counties=(county,), rehearsal=True))
    publish(fact(AllotmentClosed, allotment_id=fresh("a"), county=county, rehearsal=True))
    publish(fact(ItemFeatured, show_id=show, rehearsal=True))
    real = fresh("s")
    with notify.client(None) as nobody, live(nobody) as events:
        next(events)
        publish(fact(StreamStarted, show_id=real, counties=(county,)), sequence=2)
        assert next(events)["data"]["show_id"] == real
    with notify.client("office", ["county"], county=county) as client:
        eventually(lambda: any(real in notice["event_id"] for notice in notices(client)))
        assert not any(show in notice["event_id"] for notice in notices(client))


# --- live events ---


@contextmanager
def live(client: httpx.Client, last_event_id: str = "", **query: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The live events as a browser reads them."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    with client.stream("GET", "/live/events", params=query, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
        yield parsed(answer.iter_lines())


def parsed(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    fields: dict[str, Any] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = json.loads(value) if name == "data" else value
        else:
            if "event" in fields:
                yield fields
            fields = {}


def test_a_browser_that_comes_back_misses_nothing_and_sees_nothing_twice_even_after_a_restart(
    notify: Service, publish: Publish
) -> None:
    show = fresh("s")
    with notify.client(None) as browser:
        with live(browser, show_id=show) as events:
            assert next(events)["event"] == "snapshot"
            publish(fact(StreamStarted, show_id=show))
            publish(fact(ItemFeatured, show_id=show, slot=1), sequence=2)
            seen = [next(events), next(events)]
        publish(fact(ItemFeatured, show_id=show, slot=2), sequence=3)
        notify.stop()
        publish(fact(ItemFeatured, show_id=show, slot=3), sequence=4, times=2)
        notify.start_again()
        notify.wait_ready()
        eventually(lambda: on_screen(browser, show) == 3)
        with live(browser, seen[-1]["id"], show_id=show) as events:
            later = [next(events), next(events)]
            publish(fact(StreamEnded, show_id=show), sequence=5)
            later.append(next(events))
    assert {each["event"] for each in seen} == {"stream.started", "item.featured"}
    assert [(each["event"], each["data"].get("slot")) for each in later] == [
        ("item.featured", 2),
        ("item.featured", 3),
        ("stream.ended", None),
    ]


def on_screen(browser: httpx.Client, show: str) -> int | None:
    with live(browser, show_id=show) as events:
        shows = next(events)["data"]["shows"]
    return shows[0]["on_screen"] if shows else None


def test_orders_tick_up_and_say_nothing_of_their_buyers(notify: Service, publish: Publish) -> None:
    show = fresh("s")
    publish(fact(StreamStarted, show_id=show))
    publish(fact(ItemFeatured, show_id=show), sequence=2)
    with notify.client(None) as browser:
        eventually(lambda: on_screen(browser, show) == 1)
        with live(browser, show_id=show) as events:
            next(events)
            for _ in range(3):
                publish(fact(OrderPlaced, order_id=fresh("o"), buyer_id=fresh("b"), show_id=show), times=2)
            ticks = [next(events)]
            while ticks[-1]["data"]["orders"] < 3:
                ticks.append(next(events))
    assert ticks[-1] == {"event": "tick", "data": {"show_id": show, "slot": 1, "orders": 3, "units": 6}}


def test_a_cursor_of_nowhere_starts_anew_with_the_state_of_now(notify: Service) -> None:
    with notify.client(None) as browser, live(browser, "f0.99999999") as events:
        assert next(events)["event"] == "reset"


def test_open_streams_do_not_hold_up_a_stop(start_service: StartService) -> None:
    notify = start_service("notify", SHUTDOWN_GRACE_SECONDS="60")
    with notify.client(None) as browser, live(browser) as events:
        next(events)
        notify.stop(grace=5 * patience())
        assert list(events) == []
    assert notify.process.exit_code == 0


def test_the_live_page_loads_nothing_from_elsewhere(notify: Service) -> None:
    with notify.client(None) as browser:
        page, program, looks = (browser.get(path) for path in ("/live", "/live/live.js", "/live/live.css"))
    for answer in (page, program, looks):
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "://" not in answer.text
    assert not any(risk in program.text for risk in ("innerHTML", "insertAdjacentHTML", "document.write", "eval("))
    assert "<script>" not in page.text
