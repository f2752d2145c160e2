"""Each chart alone, in any order, before anything it needs is there."""

import pytest
from tests.kube.chosen import SERVICES
from tests.kube.cluster import Refused
from tests.kube.conftest import Installed
from tests.kube.town import Town


def test_each_chart_is_installed_alone_in_any_order_and_its_service_lives_without_engines(installed: Installed) -> None:
    print("installed in this order:", *installed.order)
    for service, pod in installed.alone.items():
        assert pod.phase == "Running", service
        assert (pod.alive, pod.restarts) == (True, 0), service


def test_none_is_ready_before_its_engines_are(installed: Installed) -> None:
    assert not any(pod.ready for pod in installed.alone.values())
    for service, pods in installed.starved.items():
        assert not any(pod.ready for pod in pods), f"{service} was ready without a broker"
        assert "kafka" in installed.lacking[service]


def test_each_becomes_ready_when_all_engines_answer_and_not_before(installed: Installed, running: Town) -> None:
    for service in SERVICES:
        for pod in running.pods(service):
            assert pod.ready_since is not None
            assert pod.ready_since >= installed.kafka_since, service
            assert pod.restarts == 0, f"{service} was restarted while it waited"
            assert pod.name == installed.alone[service].name


def test_the_namespace_takes_no_pod_that_is_not_restricted_so_all_of_this_is(town: Town) -> None:
    root = {"name": "root", "image": town.images["catalog"], "securityContext": {"runAsUser": 0}}
    with pytest.raises(Refused, match='violates PodSecurity "restricted'):
        town.ns.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": {"containers": [root]}})
