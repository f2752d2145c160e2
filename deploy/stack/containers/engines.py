"""Apache Kafka and MongoDB as containers, from the official images or from those built by `deploy/engines`.

Each listens on a port of this machine's loopback address that it keeps through kills and starts, and has its data in a
volume: what was acknowledged is there again. With a network of Docker's, others find it there by its name.
"""

import atexit
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pymongo
from docker.errors import NotFound
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from pymongo.errors import PyMongoError
from testcontainers.core.container import DockerContainer

from chassis.patience import patience
from stack.containers.contained import Contained
from stack.containers.daemon import client, new_box
from stack.containers.images import image
from stack.containers.leftovers import label
from stack.processes import LOCAL, PortTakenError, Probe, free_port, taken, wait_for

ANSWER_WITHIN: Final = 120.0  # seconds; Kafka answers in about five on an idle machine
BRIDGE: Final = "bridge"

_KAFKA: Final = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LISTENERS": "HOST://:9092,INSIDE://:19092,CONTROLLER://:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",  # nobody else is about to join
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "3",  # of 50: each is a folder and open files, made when the first group asks
    "KAFKA_HEAP_OPTS": "-Xms256m -Xmx256m",
    "KAFKA_OPTS": "-XX:TieredStopAtLevel=1",  # starts with a third less of the processor; tests are too short for more
}


class ContainedEngine:
    """An engine in a container. `child` is the one that runs now; `start` makes another one on the same data."""

    def __init__(
        self,
        name: str,
        make: Callable[[str], Contained],
        port: int,
        answers: Probe,
        volume: str | None,
    ) -> None:
        self.name = name
        self.port = port
        self._make, self._answers = make, answers
        self._own = None if volume else client().volumes.create(labels=label())
        self._data = str(self._own.name if self._own else volume)
        atexit.register(self.discard)
        self.child = make(self._data)

    @property
    def address(self) -> str:
        return f"{LOCAL}:{self.port}"

    @property
    def alive(self) -> bool:
        return self.child.alive

    def wait_ready(self, within: float = ANSWER_WITHIN) -> float:
        """Seconds from its start until it answered."""
        return wait_for({self.child: self._answers}, within=within * patience())[self.child]

    def start(self, *, ready: bool = True) -> None:
        """Again, after its end: the same data, the same port."""
        self.child.kill()
        self.child = self._make(self._data)
        if ready:
            self.wait_ready()

    def kill(self) -> None:
        self.child.kill()

    def stop(self, grace: float = 30.0) -> None:
        self.child.stop(grace)

    def pause(self) -> None:
        self.child.pause()

    def unpause(self) -> None:
        self.child.unpause()

    def text(self) -> str:
        return self.child.text()

    def tail(self, lines: int = 20) -> str:
        return self.child.tail(lines)

    def check(self) -> None:
        self.child.check()

    def discard(self) -> None:
        """For good: its data goes too, unless it is in a volume of the caller's."""
        self.child.kill()
        if self._own:
            with suppress(NotFound):
                self._own.remove()
        atexit.unregister(self.discard)


def start_kafka(
    run_dir: Path,
    *,
    port: int | None = None,
    advertised_port: int | None = None,
    volume: str | None = None,
    network: str = BRIDGE,
    env: Mapping[str, str] | None = None,
    mounts: Mapping[Path, str] | None = None,
    reach: Mapping[str, Any] | None = None,
    ready: bool = True,
) -> ContainedEngine:
    """A broker of one node, its own controller.

    With `advertised_port` its clients come back through that port, behind which somebody hands them on. `env` is set
    besides the environment that every start has, or instead of it; `mounts` says which files it finds where.
    `reach` is how a client gets in when not everybody does: keywords of `KafkaAdminClient`.
    """
    outside = _port(port, "Kafka")
    listeners = f"HOST://{LOCAL}:{advertised_port or outside},INSIDE://kafka:19092"
    wanted = {**_KAFKA, "KAFKA_ADVERTISED_LISTENERS": listeners, **(env or {})}

    def make(data: str) -> Contained:
        box = new_box(image("kafka"), wanted, ports={9092: outside}, **_place("kafka", network))
        return _run("kafka", box, {data: "/var/lib/kafka/data"}, mounts, run_dir)

    def answers() -> str | None:
        return broker_answers(f"{LOCAL}:{outside}", reach or {})

    return _started(ContainedEngine("kafka", make, outside, answers, volume), ready=ready)


def start_mongodb(
    run_dir: Path,
    *,
    port: int | None = None,
    volume: str | None = None,
    network: str = BRIDGE,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    mounts: Mapping[Path, str] | None = None,
    reach: Mapping[str, Any] | None = None,
    ready: bool = True,
) -> ContainedEngine:
    """A replica set of one, with `arguments` besides those that make it one.

    `reach` is how a client gets in when not everybody does: keywords of `MongoClient`.
    """
    outside = _port(port, "MongoDB")

    def make(data: str) -> Contained:
        box = new_box(image("mongodb"), env or {}, ports={27017: outside}, **_place("mongodb", network))
        box.with_command(["--replSet", "rs0", "--bind_ip_all", *arguments])
        return _run("mongodb", box, {data: "/data/db"}, mounts, run_dir)

    def answers() -> str | None:
        return primary_answers(mongodb_uri(outside), reach or {})

    return _started(ContainedEngine("mongodb", make, outside, answers, volume), ready=ready)


def mongodb_uri(port: int) -> str:
    """For clients of a replica set of one behind another port than the one it knows itself by."""
    return f"mongodb://{LOCAL}:{port}/?directConnection=true"


def broker_answers(address: str, reach: Mapping[str, Any]) -> str | None:
    """None when a client gets in. Its first connection is enough: where it is sent from there may be cut on purpose."""
    try:
        KafkaAdminClient(bootstrap_servers=address, request_timeout_ms=2000, bootstrap_timeout_ms=500, **reach).close()
    except KafkaError as error:
        return f"{address} does not answer ({type(error).__name__})"
    return None


def primary_answers(uri: str, reach: Mapping[str, Any]) -> str | None:
    """None when it takes writes; a database that belongs to no set yet is made the first of one."""
    try:
        with pymongo.MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=500, **reach) as asking:
            hello = asking.admin.command("hello")
            if hello.get("isWritablePrimary"):
                return None
            if not hello.get("setName"):
                member = {"_id": 0, "host": f"{LOCAL}:27017"}  # itself, as itself finds it
                asking.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
            return f"{uri} is no primary yet"
    except PyMongoError as error:
        return f"{uri} does not answer ({type(error).__name__})"


def _port(wanted: int | None, whose: str) -> int:
    if wanted and taken(wanted):
        raise PortTakenError(wanted, whose)
    return wanted or free_port()


def _place(name: str, network: str) -> dict[str, Any]:
    """Where it is: found by its name on a network of the caller's, and by itself everywhere."""
    place: dict[str, Any] = {"network": network, "hostname": name}
    if network != BRIDGE:
        place["networking_config"] = {network: client().api.create_endpoint_config(aliases=[name])}
    return place


def _run(
    name: str, box: DockerContainer, data: Mapping[str, str], mounts: Mapping[Path, str] | None, run_dir: Path
) -> Contained:
    for volume, place in data.items():
        box.with_volume_mapping(volume, place, "rw")
    for file, place in (mounts or {}).items():
        box.with_volume_mapping(file, place, "ro")
    return Contained(name, box, log=run_dir / f"{name}.log")


def _started(engine: ContainedEngine, *, ready: bool) -> ContainedEngine:
    try:
        if ready:
            engine.wait_ready()
    except BaseException:
        engine.discard()
        raise
    return engine
