"""The sample services as real processes: one that needs no engine, only an issuer, and one that writes down events."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pymongo
import pytest

from chassis import topics
from chassis.config import Settings, load
from chassis.producer import Producer
from chassis.testing import eventually
from contracts.codec import record, to_message
from contracts.events import Fact
from stack.issuer import Issuer
from stack.processes import LOCAL, Child, free_port
from stack.services import Service

HERE = Path(__file__).parent
StartSample = Callable[..., Service]


def sample_settings(issuer: Issuer, **env: str) -> dict[str, str]:
    """The least environment the sample service starts with; nothing listens where its engines should be."""
    return {
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
        "KAFKA_BOOTSTRAP_SERVERS": f"{LOCAL}:1",
        "MONGODB_URI": f"mongodb://{LOCAL}:1",
        "OIDC_ISSUER": issuer.url,
        "HTTP_BIND": f"{LOCAL}:{free_port()}",
        **env,
    }


@pytest.fixture(scope="session")
def sample(issuer: Issuer, run_dir: Path) -> Iterator[Service]:
    """One sample service for all tests that leave it running."""
    service = Service("sample", issuer=issuer, run_dir=run_dir, env=sample_settings(issuer))
    service.wait_ready()
    yield service
    service.stop()


@pytest.fixture
def start_sample(issuer: Issuer, run_dir: Path) -> Iterator[StartSample]:
    """Starts a sample service of the test's own, with other settings or to be stopped."""
    started: list[Service] = []

    def start(*, ready: bool = True, **env: str) -> Service:
        settings = sample_settings(issuer, **env)
        port = settings["HTTP_BIND"].rpartition(":")[2]
        service = Service("sample", issuer=issuer, run_dir=run_dir, env=settings, log=f"sample-{port}")
        started.append(service)
        if ready:
            service.wait_ready()
        return service

    yield start
    for service in started:
        service.stop(grace=5.0)


@pytest.fixture
def buyer(sample: Service) -> Iterator[httpx.Client]:
    """A buyer's client of the sample service."""
    with sample.client("b1", ["buyer"]) as client:
        yield client


@pytest.fixture
def anybody(sample: Service) -> Iterator[httpx.Client]:
    """A client that shows no token."""
    with sample.client(None) as client:
        yield client


@pytest.fixture(scope="session")
def problem() -> Callable[[httpx.Response, int, str], dict[str, Any]]:
    """Checks that an answer is a whole RFC 9457 problem of that status and code, and gives its members."""
    return _problem


def _problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"/problems/{code}"
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert told["instance"] == f"urn:shanhuo:request:{answer.headers['x-request-id']}"
    return told


@pytest.fixture(scope="session")
def sample_module() -> ModuleType:
    """The sample service's module, imported here without starting anything."""
    spec = importlib.util.spec_from_file_location("sample.service", HERE / "sample" / "service.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Ledger:
    """The sample service as a process."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {**os.environ, **env, "HTTP_BIND": f"127.0.0.1:{self.port}"}
        self.child = Child(
            "ledger", [sys.executable, "-m", "chassis.run", "ledger:LedgerService"], log=log, env=env, cwd=HERE
        )

    def answers(self, path: str = "/health/ready") -> bool:
        self.child.check()
        try:
            return httpx.get(f"{self.url}{path}", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def busy_with(self, event: str) -> bool:
        """Whether it has said in its log that it sleeps over a batch with this event."""
        return any("sleeping over" in line and event in line for line in self.child.text().splitlines())

    def stop(self) -> int:
        self.child.terminate()
        return self.child.process.wait(20)


@pytest.fixture
def ledger(settings: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    started: list[Ledger] = []

    def start(ready: bool = True, **env: str) -> Ledger:
        started.append(service := Ledger({**settings, **env}, tmp_path / "ledger.log"))
        if ready:
            eventually(service.answers, within=20)
        return service

    yield start
    for service in started:
        service.child.kill()


@pytest.fixture
def entries(settings: dict[str, str], database: str) -> Iterator[Any]:
    with pymongo.MongoClient[dict[str, Any]](settings["MONGODB_URI"]) as client:
        yield client[database].entries


@pytest.fixture
def publish(settings: dict[str, str]) -> Iterator[Callable[..., list[str]]]:
    chosen = load(Settings, settings)
    producer = Producer(chosen)
    topics.ensure(
        chosen,
        ["audience.sampled", "stream.started", "stream.ended", "item.featured", "demand.missed", "parcel.scanned"],
    )

    def send(*facts: Fact) -> list[str]:
        now = datetime.now(UTC)
        records = [record(fact, source="test", sequence=n + 1, time=now) for n, fact in enumerate(facts)]
        producer.send([to_message(item) for item in records])
        return [item.id for item in records]

    yield send
    producer.close()
