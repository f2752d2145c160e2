"""What the crowd buys from: replicas of the orders service on one database, and stock told to them by Kafka."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pymongo
from kafka import KafkaConsumer, OffsetAndMetadata
from pymongo.database import Database

from chassis.config import Settings, load
from chassis.producer import Producer
from contracts.codec import record, to_message
from contracts.events import StockAllotted
from contracts.ids import new_id
from contracts.readers import READERS
from stack.engines import Engines
from stack.issuer import Issuer
from stack.processes import ProcessError, free_port, stop_all
from stack.reading import ends
from stack.services import Service, settings_for, wait_ready

COUNTY: Final = "520123"
PLENTY: Final = 1_000_000_000  # more than anybody can buy in a run
_KNOWN_WITHIN: Final = 60.0


@dataclass(frozen=True)
class Shop:
    """Running replicas and their engines."""

    engines: Engines
    issuer: Issuer
    run_dir: Path
    replicas: Sequence[Service]
    database: Database[dict[str, Any]]
    settings: Settings

    @property
    def ports(self) -> list[int]:
        return [int(replica.url.rpartition(":")[2]) for replica in self.replicas]

    def watch(self) -> dict[str, list[int]]:
        """The processes whose CPU seconds count, by what they are."""
        ours = {"database": self.engines.database, "broker": self.engines.broker}
        return {"service": [replica.process.pid for replica in self.replicas]} | {
            name: [engine.child.pid] for name, engine in ours.items() if engine
        }

    def tokens(self, buyers: int) -> list[str]:
        """A token for each of so many buyers."""
        return [self.issuer.token(f"buyer-{number:04d}") for number in range(buyers)]

    def stock(self, items: int, offered: int = PLENTY) -> dict[str, str]:
        """Allot so many new items; their SKUs by the ids of their allotments, known to orders when this returns."""
        lot = new_id()[-8:]
        facts = [_set_aside(f"{lot}-{number:04d}", offered) for number in range(items)]
        self.tell(facts)
        found = {fact.allotment_id: fact.sku for fact in facts}
        self._known(list(found))
        return found

    def tell(self, facts: Sequence[StockAllotted]) -> None:
        """Publish as catalog would."""
        producer, now = Producer(self.settings), datetime.now(UTC)
        producer.send([to_message(record(fact, source="catalog", sequence=1, time=now)) for fact in facts])
        producer.close()

    def check(self) -> None:
        for replica in self.replicas:
            replica.check()
        self.engines.check()

    def _known(self, ids: Sequence[str]) -> None:
        deadline = time.monotonic() + _KNOWN_WITHIN
        query = {"_id": {"$gte": min(ids), "$lte": max(ids)}}
        while self.database["allotments"].count_documents(query) < len(ids):
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(f"orders did not hear of its stock within {_KNOWN_WITHIN:.0f} s")
            time.sleep(0.05)


@contextmanager
def open_shop(
    engines: Engines,
    issuer: Issuer,
    run_dir: Path,
    replicas: int,
    env: Mapping[str, str] | None = None,
    service: type[Service] = Service,
) -> Iterator[Shop]:
    """So many replicas of orders on a fresh database."""
    own = new_id()[-12:]
    running: list[Service] = []
    client = pymongo.MongoClient[dict[str, Any]](engines.mongodb, tz_aware=True)
    try:
        for number in range(replicas):
            told = settings_for("orders", engines, issuer, port=free_port(), suffix=own) | dict(env or {})
            if number == 0:
                _begin_now(engines.kafka, told["KAFKA_GROUP"])
            running.append(service("orders", issuer=issuer, run_dir=run_dir, env=told, log=f"orders-{own}-{number}"))
        wait_ready(running)
        database = client[running[0].database]
        yield Shop(engines, issuer, run_dir, running, database, load(Settings, running[0].env))
    finally:
        stop_all([replica.process for replica in running])
        if running:
            forget(engines, client, running[0].database)
        client.close()


def _begin_now(kafka: str, group: str) -> None:
    """What was said in earlier runs is none of this group's business: it would be busy with it while it is measured."""
    stands = ends(kafka, READERS["orders"])
    consumer = KafkaConsumer(bootstrap_servers=kafka.split(","), group_id=group, enable_auto_commit=False)
    try:
        if stands:
            consumer.assign(list(stands))
            consumer.commit({part: OffsetAndMetadata(offset, "", -1) for part, offset in stands.items()})
    finally:
        consumer.close(autocommit=False)


def forget(engines: Engines, client: pymongo.MongoClient[dict[str, Any]], database: str) -> None:
    """Leave nothing behind in a database that is not ours. Our own goes with its directory, and drops slowly."""
    if engines.database is None:
        client.drop_database(database)


def _set_aside(sku: str, offered: int) -> StockAllotted:
    return StockAllotted(
        allotment_id=new_id(),
        item_id=f"{COUNTY}.{sku}",
        county=COUNTY,
        sku=sku,
        name_zh="修文猕猴桃",
        name_en="Xiuwen kiwifruit",
        producer_id="p1",
        weight_g=2500,
        purpose="shelf",
        offered=offered,
        price_fen=4980,
        allotted_at=datetime.now(UTC),
    )
