"""The embedded engines keep their promises, and step aside for others; the services come up on them."""

from pathlib import Path

import pymongo
import pytest
from kafka import KafkaConsumer, KafkaProducer
from pymongo.errors import PyMongoError

from chassis.testing import eventually
from stack.engines import Embedded, Engines, start_broker, start_database, start_engines
from stack.local import DATA, launch
from stack.market import NotOpenedError, open_market
from stack.processes import PortTakenError
from stack.services import NAMES, Services

KILLS = 3
WRITES = 150  # before each kill


def write_until_killed(database: Embedded, round_: int) -> list[int]:
    """The numbers of the writes that were acknowledged; the database dies in the middle of them."""
    acknowledged: list[int] = []
    with pymongo.MongoClient[dict[str, int]](f"mongodb://{database.address}", serverSelectionTimeoutMS=500) as client:
        writes = client.get_database("kept", write_concern=pymongo.WriteConcern("majority", j=True))["writes"]
        try:
            for number in range(round_ * 10_000, (round_ + 1) * 10_000):
                if len(acknowledged) == WRITES:
                    database.child.process.kill()  # and goes on writing: it dies with a write under way
                writes.insert_one({"_id": number})
                acknowledged.append(number)
        except PyMongoError:
            database.child.kill()
    return acknowledged


def test_the_database_keeps_every_acknowledged_write_through_kills(tmp_path: Path) -> None:
    acknowledged: set[int] = set()
    for round_ in range(KILLS):
        acknowledged |= set(write_until_killed(start_database(tmp_path, tmp_path / "mongodb"), round_))
    database = start_database(tmp_path, tmp_path / "mongodb")
    with pymongo.MongoClient[dict[str, int]](f"mongodb://{database.address}") as client:
        kept = {document["_id"] for document in client["kept"]["writes"].find()}
    database.child.stop()
    assert len(acknowledged) >= KILLS * WRITES
    assert acknowledged <= kept


def test_the_database_may_come_back_at_its_address(tmp_path: Path) -> None:
    first = start_database(tmp_path, tmp_path / "mongodb")
    with pymongo.MongoClient[dict[str, int]](f"mongodb://{first.address}") as client:
        client["kept"]["writes"].insert_one({"_id": 1})
        first.child.kill()
        second = start_database(tmp_path, tmp_path / "mongodb", first.port)
        assert client["kept"]["writes"].count_documents({}) == 1
    second.child.stop()


def test_the_broker_takes_and_gives_messages(engines: Engines, database: str) -> None:
    producer = KafkaProducer(bootstrap_servers=engines.kafka, acks="all", enable_idempotence=True)
    producer.send(database, key=b"k", value=b"v").get(30)
    producer.close()
    consumer = KafkaConsumer(
        database, bootstrap_servers=engines.kafka, auto_offset_reset="earliest", consumer_timeout_ms=30_000
    )
    assert next(consumer).value == b"v"
    consumer.close()


def test_engines_named_in_the_environment_are_used_and_none_is_started(tmp_path: Path) -> None:
    named = {"KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092", "MONGODB_URI": "mongodb://mongodb.example/?tls=true"}
    engines = start_engines(tmp_path / "run", env=named)
    assert (engines.kafka, engines.mongodb) == tuple(named.values())
    assert engines.children == []
    assert not (tmp_path / "run").exists()


def test_one_engine_may_be_named_and_the_other_embedded(tmp_path: Path) -> None:
    engines = start_engines(tmp_path, env={"MONGODB_URI": "mongodb://mongodb.example"})
    assert [child.name for child in engines.children] == ["broker"]
    engines.stop()


def test_an_engine_does_not_share_a_taken_port(tmp_path: Path) -> None:
    broker = start_broker(tmp_path)
    with pytest.raises(PortTakenError, match=rf"port {broker.port} \(database\) is taken"):
        start_database(tmp_path, tmp_path / "mongodb", broker.port)
    broker.child.stop()


@pytest.mark.parametrize("name", NAMES)
def test_every_service_is_ready_and_shows_its_pages(services: Services, name: str) -> None:
    with services.client(name, subject=None) as client:
        for page in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs"):
            assert client.get(page).status_code == 200, page


def test_the_market_opens_and_opening_it_again_changes_nothing(tmp_path: Path) -> None:
    with launch(tmp_path) as stack:
        shows = open_market(stack.services, DATA)
        with stack.services.client("catalog", roles=["platform"]) as catalog:
            stock = catalog.get("/stock").json()
            assert open_market(stack.services, DATA) == shows
            assert catalog.get("/stock").json() == stock
        with stack.services.client("orders", subject=None) as orders:
            sold_from = eventually(lambda: orders.get("/allotments", params={"show_id": shows[0]}).json()["items"])
    assert len(shows) == 2
    assert sum(item["allotted"] for item in stock["items"]) > 0
    assert sold_from
    assert not any(child.alive for child in stack.children)


def test_a_file_that_is_refused_is_told_in_one_line(services: Services, tmp_path: Path) -> None:
    (tmp_path / "counties.csv").write_text("code,name_zh\n520123,somewhere\n")
    with pytest.raises(NotOpenedError, match="/counties/import answered 422"):
        open_market(services, tmp_path)
