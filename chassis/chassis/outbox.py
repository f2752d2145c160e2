"""The relay of one service process: runs it, waits out outages, sweeps, and empties it on stop.

How events get from documents to the broker is `relay.py`'s.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import eventlet
from eventlet.event import Event as Signal
from mongoengine import Document
from nameko.extensions import SharedExtension

from chassis import metrics
from chassis.outages import engine_of, is_away, pauses
from chassis.producer import Producer
from chassis.relay import Relay
from contracts import metrics as declared

__all__ = ["Outbox", "Relay"]

_log = logging.getLogger(__name__)
_MARK_SECONDS: Final = 1.5  # what is published in that time is removed together, a document's events in one write


class Outbox(SharedExtension):
    """The relay of one service process: runs it, waits out outages, sweeps, and empties it on stop."""

    def __init__(self) -> None:
        super().__init__()
        self._documents: list[type[Document]] = []
        self._threads: list[Any] = []
        self._stop = Signal()

    def setup(self) -> None:
        settings = self.container.config["settings"]
        self._producer = Producer(settings)
        self.relay = relay = Relay(self.container.service_name, self._producer)
        service = self.container.service_name
        metrics.gauge(declared.OUTBOX_WAITING).labels(service).set_function(lambda: relay.waiting)
        metrics.gauge(declared.OUTBOX_OLDEST_AGE).labels(service).set_function(lambda: metrics.age(relay.waiting_since))
        self._every = settings.outbox_sweep_seconds

    def register(self, documents: Iterable[type[Document]]) -> None:
        """Documents whose outboxes the sweep looks through."""
        self._documents.extend(documents)

    def start(self) -> None:
        loops = {
            "outbox.relay": (lambda: self.relay.wait(self._every), self.relay.run_once),
            "outbox.mark": (lambda: self._rest(_MARK_SECONDS), self.relay.mark),
            "outbox.sweep": (lambda: self._rest(self._every), lambda: self.relay.sweep(self._documents)),
        }
        for name, (rest, work) in loops.items():
            thread = self.container.spawn_managed_thread(self._loop(rest, work), identifier=name)
            self._threads.append(thread)

    def stop(self) -> None:
        """Publish what the last requests caused; what an outage keeps is found by the next process's sweep."""
        if self._stop.ready():
            return
        self._stop.send()
        self.relay.wake()
        for thread in self._threads:
            thread.wait()
        try:
            self.relay.run_once()
            self.relay.mark()
        except Exception as away:
            if not is_away(away):
                raise
            _log.warning("stopped with events unpublished, they are in their documents: %s", away)
        self._producer.close()

    def _loop(self, rest: Callable[[], object], work: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            waits = pauses()
            while not self._stop.ready():
                try:
                    work()
                    waits = pauses()
                    rest()
                except Exception as away:
                    if not is_away(away):
                        raise
                    self._wait_out(away, next(waits))

        return run

    def _rest(self, seconds: float) -> None:
        """Sleep, but not longer than the service lives."""
        with eventlet.Timeout(seconds, False):
            self._stop.wait()

    def _wait_out(self, away: Exception, seconds: float) -> None:
        engine = engine_of(away)
        metrics.counter(declared.OUTAGE_RETRIES).labels(self.container.service_name, engine).inc()
        _log.warning("%s is away, events wait in their documents: %s", engine, away)
        self._rest(seconds)
