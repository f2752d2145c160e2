"""What is deleted leaves nothing behind, and takes nobody with it."""

from tests.kube.chosen import SERVICES
from tests.kube.town import WITHIN, Town

from chassis.testing import eventually


def test_a_chart_that_is_deleted_leaves_nothing_behind_and_the_others_stay_ready(running: Town) -> None:
    for number, service in enumerate(SERVICES, start=1):
        own, release = f"app.kubernetes.io/instance={service}", f"owner=helm,name={service}"
        there = running.ns.labelled(own)
        kinds = {name.partition("/")[0].partition(".")[0] for name in there}
        assert {"deployment", "service", "pod", "configmap", "serviceaccount", "poddisruptionbudget"} <= kinds
        running.ns.helm("uninstall", service)
        eventually(lambda own=own: not running.ns.labelled(own), within=WITHIN, every=1.0)
        assert running.ns.labelled(release) == set()
        running.wait_ready(*SERVICES[number:])
    assert not [name for name in _all(running) if any(service in name for service in SERVICES)]


def _all(town: Town) -> list[str]:
    """Everything in the namespace but for what came to load it."""
    told = town.ns.kubectl("get", town.ns.kinds(), "--selector=shanhuo.test/role!=load", "--output=name").split()
    return [name for name in told if "mongodb-initiate" not in name]
