"""Fixtures of the tests on a cluster, which are told in an order: what is installed, lived with, and taken away."""

import secrets
import signal
from collections.abc import Generator, Iterator
from datetime import datetime
from random import Random
from typing import Any, NamedTuple, NoReturn

import pytest
from tests.kube import chosen
from tests.kube.chosen import SERVICES, Chosen
from tests.kube.cluster import Namespace, Pod
from tests.kube.town import WITHIN, Town

from chassis.testing import eventually

ORDER = ("installing", "evening", "changing", "killing", "scaling", "visiting", "leaving")
DIAGNOSED = 3  # failures that show what the cluster says of them
TOWN = pytest.StashKey[Town]()
SEEN = pytest.StashKey[int]()


class Installed(NamedTuple):
    """Each chart alone, in this order, before any engine was there, and what became of its pod."""

    order: list[str]
    alone: dict[str, Pod]
    starved: dict[str, list[Pod]]  # when the database and the issuer were there and the broker was not
    lacking: dict[str, dict[str, str]]
    kafka_since: datetime


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kube: on a cluster that KUBECONFIG names (`make test-kube`)")
    signal.signal(signal.SIGTERM, _interrupt)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each file builds on what those before it left, though each can be run alone."""
    for item in items:
        item.add_marker(pytest.mark.kube)
    items.sort(key=lambda item: ORDER.index(item.path.stem.removeprefix("test_")))


@pytest.fixture(scope="session")
def choice() -> Chosen:
    """Which cluster and which images."""
    return chosen.choose()


@pytest.fixture(scope="session")
def town(choice: Chosen, pytestconfig: pytest.Config) -> Iterator[Town]:
    """An empty namespace, gone afterwards whatever happens."""
    namespace = Namespace(f"shanhuo-test-{secrets.token_hex(3)}", choice.helm)
    namespace.create()
    try:
        town = pytestconfig.stash[TOWN] = Town(namespace, choice.images)
        yield town
    finally:
        namespace.delete()


@pytest.fixture(scope="session")
def installed(town: Town, choice: Chosen) -> Installed:
    """Every chart by itself, in an order of the seed's; then the engines one after the other, Kafka last."""
    order, alone = list(SERVICES), {}
    Random(choice.seed).shuffle(order)
    for service in order:
        town.install(service)
    for service in order:
        (alone[service],) = eventually(lambda service=service: _alive(town, service), within=WITHIN, every=0.5)
    town.start_engines(kafka=0, mongodb=1, issuer=1)
    town.wait_ready("mongodb", "issuer")
    lacking = {
        service: eventually(lambda service=service: _only_kafka(town.lacking(service)), within=WITHIN, every=1.0)
        for service in order
    }
    starved = {service: town.pods(service) for service in order}
    town.start_engines(kafka=1)
    town.wait_ready("kafka")
    (kafka,) = town.pods("kafka")
    assert kafka.started_at is not None
    return Installed(order, alone, starved, lacking, kafka.started_at)


@pytest.fixture(scope="session")
def running(town: Town, installed: Installed) -> Town:
    """All four services, each ready."""
    town.wait_ready(*SERVICES)
    return town


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the cluster says; not every one, for a cluster says a lot."""
    report = yield
    town, seen = item.config.stash.get(TOWN, None), item.config.stash.get(SEEN, 0)
    if report.failed and town and seen < DIAGNOSED:
        item.config.stash[SEEN] = seen + 1
        report.sections += list(town.ns.diagnosis().items())
    return report


def _alive(town: Town, service: str) -> list[Pod]:
    return [pod for pod in town.pods(service) if pod.alive]


def _only_kafka(lacking: dict[str, str]) -> dict[str, str]:
    """What a service still misses, if of the engines that is the broker; nothing otherwise."""
    return lacking if "kafka" in lacking and "mongodb" not in lacking else {}


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
