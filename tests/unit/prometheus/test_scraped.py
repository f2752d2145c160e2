"""The rules on a Prometheus that scrapes, as `deploy/prometheus/prometheus.yaml` says, what services expose: the labels
that a scrape adds and takes away are those that the rules reckon with.
"""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from tests.unit.prometheus.promtool import lacking

from chassis.testing import eventually
from contracts import metrics
from dashboards import places
from dashboards.every import parsed
from dashboards.queries import Window, asks, everything, expanded
from stack.rules import files, read
from stack.services import NAMES
from watch import prometheus

_KINDS = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
OURS = {"part_of": "shanhuo", "severity": "critical"}
HASTE = 60.0  # an hour of the rules is a minute here
STRANGER = "dead-letters"  # is scraped beside the services, and counts by the same names here, as others may
WITHIN = 60.0  # seconds; it takes two or three where nothing else is going on


class Exposed:
    """What one service exposes: every metric that is declared for it, each with one series."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._made = {one.name: self._metric(one) for one in metrics.ALL if one.by in (service, metrics.EVERY_SERVICE)}
        self._server = self._serve(0)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def _metric(self, declared: metrics.Metric) -> Any:
        options = {"buckets": declared.buckets} if declared.kind == "histogram" else {}
        made = _KINDS[declared.kind](declared.name, declared.help, declared.labels, registry=self.registry, **options)
        known = {"service": self.service, "group": self.service}
        if declared.labels:
            made.labels(*(known.get(label, label) for label in declared.labels))
        return made

    def series(self, metric: metrics.Metric, *labels: str) -> Any:
        """One of its series."""
        return self._made[metric.name].labels(*labels) if labels else self._made[metric.name]

    def _serve(self, port: int) -> ThreadingHTTPServer:
        registry = self.registry

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = generate_latest(registry)
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    def die(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def come_back(self) -> None:
        self._server = self._serve(self._server.server_port)


class Watched:
    """Four services, and one that is none of them, as a Prometheus sees them."""

    def __init__(self, services: dict[str, Exposed], own: prometheus.Prometheus) -> None:
        self.services = services
        self.prometheus = own

    def firing(self, name: str) -> list[dict[str, str]]:
        """The labels of what fires under this name."""
        rules = (rule for rule in self.prometheus.rules() if rule["name"] == name)
        return [one["labels"] for rule in rules for one in rule["alerts"] if one["state"] == "firing"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    services = {name: Exposed(name) for name in (*NAMES, STRANGER)}
    addresses = {name: one.address for name, one in services.items()}
    try:
        with prometheus.start(addresses, tmp_path_factory.mktemp("scraped"), interval=0.5, haste=HASTE) as own:
            yield Watched(services, own)
    except prometheus.NotInstalledError as missing:
        lacking(str(missing))
    finally:
        for one in services.values():
            one.die()


def test_prometheus_evaluates_every_rule_and_finds_nothing_wrong_with_it(watched: Watched) -> None:
    def complaints() -> list[str]:
        told = watched.prometheus.rules()
        return [f"{one['name']}: {one.get('lastError') or one['health']}" for one in told if one["health"] != "ok"]

    eventually(lambda: complaints() == [], within=WITHIN)
    written = [rule for path in files() for group in read(path)["groups"] for rule in group["rules"]]
    assert len(watched.prometheus.rules()) == len(written)


def test_what_is_recorded_has_the_labels_of_the_service_and_none_of_the_scrape(watched: Watched) -> None:
    name = "service_group_topic:consumer_lag_records:sum"
    wanted = {"__name__": name, "service": "orders", "group": "orders", "topic": "topic"}

    def lag() -> list[dict[str, str]]:
        found = watched.prometheus.query(name, time.time())
        return [one["metric"] for one in found if one["metric"]["service"] == "orders"]

    eventually(lambda: lag() == [wanted], within=WITHIN)


def test_whoever_else_has_processes_and_requests_is_none_of_our_services(watched: Watched) -> None:
    own, document = watched.prometheus, parsed()["shanhuo-services"]

    def met(expr: str) -> set[str]:
        return {one["metric"]["service"] for one in own.query(expr, time.time()) if "service" in one["metric"]}

    # as long ago as the rules, which are evaluated each half second, have had to see it
    for there in ("process_resident_memory_bytes offset 2s", "rate(http_request_duration_seconds_count[5s] offset 2s)"):
        eventually(lambda there=there: {*NAMES, STRANGER} <= met(there), within=WITHIN)
    eventually(lambda: set(NAMES) <= met("service:http_requests:rate5m"), within=WITHIN)
    assert met("service:http_requests:rate5m") == set(NAMES)
    for ask in asks(document):
        window = Window(time.time() - 10, time.time(), step=0.5, scrape=0.5)
        assert met(expanded(ask.expr, everything(document), window)) <= set(NAMES), ask.name
    up = next(ask for ask in asks(document) if ask.panel_id == places.Services.UP)
    assert met(expanded(up.expr, everything(document), Window(0, 60))) == set(NAMES)


def test_a_unit_too_many_pages_and_is_over_when_it_is_mended(watched: Watched) -> None:
    oversold = watched.services["orders"].series(metrics.OVERSOLD)
    oversold.set(1)
    eventually(lambda: watched.firing("Oversold") == [OURS | {"alertname": "Oversold"}], within=WITHIN)
    oversold.set(0)
    eventually(lambda: watched.firing("Oversold") == [], within=WITHIN)


def test_a_service_that_dies_is_told_of_by_its_name_until_it_is_back(watched: Watched) -> None:
    watched.services["notify"].die()
    told = OURS | {"alertname": "ServiceDown", "service": "notify"}
    eventually(lambda: watched.firing("ServiceDown") == [told], within=WITHIN)
    watched.services["notify"].come_back()
    eventually(lambda: watched.firing("ServiceDown") == [], within=WITHIN)


def test_orders_that_fail_page_by_their_share(watched: Watched) -> None:
    """Of a histogram as the client library exposes it, through the recorded rates and windows, to the alert."""
    placed = watched.services["orders"].series(metrics.PLACE_SECONDS, "placed")
    failed = watched.services["orders"].series(metrics.PLACE_SECONDS, "failed")

    def fail() -> bool:
        placed.observe(0.1)
        failed.observe(0.1)
        return [one["slo"] for one in watched.firing("PlaceSuccessBurningFast")] == ["place-success"]

    eventually(fail, within=WITHIN)
