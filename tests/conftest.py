"""Fixtures shared by all tests: engines, a fresh database, tokens, running services. Nothing starts unasked."""

import os
import secrets
import signal
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import hypothesis
import pytest
from tests.starting import Starter, StartService, caught_up, drop

from chassis.testing import eventually, patience
from stack import choosing
from stack.choosing import Choice
from stack.engines import Engines
from stack.issuer import Issuer
from stack.processes import SHARE, stop_all
from stack.services import Service, Services, settings_for, start_services

CHOICE = pytest.StashKey[Choice]()
if patience() > 1:  # how long an example takes says nothing there; Hypothesis' own profile for CI has the same
    hypothesis.settings.register_profile(
        "busy", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("busy")


def pytest_configure(config: pytest.Config) -> None:
    """Containers or not is known before anything else happens; workers side by side (-n) keep to ports of their own."""
    # Tests press Ctrl-C; what a script runs in the background ignores that, and so would all that is started from here.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
        os.environ[SHARE] = f"{int(os.environ['PYTEST_XDIST_WORKER'].removeprefix('gw')) + 1}/{workers}"
    try:
        config.stash[CHOICE] = choosing.choose()
    except choosing.ImpossibleError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """The first line says what the tests run on, also with -q, which would swallow a header."""
    if reporter := session.config.pluginmanager.get_plugin("terminalreporter"):
        reporter.write_line(str(session.config.stash[CHOICE]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What only containers can show is skipped without them, and says why; limits grow with patience."""
    for item in items:
        if limit := item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(limit.args[0] * patience()), append=False)
    choice = config.stash[CHOICE]
    if not choice.containers:
        for item in items:
            if item.get_closest_marker("containers"):
                item.add_marker(pytest.mark.skip(reason=f"needs containers, and runs {choice}"))


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this session's logs and database files are."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def choice(pytestconfig: pytest.Config) -> Choice:
    """What everything runs on: SHANHUO_ENGINES says it, or what can be had here."""
    return pytestconfig.stash[CHOICE]


@pytest.fixture(scope="session")
def engines(choice: Choice, run_dir: Path) -> Iterator[Engines]:
    """A broker and a database: in containers, embedded, or those that KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI name."""
    engines = choosing.start(choice, run_dir)
    yield engines
    engines.stop()


@pytest.fixture(scope="module")
def own_engines(choice: Choice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Engines for one file of tests whose services are all there: they would hear all that any test tells one service.

    And answer it, and take a minute to read what a few hundred tests have said before them.
    """
    engines = choosing.start(choice, tmp_path_factory.mktemp("own"))
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


@pytest.fixture(scope="module")
def services(choice: Choice, own_engines: Engines, issuer: Issuer, run_dir: Path) -> Iterator[Services]:
    """All four services, on `own_engines`, when they have read what others said before on engines that were named."""
    services = start_services(own_engines, issuer, run_dir, suffix=secrets.token_hex(4), kind=choosing.kind(choice))
    eventually(lambda: all(caught_up(service) for service in services), within=120, every=0.5)
    yield services
    services.stop()
    drop(own_engines, *(service.database for service in services))


@pytest.fixture(scope="session")
def starter(choice: Choice, engines: Engines, issuer: Issuer, run_dir: Path) -> Starter:
    """Starts one more service, for fixtures that live longer than a test."""
    return Starter(choice, engines, issuer, run_dir)


@pytest.fixture
def start_service(starter: Starter) -> Iterator[StartService]:
    """Starts one more service, stopped when the test ends."""
    start = StartService(starter)
    yield start
    stop_all(service.process for service in start.started)
    starter.drop(*start.started)


@pytest.fixture(autouse=True)
def the_services_live(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test during which one of the four services died fails with the end of that service's log."""
    services: Services | None = request.getfixturevalue("services") if "services" in request.fixturenames else None
    yield
    if services:
        services.check()


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
