"""Orders is scaled while one hot item is sold, by hand to and fro, and by the load itself."""

from typing import Any

import pytest
from tests.kube.cluster import Refused
from tests.kube.test_changing import nobody_noticed
from tests.kube.town import WITHIN, Town, failed_checks

from chassis.testing import eventually

OFFERED = 20_000


def test_a_hot_item_is_sold_to_the_last_unit_while_orders_goes_from_one_replica_to_three_and_back(
    running: Town,
) -> None:
    running.upgrade("orders", replicas=1, config__PAY_WITHIN_SECONDS="900")
    _has(running, 1)
    with running.load("hot-item", "--offered", str(OFFERED), "--audit") as load:
        for replicas in (3, 1):
            running.ns.kubectl("scale", "deployment/orders", f"--replicas={replicas}")
            _has(running, replicas)
            load.go_on(100)
        told = load.end(within=2 * WITHIN)
    nobody_noticed(told)
    assert told["promised_units"] == told["offered"] == OFFERED
    assert failed_checks(told) == []


def test_the_autoscaler_adds_replicas_of_orders_when_buyers_keep_them_busy(running: Town) -> None:
    if not _measured(running):
        pytest.skip("no metrics-server in this cluster: kubectl top nodes has nothing to say")
    running.upgrade("orders", autoscaling={"by": "cpu", "minReplicas": 1, "maxReplicas": 2, "cpuUtilization": 50})
    with running.load("orders", "--callers", "8", "--pause", "10") as load:
        seen = eventually(lambda: _scales(running), within=WITHIN, every=1.0)
        _has(running, 2)
        told = load.end()
    print(seen)
    assert seen["currentMetrics"][0]["resource"]["name"] == "cpu"
    nobody_noticed(told)
    with pytest.raises(Refused, match=r"set autoscaling\.by to none first"):
        running.upgrade("orders", autoscaling={"by": "lag"})


def _has(town: Town, replicas: int) -> None:
    """So many pods, all ready, and none that is still leaving."""
    eventually(
        lambda: len(pods := town.pods("orders")) == replicas and all(pod.ready and not pod.leaving for pod in pods),
        within=WITHIN,
        every=0.5,
    )


def _autoscaler(town: Town) -> dict[str, Any]:
    (one,) = town.ns.listed("horizontalpodautoscalers", "app.kubernetes.io/name=orders")
    status: dict[str, Any] = one["status"]
    return status


def _scales(town: Town) -> dict[str, Any]:
    """What it says of itself when it has decided on more than one; nothing before."""
    told = _autoscaler(town)
    return told if told.get("desiredReplicas", 0) > 1 else {}


def _measured(town: Town) -> bool:
    try:
        town.ns.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
    except Refused:
        return False
    return True
