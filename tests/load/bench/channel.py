"""Orders of another platform in bulk: published all at once, timed until every one is placed and answered."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from confluent_kafka import Producer

from bench import cpu
from bench.outside import UNDER_WAY, UNSAID
from bench.shop import COUNTY, Shop
from chassis import topics
from contracts.codec import record, to_message
from contracts.events import ChannelOrderReceived
from contracts.ids import new_id
from stack.processes import ProcessError

TOPIC: Final = "channel.order.received"
_LOOK: Final = 0.25  # asked more often, an embedded database of one interpreter is slower by a third


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """What came of so many orders on the topic. `answered_per_second` counts until every event was published."""

    orders: int
    items: int
    placed: int
    orders_per_second: float
    answered_per_second: float
    seconds: float
    cpu: dict[str, float]


def send(shop: Shop, skus: Sequence[str], number: int, within: float, tick: Callable[[], object]) -> Bulk:
    """Publish so many orders of these SKUs and wait until they are in the database."""
    messages = list(_messages(skus, number))
    orders = shop.database["orders"]

    def look() -> None:
        shop.check()
        tick()

    before, used = orders.estimated_document_count(), cpu.seconds(shop.watch())
    began = time.perf_counter()
    _publish(shop.settings.kafka_bootstrap_servers, messages)
    _until(lambda: orders.estimated_document_count() - before >= number, within, look)
    placed = time.perf_counter() - began
    spent = cpu.between(used, cpu.seconds(shop.watch()))
    there = orders.estimated_document_count() - before
    _until(lambda: not _unsaid(shop), within, look)
    answered = time.perf_counter() - began
    return Bulk(
        orders=number,
        items=len(skus),
        placed=there,
        orders_per_second=round(there / placed, 1),
        answered_per_second=round(there / answered, 1),
        seconds=round(placed, 3),
        cpu=spent,
    )


def _unsaid(shop: Shop) -> bool:
    """Whether events wait to be published: with the batch that their orders were decided in, or with the orders."""
    allotments, orders = shop.database["allotments"], shop.database["orders"]
    return bool(allotments.find_one(UNDER_WAY, {"_id": 1}) or orders.find_one(UNSAID, {"_id": 1}))


def ready(shop: Shop) -> None:
    """The topic is there."""
    topics.ensure(shop.settings, [TOPIC])


def _messages(skus: Sequence[str], number: int) -> Iterator[tuple[str, bytes, bytes, Any]]:
    now, first = datetime.now(UTC), new_id()[-12:]
    for count in range(number):
        fact = ChannelOrderReceived(
            channel="bench-tv",
            external_number=f"{first}-{count:07d}",
            sku=skus[count % len(skus)],
            county=COUNTY,
            customer=f"customer-{count % 997:03d}",
            quantity=1,
            unit_price_fen=4980,
            placed_at=now,
        )
        yield to_message(record(fact, source="channels", sequence=1, time=now, aggregate=fact.external_number))


def _publish(kafka: str, messages: Sequence[tuple[str, bytes, bytes, Any]]) -> None:
    """By librdkafka, which is done with it long before the orders are placed."""
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
    for topic, key, value, headers in messages:
        producer.produce(topic, key=key, value=value, headers=headers)
    if left := producer.flush(60):
        raise ProcessError(f"the broker did not take {left} of {len(messages)} messages")


def _until(what: Callable[[], bool], within: float, look: Callable[[], object]) -> None:
    """Until then or long enough: the audit says what is missing."""
    deadline = time.monotonic() + within
    while not what() and time.monotonic() < deadline:
        look()
        time.sleep(_LOOK)
