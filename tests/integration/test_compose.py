"""`deploy/compose.yaml` as a person starts it: everything healthy, an order from end to end, every service watched."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.testing import eventually, patience
from images.wheels import ROOT
from stack.composed import PORTS, Composed
from stack.local import DATA
from stack.market import open_market
from stack.processes import free_port
from stack.services import NAMES

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]

WINDOW_SECONDS = 600  # of a slot: all is over long before, on a slow machine too
WATCHED = (*NAMES, "dead-letters")
PROJECT = f"shanhuo-test-{os.getpid()}"
Compose = Callable[..., str]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Ports of this test's own for everything that is published, and a project of its own."""
    ports = {f"{name.upper()}_PORT": str(free_port()) for name in (*PORTS, "kafka", "mongodb")}
    return {"COMPOSE_PROJECT_NAME": PROJECT, **ports}


@pytest.fixture(scope="module")
def compose(environment: dict[str, str]) -> Compose:
    def compose(*words: str) -> str:
        done = subprocess.run(
            ["deploy/compose/compose", *words],
            env={"COMPOSE_HTTP_TIMEOUT": "200", **os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200 * patience(),
        )
        assert done.returncode == 0, done.stdout[-4_000:]
        return done.stdout

    return compose


@pytest.fixture(scope="module")
def system(compose: Compose, environment: dict[str, str]) -> Iterator[Composed]:
    """All of it, up and ready with the market open; gone with its data afterwards."""
    try:
        compose("up", "--detach")
        system = Composed(environment)
        system.wait_ready()
        open_market(system, DATA)
        yield system
    except BaseException:
        print(compose("logs", "--no-color", "--tail=40"))
        raise
    finally:
        compose("down", "--volumes", "--timeout", "5")


def states(compose: Compose, what: str) -> dict[str, str]:
    """What the engine says of each container, by the name of its service."""
    wanted = f'{{{{index .Config.Labels "com.docker.compose.service"}}}} {what}'
    containers = compose("ps", "--all", "--quiet").split()
    done = subprocess.run(
        ["docker", "inspect", "--format", wanted, *containers], capture_output=True, text=True, check=True
    )
    return dict(line.strip().partition(" ")[::2] for line in done.stdout.splitlines())


def told(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.url} answered {answer.status_code}: {answer.text[:500]}"
    return answer.json()


def on_screen(system: Composed) -> dict[str, Any]:
    """The first slot of the first show, started by the slot's own host and put on screen for a while."""
    with system.client("broadcast", "platform-office", ["platform"]) as office:
        show = told(office.get("/shows"))["items"][0]
    slot = show["slots"][0]
    with system.client("broadcast", "host", ["host"], slot["county"]) as host:
        eventually(lambda: host.post(f"/shows/{show['show_id']}/start").is_success, within=30, every=0.5)
        path = f"/shows/{show['show_id']}/slots/{slot['slot']}/feature"
        featured = told(
            host.post(path, json={"window_seconds": WINDOW_SECONDS}, headers={"Idempotency-Key": "on-screen"})
        )
    screen: dict[str, Any] = featured["on_screen"]
    return screen


def test_an_order_goes_from_the_screen_to_the_notice_of_its_buyer(system: Composed) -> None:
    screen = on_screen(system)
    body = {"allotment_id": screen["allotment_id"], "quantity": 1, "channel": "web"}
    with system.client("orders", "buyer-1") as buyer:

        def placed() -> Any:
            answer = buyer.post("/orders", json=body, headers={"Idempotency-Key": "tin"})
            return answer.is_success and answer.json()

        order = eventually(placed, within=30, every=0.5)
        told(buyer.post(f"/orders/{order['id']}/pay", json={"method": "test"}, headers={"Idempotency-Key": "pay"}))
    with system.client("notify", "buyer-1") as reader:

        def kinds() -> set[str]:
            return {notice["kind"] for notice in told(reader.get("/notices"))["items"]}

        eventually(lambda: "order-paid" in kinds(), within=30)


def test_prometheus_scrapes_every_service_and_has_read_the_rules(system: Composed) -> None:
    def watched() -> dict[str, str]:
        targets = told(httpx.get(f"{system.url('prometheus')}/api/v1/targets", timeout=30))["data"]["activeTargets"]
        return {target["discoveredLabels"]["__address__"].partition(":")[0]: target["health"] for target in targets}

    eventually(lambda: watched() == dict.fromkeys((*WATCHED, "127.0.0.1"), "up"), within=60, every=0.5)
    files = {
        group["file"]
        for group in told(httpx.get(f"{system.url('prometheus')}/api/v1/rules", timeout=30))["data"]["groups"]
    }
    written = {path.name for path in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yaml")}
    assert {Path(file).name for file in files} == written


def test_everything_that_runs_on_says_that_it_is_healthy(compose: Compose, system: Composed) -> None:
    def healthy() -> set[str]:
        told = states(compose, "{{if .State.Health}}{{.State.Health.Status}}{{end}}")
        return {name for name, health in told.items() if health == "healthy"}

    eventually(lambda: healthy() == {*WATCHED, "kafka", "mongodb", "issuer", "prometheus"}, within=60, every=0.5)


def test_nothing_is_open_to_other_machines(compose: Compose, system: Composed) -> None:
    containers = compose("ps", "--quiet").split()
    bound = subprocess.run(
        ["docker", "inspect", "--format", "{{json .HostConfig.PortBindings}}", *containers],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert bound.count('"HostIp":"127.0.0.1"') == bound.count('"HostIp"') == len(PORTS) + 2


def test_services_stop_politely_and_come_back_with_their_data(compose: Compose, system: Composed) -> None:
    compose("stop")
    ended = states(compose, "{{.State.ExitCode}}")
    assert {name: ended[name] for name in WATCHED} == dict.fromkeys(WATCHED, "0")
    assert "137" not in ended.values(), f"these had to be killed: {ended}"
    compose("start")
    system.wait_ready()
    with system.client("broadcast", "platform-office", ["platform"]) as office:
        assert told(office.get("/shows"))["items"]
