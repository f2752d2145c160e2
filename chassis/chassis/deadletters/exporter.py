"""Counts the letters that wait, for Prometheus: services count what they set aside, and cannot know what became of it.

Reads when it is asked, so that what it says is true then; while the broker is away it answers 503 and no figure.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from kafka.errors import KafkaError
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chassis.deadletters import letters
from chassis.deadletters.letters import Letter
from chassis.deadletters.post import Post
from chassis.engines import BrokerSettings
from contracts import metrics as declared
from contracts.metrics import Metric
from contracts.readers import READERS

_log = logging.getLogger(__name__)


class Waiting(Collector):
    """The gauges, read anew for each scrape."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._post: Post | None = None
        self._one = threading.Lock()  # at a time: there is one consumer

    def describe(self) -> Iterable[Any]:
        """Nothing is read to be registered."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The letters that wait now. Raises KafkaError when the broker is away."""
        with self._one:
            found = self._read()
        yield from families(found)

    def close(self) -> None:
        """Leave the broker."""
        post, self._post = self._post, None
        if post is not None:
            post.close()

    def _read(self) -> list[Letter]:
        try:
            if self._post is None:
                self._post = Post(self._settings)
            return self._post.waiting()
        except KafkaError as away:
            _log.warning("kafka is away or refuses: %s", away)
            self.close()
            raise


def families(found: Iterable[Letter]) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
    """The gauges of these letters. Where every service's group has none of a topic that it reads, it says 0."""
    waiting: Counter[tuple[str, str, str]] = Counter()
    oldest: dict[tuple[str, str], float] = {}
    for group, topics in READERS.items():
        waiting.update({(group, topic, reason): 0 for topic in topics for reason in letters.REASONS})
    for letter in found:
        place = letter.group, letter.topic
        waiting[(*place, letters.counted_as(letter.kind))] += 1
        oldest[place] = min(letter.at.timestamp(), oldest.get(place, letter.at.timestamp()))
    return _gauge(declared.DEAD_LETTERS_WAITING, waiting), _gauge(declared.DEAD_LETTERS_OLDEST, oldest)


def _gauge(metric: Metric, values: Any) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
    return family


class _Server(ThreadingMixIn, WSGIServer):
    """Who connects and says nothing keeps nobody else waiting, nor the end."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Writes no line for each scrape, nor for who went away."""

    timeout = 5.0  # seconds for each part of a request

    def handle(self) -> None:
        """One request, unless it never comes."""
        try:
            super().handle()
        except (TimeoutError, ConnectionError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Not worth a line."""


def server(waiting: Waiting, address: str, port: int) -> WSGIServer:
    """What answers `/metrics`. Raises OSError when the address cannot be had."""
    registry = CollectorRegistry()
    registry.register(waiting)
    metrics = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if environ.get("PATH_INFO") != "/metrics":
            return _plain(start, "404 Not Found", "see /metrics")
        try:
            return metrics(environ, start)
        except KafkaError as away:
            return _plain(start, "503 Service Unavailable", f"kafka is away or refuses: {away}")

    return make_server(address, port, answer, server_class=_Server, handler_class=_Quiet)


def _plain(start: Callable[..., Any], status: str, text: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]
