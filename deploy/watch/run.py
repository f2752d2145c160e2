"""Services under load, scraped by a Prometheus of our own, and then every panel's query asked of it. Judges nothing."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from chassis.patience import patience
from dashboards.every import parsed
from dashboards.queries import Window
from stack.local import Stack, launch
from stack.processes import LOCAL, Child, free_port, wait_for
from watch import prometheus as prometheus_program
from watch.prometheus import Prometheus
from watch.seen import Seen, look

SCRAPE_SECONDS: Final = 1.0
HASTE: Final = 60.0  # of the rules: an evening of a minute is to them an hour
_LETTERS: Final = "dead-letters"
_READY_WITHIN: Final = 30.0
_AFTER: Final = 4 * SCRAPE_SECONDS  # what happened last is in a rate only after some scrapes

Load = Callable[["Watched"], None]  # what goes on while Prometheus watches; returns when it is over


class Watched(NamedTuple):
    """A running system and the Prometheus that scrapes it, for a load to work with."""

    stack: Stack
    prometheus: Prometheus
    run_dir: Path


class Alerting(NamedTuple):
    """An alert rule, and for how many seconds at least one instance of it was pending and firing while we watched."""

    name: str
    health: str
    pending: float
    firing: float


class Found(NamedTuple):
    """What was seen. `window` is the time that was watched."""

    window: Window
    panels: Sequence[Seen]
    alerts: Sequence[Alerting]
    targets: Mapping[str, str]


@contextmanager
def watched(run_dir: Path, settings: Mapping[str, str] | None = None, haste: float = HASTE) -> Iterator[Watched]:
    """Engines, issuer, services, the counter of dead letters and Prometheus, all ready; all ended with the block."""
    with ExitStack() as undo:
        stack = undo.enter_context(launch(run_dir, settings=settings))
        letters = count_letters(stack, run_dir)
        undo.callback(letters.child.stop)
        addresses = {service.name: service.url.removeprefix("http://") for service in stack.services}
        prometheus = prometheus_program.start(
            {**addresses, _LETTERS: letters.address}, run_dir, interval=SCRAPE_SECONDS, haste=haste
        )
        undo.enter_context(prometheus)
        yield Watched(stack, prometheus, run_dir)


class Letters(NamedTuple):
    """`python -m chassis.deadletters serve` as a child, and where it listens."""

    child: Child
    address: str


def count_letters(stack: Stack, run_dir: Path) -> Letters:
    """Start it, wait until it answers."""
    address = f"{LOCAL}:{free_port()}"
    child = Child(
        _LETTERS,
        [sys.executable, "-m", "chassis.deadletters", "serve", "--bind", address],
        log=run_dir / f"{_LETTERS}.log",
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": stack.engines.kafka},
    )
    try:
        wait_for({child: lambda: _lacks(f"http://{address}/metrics")}, within=_READY_WITHIN * patience())
    except BaseException:
        child.kill()
        raise
    return Letters(child, address)


def watch(here: Watched, load: Load) -> Found:
    """Let the load happen; then ask everything of the time it took."""
    start = time.time()
    load(here)
    time.sleep(_AFTER)  # not for safety: the scrapes that see the end have yet to be made
    window = Window(start, time.time(), step=SCRAPE_SECONDS, scrape=SCRAPE_SECONDS)
    return Found(
        window=window,
        panels=look(here.prometheus, parsed().values(), window),
        alerts=alerts(here.prometheus, window),
        targets=here.prometheus.targets(),
    )


def alerts(prometheus: Prometheus, window: Window) -> list[Alerting]:
    """Every alert rule, and what it did in this window."""
    told: dict[tuple[str, str], float] = {}
    by_state = "count by (alertname, alertstate) (ALERTS)"
    for one in prometheus.query_range(by_state, window.start, window.end, window.step):
        key = one["metric"]["alertname"], one["metric"]["alertstate"]
        told[key] = len(one["values"]) * window.step
    return [
        Alerting(
            name=rule["name"],
            health=rule.get("lastError") or rule["health"],
            pending=told.get((rule["name"], "pending"), 0.0),
            firing=told.get((rule["name"], "firing"), 0.0),
        )
        for rule in prometheus.rules()
        if rule["type"] == "alerting"
    ]


def _lacks(url: str) -> str | None:
    try:
        answer = httpx.get(url, timeout=5.0, trust_env=False)
    except httpx.TransportError as error:
        return f"{url} does not answer ({type(error).__name__})"
    return None if answer.is_success else f"{url} answers {answer.status_code}: {answer.text[:200]}"


__all__ = ["Alerting", "Found", "Load", "Watched", "alerts", "count_letters", "watch", "watched"]
