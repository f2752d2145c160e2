"""What nameko, the database and the Kafka client allow at most, each alone: measured in the same run as the engine."""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import bson
import msgspec
import pymongo
from kafka import KafkaConsumer
from pymongo.collection import Collection

from bench import crowd
from bench.plan import Plan, Result
from bench.shop import forget
from contracts.ids import new_id
from stack.engines import Engines
from stack.processes import LOCAL, Child, free_port, taken, wait_for

PIECE: Final = 500  # documents of a bulk insert; the embedded database stands still on some thousand
_POLL_MS: Final = 100
_POLLED: Final = 5_000
_READY_WITHIN: Final = 30.0
_KEPT: Final = frozenset({"unique", "sparse", "partialFilterExpression"})  # what an index is, besides its key


class Inserts(msgspec.Struct, frozen=True, kw_only=True):
    """Documents a second, and how large one is."""

    bulk_insert_per_second: float
    without_indexes_per_second: float
    document_bytes: int


def bare_post(run_dir: Path, tokens: list[str], seconds: float, tick: Callable[[], object]) -> Result:
    """The crowd at the door of a service that only parses and answers."""
    port = free_port()
    command = [sys.executable, "-m", "bench.bare", f"{LOCAL}:{port}"]
    child = Child(
        "bare", command, log=run_dir / "bare.log", env={**os.environ, "PYTHONPATH": str(crowd.ROOM)}, cwd=run_dir
    )
    try:
        wait_for({child: lambda: None if taken(port) else "nobody listens yet"}, within=_READY_WITHIN)
        plan = Plan(
            ports=[port],
            tokens=tokens,
            allotments=[new_id()],
            run=f"bare-{len(tokens)}",
            warm_seconds=0.3,
            seconds=seconds,
            watch={"service": [child.pid]},
        )
        return crowd.send(plan, run_dir, tick)
    finally:
        child.stop()


def bulk_inserts(engines: Engines, sample: dict[str, Any], indexes: Mapping[str, Any], seconds: float) -> Inserts:
    """Documents a second by `insert_many` of orders like the sample, with these indexes and without."""
    with pymongo.MongoClient[dict[str, Any]](engines.mongodb, tz_aware=True, w="majority", journal=True) as client:
        database = client[f"bench_{new_id()[-12:]}"]
        try:
            with_indexes = database["indexed"]
            for name, index in indexes.items():
                if name != "_id_":
                    with_indexes.create_index(index["key"], **{key: index[key] for key in _KEPT & index.keys()})
            return Inserts(
                bulk_insert_per_second=_insert(with_indexes, sample, seconds),
                without_indexes_per_second=_insert(database["plain"], sample, seconds),
                document_bytes=len(bson.encode(sample)),
            )
        finally:
            forget(engines, client, database.name)


def newborn(orders: Collection[dict[str, Any]]) -> dict[str, Any]:
    """An order as it was inserted, with its event still in it; to be asked for while orders are being placed."""
    found = orders.find_one({"outbox.0": {"$exists": True}}) or orders.find_one({})
    assert found is not None, "an order was placed before"
    return found


def _insert(collection: Collection[dict[str, Any]], sample: dict[str, Any], seconds: float) -> float:
    """Only the inserting is timed, not the making of documents."""
    spent, inserted = 0.0, 0
    for piece in _pieces(sample):
        began = time.perf_counter()
        collection.insert_many(piece, ordered=False)
        spent += time.perf_counter() - began
        inserted += len(piece)
        if spent >= seconds:
            break
    return round(inserted / spent, 1)


def _pieces(sample: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    while True:
        yield [_like(sample, new_id()) for _ in range(PIECE)]


def _like(sample: dict[str, Any], key: str) -> dict[str, Any]:
    order = deepcopy(sample)
    order.update(_id=key, buyer_id=f"buyer-{key[-4:]}", keys=[hashlib.sha256(key.encode()).hexdigest()])
    for event in order.get("outbox", ()):
        event.update(id=f"order.placed:{key}:1", key=key, subject=key)
    return order


def consume(kafka: str, parts: Mapping[Any, int], number: int) -> float:
    """Messages a second that a plain kafka-python consumer takes from these offsets on; nothing is decoded."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.split(","), group_id=None, enable_auto_commit=False)
    try:
        consumer.assign(list(parts))
        for part, offset in parts.items():
            consumer.seek(part, offset)
        read, began, deadline = 0, time.perf_counter(), time.monotonic() + 60.0
        while read < number and time.monotonic() < deadline:
            read += sum(map(len, consumer.poll(timeout_ms=_POLL_MS, max_records=_POLLED).values()))
        return round(read / (time.perf_counter() - began), 1)
    finally:
        consumer.close()
