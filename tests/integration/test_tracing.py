"""One order from the tap to the parcel, as a collector sees it: through HTTP and Kafka to the last reader.

Each request is a trace of its own, for a buyer may pay an hour later; what happens to an order later is linked to the
trace in which it was placed, and every span of it says its id.
"""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.integration.shop import COUNTY, Shop
from tests.integration.test_notify import Sink
from tests.otlp import Collector, Place, Seen, collecting
from tests.starting import Starter

from chassis.testing import eventually
from contracts.ids import new_id
from stack.services import Service, wait_ready

WITHIN = 60.0


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(starter: Starter, collector: Collector) -> Iterator[dict[str, Service]]:
    """Three services that tell the collector of everything, soon."""
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    own = {"notify": {"NOTIFY_ALLOWED_SCHEMAS": "json", "NOTIFY_ALLOW_PRIVATE_ADDRESSES": "true"}}
    names = ("orders", "broadcast", "notify")
    running = {name: starter(name, ready=False, **told, **own.get(name, {})) for name in names}
    wait_ready(running.values())
    yield running
    for service in running.values():
        service.stop()


@pytest.fixture(scope="module")
def shop(traced: dict[str, Service]) -> Shop:
    shop = Shop(traced["orders"])
    shop.list_hubs()
    return shop


def browser() -> Place:
    """Where a page's own span would be."""
    return Place(secrets.token_hex(16), secrets.token_hex(8))


def ask(client: httpx.Client, path: str, body: Any, at: Place | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": new_id()} | ({"traceparent": at.traceparent} if at else {})
    answer = client.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer


def wait_for(collector: Collector, name: str, service: str, **says: Any) -> Seen:
    return eventually(lambda: collector.one(name, service, **says), within=WITHIN)


@pytest.fixture
def letterbox() -> Iterator[Sink]:
    """Where a buyer's notices go."""
    sink = Sink()
    yield sink
    sink.close()


def test_one_order_can_be_followed_from_the_tap_to_the_parcel(
    shop: Shop, traced: dict[str, Service], collector: Collector, letterbox: Sink
) -> None:
    shelf, tap, buyer = shop.shelf(), browser(), f"mrs-wang-{new_id()}"
    phone = shop.caller(buyer)
    with traced["notify"].client(buyer) as client:
        assert client.put("/subscriptions", json={"urls": [letterbox.url]}).is_success
    placed = ask(phone, "/orders", {"allotment_id": shelf, "quantity": 1, "channel": "web"}, tap)
    order = placed.json()["id"]
    assert placed.headers["X-Trace-Id"] == tap.trace
    ask(phone, f"/orders/{order}/pay", {})
    ask(shop.office, "/parcels/pack", {"county": COUNTY})
    parcel = phone.get(f"/orders/{order}").json()["parcel_id"]
    ask(shop.office, f"/parcels/{parcel}/ship", {"carrier": "YTO"})

    # placed: the buyer's own trace, through the commit and the outbox to everybody who reads of it
    born = wait_for(collector, "POST /orders", "orders", order_id=order)
    assert (born.kind, born.at.trace, born.parent) == ("SERVER", tap.trace, tap.span)
    assert (born.says["http.route"], born.says["http.response.status_code"]) == ("/orders", 201)
    commit = next(span for span in collector.named("place orders", "orders") if span.at.trace == tap.trace)
    assert commit.above == born.at
    _heard(collector, "order.placed", born, "broadcast", order_id=order)

    # paid: a trace of its own that says which order, and where it was placed
    pays = wait_for(collector, "POST /orders/{order_id}/pay", "orders", order_id=order)
    assert pays.at.trace != tap.trace
    assert born.at in pays.links
    for reader in ("broadcast", "notify"):
        _heard(collector, "order.paid", pays, reader, order_id=order)

    # packed: whoever packs, packs for many; the parcel's own span is linked with its orders
    packs = wait_for(collector, "pack parcel", "orders", parcel_id=parcel)
    assert packs.says["shanhuo.order_ids"] == (order,)
    assert packs.links == (born.at,)
    packing = wait_for(collector, "POST /parcels/pack", "orders")
    assert packs.above == packing.at
    assert wait_for(collector, "send parcel.packed", "orders", parcel_id=parcel).above == packs.at

    # shipped: linked with the packing, and through it with the order
    ships = wait_for(collector, "POST /parcels/{parcel_id}/ship", "orders", parcel_id=parcel)
    assert (ships.says["shanhuo.order_ids"], ships.links) == ((order,), (packs.at,))
    told = _heard(collector, "parcel.shipped", ships, "notify", parcel_id=parcel)
    assert told.says["shanhuo.order_ids"] == (order,)

    # told: the notice that goes to the buyer is the last of the chain
    notice = eventually(lambda: [one for one in collector.named("send notice") if one.above == told.at], within=WITHIN)
    assert (notice[0].service, notice[0].kind, notice[0].failed) == ("notify", "CLIENT", False)
    assert letterbox.got

    # and nothing says who bought it, or where they live
    everything = str(collector.spans)
    assert buyer not in everything
    assert "secret-path" not in everything
    assert phone.headers["Authorization"].split()[1] not in everything


def _heard(collector: Collector, event: str, cause: Seen, reader: str, **says: str) -> Seen:
    """The event was published for this cause and handled by this reader's group, all in one trace."""
    sent = wait_for(collector, f"send {event}", "orders", **says)
    assert (sent.kind, sent.above) == ("PRODUCER", cause.at)
    assert sent.says["messaging.destination.name"] == event

    def handled() -> Seen:
        # notify's live pages, for which every replica reads by itself, are no group
        found = [span for span in collector.named(f"process {event}", reader, **says) if _GROUP in span.says]
        assert found, collector.names()
        return found[0]

    read = eventually(handled, within=WITHIN)
    assert (read.kind, read.above, read.failed) == ("CONSUMER", sent.at, False)
    assert read.says["messaging.message.id"] == sent.says["messaging.message.id"]
    assert read.began >= cause.began
    return read


_GROUP = "messaging.consumer.group.name"


def test_orders_that_share_a_commit_are_linked_with_it_both_ways(shop: Shop, collector: Collector) -> None:
    shelf = shop.shelf(offered=1_000)

    def commits() -> list[Seen]:
        """Commits of more than one order; buyers come until there are some."""
        taps = [browser() for _ in range(12)]
        body = {"allotment_id": shelf, "quantity": 1, "channel": "web"}
        with ThreadPoolExecutor(len(taps)) as crowd:
            list(crowd.map(lambda tap: ask(shop.buyer, "/orders", body, tap), taps))
        return [span for span in collector.named("place orders", "orders") if span.says["shanhuo.members"] > 1]

    commit = eventually(commits, within=WITHIN)[0]

    def members() -> list[Seen]:
        found = [span for span in collector.named("POST /orders", "orders") if span.at in commit.links]
        assert len(found) == len(commit.links)
        return found

    shared = eventually(members, within=WITHIN)
    assert len(shared) == commit.says["shanhuo.members"] - 1
    assert all(commit.at in span.links for span in shared)


def test_who_does_not_record_is_not_recorded_anywhere(shop: Shop, collector: Collector) -> None:
    shelf, quiet, loud = shop.shelf(), browser(), browser()
    body = {"allotment_id": shelf, "quantity": 1, "channel": "web"}
    silent = quiet.traceparent.removesuffix("1") + "0"
    answer = shop.buyer.post("/orders", json=body, headers={"Idempotency-Key": new_id(), "traceparent": silent})
    assert answer.status_code == 201
    assert "X-Trace-Id" not in answer.headers
    order = ask(shop.buyer, "/orders", body, loud).json()["id"]
    for reader in ("notify", "broadcast"):  # by now they have heard of both
        eventually(lambda reader=reader: collector.named("process order.placed", reader, order_id=order), within=WITHIN)
    assert not [span for span in collector.spans if span.at.trace == quiet.trace]


def test_each_span_says_which_service_it_is_of(traced: dict[str, Service], collector: Collector) -> None:
    eventually(lambda: {span.service for span in collector.spans} == set(traced), within=WITHIN)
    for who in collector.resources:
        assert who["service.namespace"] == "shanhuo"
        assert who["service.version"]
        assert who["service.instance.id"]
