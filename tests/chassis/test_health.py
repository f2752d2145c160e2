"""Readiness: what the checks say, not asked too often, and never a probe that hangs."""

import time

import eventlet
import httpx
import pytest

from chassis.health import Health, Report


@pytest.fixture
def health() -> Health:
    return Health()


def test_a_service_with_nothing_to_wait_for_is_ready(health: Health) -> None:
    assert health.ready() == Report("ok", {})


def test_it_is_unready_while_one_check_has_a_reason(health: Health) -> None:
    health.register("kafka", lambda: None)
    health.register("mongodb", lambda: "not reachable")
    assert health.ready() == Report("unready", {"kafka": "ok", "mongodb": "not reachable"})


def test_a_check_that_raises_is_a_reason_and_tells_no_secret(health: Health) -> None:
    def check() -> str | None:
        raise ConnectionError("mongodb://user:hunter2@db")

    health.register("mongodb", check)
    assert health.ready() == Report("unready", {"mongodb": "ConnectionError"})


def test_a_check_that_hangs_is_a_reason(health: Health) -> None:
    health.register("kafka", lambda: eventlet.sleep(60))
    began = time.monotonic()
    assert health.ready() == Report("unready", {"kafka": "no answer within 1 s"})
    assert time.monotonic() - began < 5


def test_checks_are_not_asked_again_within_a_second(health: Health) -> None:
    asked: list[int] = []
    health.register("kafka", lambda: asked.append(1))
    health.ready()
    health.ready()
    assert asked == [1]


def test_a_check_that_comes_later_counts_at_once(health: Health) -> None:
    health.ready()
    health.register("kafka", lambda: "not assigned yet")
    assert health.ready().status == "unready"


def test_a_service_that_leaves_is_never_ready_again(health: Health) -> None:
    health.leave()
    assert health.ready() == Report("unready", {"service": "stopping"})


def test_probes_are_answered(anybody: httpx.Client) -> None:
    for path, checks in (("/health/live", {}), ("/health/ready", {"issuer": "ok"})):
        answer = anybody.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": checks})
