"""The engines and the services as containers: what they keep through kills, what they may not do, what they leave."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pymongo
import pytest
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from pymongo.errors import PyMongoError
from tests.starting import StartService

from chassis.testing import eventually
from stack.containers.daemon import client
from stack.containers.engines import ContainedEngine, mongodb_uri, start_kafka, start_mongodb
from stack.containers.leftovers import MAKER, sweep
from stack.engines import Engines
from stack.processes import free_port

pytestmark = pytest.mark.containers

KILLS = 3
WRITES = 150  # before each kill
KEEPER = """
import sys
from pathlib import Path
from stack.containers.engines import start_mongodb
print(start_mongodb(Path(sys.argv[1])).port, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def mongodb(tmp_path: Path) -> Iterator[ContainedEngine]:
    engine = start_mongodb(tmp_path)
    yield engine
    engine.discard()


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[ContainedEngine]:
    engine = start_kafka(tmp_path)
    yield engine
    engine.discard()


def write_until_killed(mongodb: ContainedEngine, round_: int) -> set[int]:
    """The numbers of the writes that were acknowledged; the database dies in the middle of them."""
    acknowledged: set[int] = set()
    with pymongo.MongoClient[dict[str, int]](uri(mongodb), serverSelectionTimeoutMS=500) as client:
        writes = client.get_database("kept", write_concern=pymongo.WriteConcern("majority", j=True))["writes"]
        eventually(lambda: reached(client), within=30)
        end = Thread(target=mongodb.kill)  # while writes go on: it dies with one under way
        with suppress(PyMongoError):
            for number in range(round_ * 10_000, (round_ + 1) * 10_000):
                if len(acknowledged) == WRITES:
                    end.start()
                writes.insert_one({"_id": number})
                acknowledged.add(number)
    end.join()
    return acknowledged


def reached(client: pymongo.MongoClient[dict[str, int]]) -> bool:
    try:
        return bool(client.admin.command("ping"))
    except PyMongoError:
        return False


def uri(mongodb: ContainedEngine) -> str:
    return mongodb_uri(mongodb.port)


def test_the_database_keeps_every_acknowledged_write_through_kills(mongodb: ContainedEngine) -> None:
    acknowledged: set[int] = set()
    for round_ in range(KILLS):
        acknowledged |= write_until_killed(mongodb, round_)
        mongodb.start()
    with pymongo.MongoClient[dict[str, int]](uri(mongodb)) as client:
        kept = {document["_id"] for document in client["kept"]["writes"].find()}
    assert len(acknowledged) >= KILLS * WRITES
    assert acknowledged <= kept


def test_the_broker_keeps_messages_and_places_through_a_kill(kafka: ContainedEngine) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.address, acks="all")
    for number in range(3):
        producer.send("kept", value=str(number).encode(), partition=0).get(30)
    part = TopicPartition("kept", 0)
    reader = KafkaConsumer(bootstrap_servers=kafka.address, group_id="readers", enable_auto_commit=False)
    reader.assign([part])
    reader.commit({part: OffsetAndMetadata(2, "", -1)})
    kafka.kill()
    kafka.start()
    producer.send("kept", value=b"3", partition=0).get(60)  # the same clients, at the same address
    assert eventually(lambda: reader.committed(part), within=30) == 2
    reader.seek(part, 2)
    found: list[bytes] = []
    eventually(lambda: found.extend(m.value for ms in reader.poll(500).values() for m in ms) or len(found) == 2)
    assert found == [b"2", b"3"]
    reader.close(autocommit=False)
    producer.close()


def test_clients_are_sent_to_the_port_that_somebody_else_hands_on(tmp_path: Path) -> None:
    elsewhere = free_port()
    kafka = start_kafka(tmp_path, advertised_port=elsewhere)
    try:
        [broker] = AdminClient({"bootstrap.servers": kafka.address}).list_topics(timeout=30).brokers.values()
        assert (broker.host, broker.port) == ("127.0.0.1", elsewhere)
    finally:
        kafka.discard()


def test_an_engine_that_is_paused_goes_on_where_it_stood(mongodb: ContainedEngine) -> None:
    with pymongo.MongoClient[dict[str, int]](uri(mongodb)) as client:
        client["kept"]["writes"].insert_one({"_id": 1})
        mongodb.pause()
        assert mongodb.alive
        with pymongo.timeout(1), pytest.raises(PyMongoError):
            client["kept"]["writes"].count_documents({})
        mongodb.unpause()
        assert eventually(lambda: client["kept"]["writes"].count_documents({})) == 1


def test_a_service_has_no_rights_to_speak_of(start_service: StartService) -> None:
    service = start_service("catalog")
    looked = docker("exec", container_of(service.process.pid), "sh", "-c", "id -u; touch /etc/x /opt/x; touch /tmp/x")
    assert looked.stdout.split()[0] != "0"
    assert looked.stderr.count("Read-only file system") == 2
    assert "/tmp" not in looked.stderr
    effective = Path(f"/proc/{service.process.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in effective
    assert "NoNewPrivs:\t1" in effective


def test_a_service_that_was_stopped_leaves_its_log_and_its_exit_code(start_service: StartService) -> None:
    service = start_service("catalog", LOG_LEVEL="DEBUG")  # by default it has nothing to say of a quiet start
    name = container_of(service.process.pid)
    service.stop()
    assert service.process.exit_code == 0
    assert docker("inspect", name).returncode != 0, "its container is gone"
    service.start_again()
    service.wait_ready()
    service.kill()
    assert service.process.exit_code == -9
    assert service.log().startswith("{")


def test_a_file_that_a_setting_names_is_there_to_be_read(
    start_service: StartService, engines: Engines, tmp_path: Path
) -> None:
    named = tmp_path / "kafka"
    named.write_text(f"{engines.kafka}\n")
    assert start_service("catalog", KAFKA_BOOTSTRAP_SERVERS_FILE=str(named), KAFKA_BOOTSTRAP_SERVERS="").lacks() is None


def test_what_a_killed_session_leaves_the_next_one_removes(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    maker = subprocess.Popen([sys.executable, "-c", KEEPER, str(tmp_path)], stdin=pipe, stdout=pipe)
    assert maker.stdout is not None
    assert maker.stdout.readline()

    def left() -> list[Any]:
        mine = f"/{maker.pid}/"
        found = [*client().containers.list(all=True, ignore_removed=True), *client().volumes.list()]
        labels = [one.attrs.get("Labels") or one.attrs.get("Config", {}).get("Labels") or {} for one in found]
        return [label[MAKER] for label in labels if mine in label.get(MAKER, "")]

    sweep(client())
    assert len(left()) == 2, "a container and a volume of a session that lives"
    maker.kill()
    maker.wait()
    sweep(client())
    assert left() == []


def container_of(pid: int) -> str:
    """The id of the container whose first process this is."""
    for name in docker("ps", "--quiet", "--no-trunc").stdout.split():
        if docker("inspect", "--format", "{{.State.Pid}}", name).stdout.strip() == str(pid):
            return name
    raise AssertionError(f"no container has process {pid}")


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
