"""Pods are killed under load: who asks again is answered, and no order that anybody was told of is lost."""

from tests.kube.chosen import SERVICES
from tests.kube.cluster import Pod
from tests.kube.town import WITHIN, Load, Town, failed_checks

from chassis.testing import eventually, patience

STUBBORN_SECONDS = 90


def test_no_order_is_lost_when_pods_are_killed_and_requests_that_are_tried_again_succeed(running: Town) -> None:
    # Two replicas; and who cannot pay because nobody answers must not lose the order for it.
    running.upgrade("orders", replicas=2, config__PAY_WITHIN_SECONDS="900")
    running.rolled("orders")
    running.wait_ready("orders")
    with running.load("orders", "--stubborn", f"{STUBBORN_SECONDS * patience():.0f}", "--audit") as load:
        _kill_one_after_the_other(running, load)
        _remove_all_at_once(running, load)
        told = load.end(within=2 * WITHIN)
    assert told["failures"] == []
    assert told["retried"] > 0, "nobody noticed: nothing was killed"
    assert told["promised_orders"] > 20
    assert failed_checks(told) == []


def _kill_one_after_the_other(town: Town, load: Load) -> None:
    """`kill -9`, in the container: the kubelet starts it again."""
    for service in ("orders", "orders", *(name for name in SERVICES if name != "orders")):
        victim = min(town.staying(service), key=lambda pod: pod.restarts)
        town.kill(victim)
        eventually(lambda service=service, victim=victim: _restarted(town, service, victim), within=WITHIN, every=0.5)
        load.go_on()
    town.wait_ready(*SERVICES)


def _remove_all_at_once(town: Town, load: Load) -> None:
    """No notice, no grace: as when a node is lost, of which nobody hears again."""
    before = {pod.name for pod in town.pods("orders")}
    town.ns.kubectl("delete", "pods", "--selector=app.kubernetes.io/name=orders", "--force", "--grace-period=0")
    eventually(lambda: not before & {pod.name for pod in town.pods("orders")}, within=WITHIN, every=0.5)
    town.wait_ready(*SERVICES)
    load.go_on()


def _restarted(town: Town, service: str, victim: Pod) -> bool:
    return any(pod.name == victim.name and pod.restarts > victim.restarts for pod in town.pods(service))
