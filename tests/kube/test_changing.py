"""Each service by itself is upgraded, rolled back and restarted under load, and nobody who calls it notices."""

from typing import Any

import pytest
from tests.kube.chosen import SERVICES
from tests.kube.cluster import Pod
from tests.kube.town import Load, Town

CHECKSUM = "checksum/settings"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_upgraded_rolled_back_and_restarted_with_no_failed_request(running: Town, service: str) -> None:
    others = {other: _names(running.pods(other)) for other in SERVICES if other != service}
    (first,) = running.pods(service)
    with running.load(service) as load:
        running.upgrade(service, config__LOG_LEVEL="DEBUG")
        (upgraded,) = _rolled(running, service, first, load)
        running.ns.helm("rollback", service)
        (back,) = _rolled(running, service, upgraded, load)
        running.ns.kubectl("rollout", "restart", f"deployment/{service}")
        (restarted,) = _rolled(running, service, back, load)
        told = load.end()
    nobody_noticed(told)
    assert upgraded.annotations[CHECKSUM] != first.annotations[CHECKSUM], "nothing was changed"
    assert back.annotations[CHECKSUM] == restarted.annotations[CHECKSUM] == first.annotations[CHECKSUM]
    assert {other: _names(running.pods(other)) for other in others} == others, "others were touched"


def test_a_service_that_leaves_without_a_word_is_noticed_or_these_tests_would_show_nothing(running: Town) -> None:
    (pod,) = running.pods("catalog")
    with running.load("catalog") as load:
        running.kill(pod)
        running.wait_ready("catalog")
        load.go_on()
        told = load.end()
    assert told["failed"] > 0


def nobody_noticed(told: dict[str, Any]) -> None:
    assert told["failures"] == []
    assert told["failed"] == told["retried"] == 0
    assert told["requests"] > 100
    assert told["connections"] > 20, "hardly any connection was new"


def _rolled(town: Town, service: str, before: Pod, load: Load) -> list[Pod]:
    pods = town.rolled(service)
    assert before.name not in _names(pods), "it is the same pod as before"
    load.go_on()
    return pods


def _names(pods: list[Pod]) -> set[str]:
    return {pod.name for pod in pods}
