"""Fixtures shared by all tests: engines, a fresh database, tokens, running services. Nothing starts unasked."""

import secrets
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pymongo
import pytest

from stack.engines import Engines, start_engines
from stack.issuer import Issuer
from stack.processes import stop_all
from stack.services import Service, Services, settings_for, start_services


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session's logs and database files are."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def engines(run_dir: Path) -> Iterator[Engines]:
    """A broker and a database: embedded, or those that KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI name."""
    engines = start_engines(run_dir)
    yield engines
    engines.stop()


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """Signs tokens: `issuer.token("b1", roles=["buyer"])`."""
    issuer = Issuer().start()
    yield issuer
    issuer.stop()


@pytest.fixture
def database(engines: Engines) -> Iterator[str]:
    """The name of a fresh database, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    yield name
    drop(engines, name)


@pytest.fixture
def mongodb(engines: Engines) -> str:
    """The database server's URI."""
    return engines.mongodb


@pytest.fixture
def settings(engines: Engines, issuer: Issuer, database: str) -> dict[str, str]:
    """The least environment that makes a service's settings valid, for a database and group of the test's own."""
    return {**settings_for(database, engines, issuer), "MONGODB_DATABASE": database, "KAFKA_GROUP": database}


@pytest.fixture(scope="session")
def services(engines: Engines, issuer: Issuer, run_dir: Path) -> Iterator[Services]:
    """All four services as real processes, on databases and consumer groups of this session's own."""
    services = start_services(engines, issuer, run_dir, suffix=secrets.token_hex(4))
    yield services
    services.stop()
    drop(engines, *(service.database for service in services))


class StartService:
    """`start_service("orders", OUTBOX_SWEEP_SECONDS="1")`: one more service, on its own database unless told otherwise.

    `ready=False` does not wait for it: for a service that is to start before its engines.
    """

    def __init__(self, engines: Engines, issuer: Issuer, run_dir: Path) -> None:
        self.started: list[Service] = []
        self._engines = engines
        self._issuer = issuer
        self._run_dir = run_dir

    def __call__(self, name: str, *, ready: bool = True, **env: str) -> Service:
        own = secrets.token_hex(4)
        wanted = settings_for(name, self._engines, self._issuer, suffix=own) | env
        service = Service(name, issuer=self._issuer, run_dir=self._run_dir, env=wanted, log=f"{name}-{own}")
        self.started.append(service)
        if ready:
            service.wait_ready()
        return service


@pytest.fixture
def start_service(engines: Engines, issuer: Issuer, run_dir: Path) -> Iterator[StartService]:
    """Starts one more service, stopped when the test ends."""
    start = StartService(engines, issuer, run_dir)
    yield start
    stop_all(service.process for service in start.started)
    drop(engines, *{service.database for service in start.started})


@pytest.fixture(autouse=True)
def the_services_live(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test during which one of the session's services died fails with the end of that service's log."""
    services: Services | None = request.getfixturevalue("services") if "services" in request.fixturenames else None
    yield
    if services:
        services.check()


def drop(engines: Engines, *databases: str) -> None:
    with pymongo.MongoClient[dict[str, object]](engines.mongodb) as client:
        for database in databases:
            client.drop_database(database)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the services it used have written last."""
    report = yield
    if report.failed:
        report.sections += [(f"end of the log of {service.name}", service.process.tail()) for service in used_by(item)]
    return report


def used_by(item: pytest.Item) -> Iterable[Service]:
    fixtures = getattr(item, "funcargs", {})
    yield from fixtures.get("services", ())
    if start := fixtures.get("start_service"):
        yield from start.started
