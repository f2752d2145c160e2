"""Publishes the events that ride in documents: read in order, send, then remove. Nothing else publishes.

State and its events are one write: a service writes them into the document's `outbox` and tells the relay which
documents. The relay reads the outbox from the database (never from memory, so the order is the document's own whoever
wrote last), publishes with `acks=all` and an idempotent producer, and removes what was published. Killed between any
two steps nothing is lost; what is published again has the same id. A sweep finds what was left behind; it is the
safety net, not the way.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import eventlet
from eventlet.event import Event as Signal
from mongoengine import Document
from nameko.extensions import SharedExtension
from pymongo.collection import Collection

from chassis import metrics
from chassis.clock import utcnow
from chassis.outages import ENGINE_AWAY, engine_of, pauses
from chassis.producer import Message, Producer
from contracts import metrics as declared
from contracts.codec import Record, from_document, to_message

_log = logging.getLogger(__name__)
_BATCH = 500
_LOOKED_UP_AT_ONCE = 50  # in one reading or update; longer $in lists were slower on the embedded engine
_LEFT_BEHIND = timedelta(seconds=3)
# Without a lower bound the embedded engine reads every document whose outbox is empty (6,000: 120 ms instead of 1).
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Sender(Protocol):
    """What the relay needs of a producer."""

    def send(self, messages: Sequence[Message]) -> None: ...


class Relay:
    """Publishes and removes the outboxes of the documents it is told of; `sweep` finds those nobody told it of."""

    def __init__(self, service: str, producer: Sender) -> None:
        self._service = service
        self._producer = producer
        self._waiting: dict[type[Document], dict[str, None]] = {}
        self._wake = Signal()

    def publish(self, document: type[Document], ids: Iterable[str]) -> None:
        """Say that these documents have events; returns at once."""
        self._waiting.setdefault(document, {}).update(dict.fromkeys(ids))
        self.wake()

    def wake(self) -> None:
        """End the wait."""
        if not self._wake.ready():
            self._wake.send()

    def wait(self, seconds: float) -> None:
        """Until there is something to publish, or the time is over."""
        with eventlet.Timeout(seconds, False):
            self._wake.wait()

    def run_once(self) -> int:
        """Publish what is waiting; returns how many events. On an outage everything not removed is still waiting."""
        if self._wake.ready():
            self._wake = Signal()
        return sum(self._empty(document, ids) for document, ids in list(self._waiting.items()))

    def _empty(self, document: type[Document], ids: dict[str, None]) -> int:
        """Publish for the ids that wait and those that come meanwhile: each is taken out before its outbox is read."""
        published = 0
        while batch := list(ids)[:_BATCH]:
            for key in batch:
                del ids[key]
            try:
                published += self._relay(document._get_collection(), batch)
            except ENGINE_AWAY:
                ids.update(dict.fromkeys(batch))
                raise
        return published

    def sweep(self, documents: Iterable[type[Document]]) -> int:
        """Tell the relay of documents whose events have been waiting for a while; returns how many."""
        found = 0
        for document in documents:
            old = {"outbox.time": {"$gt": _NEVER, "$lt": utcnow() - _LEFT_BEHIND}}
            ids = [row["_id"] for row in document._get_collection().find(old, {"_id": 1}).limit(10 * _BATCH)]
            if ids:
                self.publish(document, ids)
                found += len(ids)
        if found:
            metrics.counter(declared.OUTBOX_SWEPT).labels(self._service).inc(found)
        return found

    def _relay(self, collection: Collection[dict[str, Any]], ids: list[str]) -> int:
        rows: dict[str, list[Any]] = {}
        for start in range(0, len(ids), _LOOKED_UP_AT_ONCE):
            found = collection.find({"_id": {"$in": ids[start : start + _LOOKED_UP_AT_ONCE]}}, {"outbox": 1})
            rows.update((row["_id"], row.get("outbox", [])) for row in found)
        outboxes = [[from_document(item) for item in rows[key]] for key in ids if rows.get(key)]
        for wave in _waves(outboxes):
            self._producer.send([to_message(item) for item in wave])
            for item in wave:
                metrics.counter(declared.EVENTS_PUBLISHED).labels(self._service, item.type).inc()
        self._mark(
            collection,
            {key: [item["id"] for item in box] for key, box in rows.items() if box},
        )
        return sum(map(len, outboxes))

    def _mark(self, collection: Collection[dict[str, Any]], published: dict[str, list[str]]) -> None:
        keys = list(published)
        for start in range(0, len(keys), _LOOKED_UP_AT_ONCE):
            chunk = keys[start : start + _LOOKED_UP_AT_ONCE]
            events = [event for key in chunk for event in published[key]]
            collection.update_many({"_id": {"$in": chunk}}, {"$pull": {"outbox": {"id": {"$in": events}}}})


def _waves(outboxes: list[list[Record]]) -> Iterable[list[Record]]:
    """First events of all documents, then the second ones, ….

    An event is on the broker before its successor, whatever their topics.
    """
    for depth in range(max(map(len, outboxes), default=0)):
        yield [box[depth] for box in outboxes if depth < len(box)]


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
        self.relay = Relay(self.container.service_name, self._producer)
        self._every = settings.outbox_sweep_seconds

    def register(self, documents: Iterable[type[Document]]) -> None:
        """Documents whose outboxes the sweep looks through."""
        self._documents.extend(documents)

    def start(self) -> None:
        spawn = self.container.spawn_managed_thread
        self._threads = [spawn(self._run, identifier="outbox.relay"), spawn(self._sweep, identifier="outbox.sweep")]

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
        except ENGINE_AWAY as away:
            _log.warning("stopped with events unpublished, they are in their documents: %s", away)
        self._producer.close()

    def _run(self) -> None:
        waits = pauses()
        while not self._stop.ready():
            try:
                self.relay.wait(self._every)
                self.relay.run_once()
                waits = pauses()
            except ENGINE_AWAY as away:
                self._wait_out(away, next(waits))

    def _sweep(self) -> None:
        waits = pauses(first=1.0)
        while not self._stop.ready():
            try:
                self.relay.sweep(self._documents)
                self._rest(self._every)
                waits = pauses(first=1.0)
            except ENGINE_AWAY as away:
                self._wait_out(away, next(waits))

    def _rest(self, seconds: float) -> None:
        """Sleep, but not longer than the service lives."""
        with eventlet.Timeout(seconds, False):
            self._stop.wait()

    def _wait_out(self, away: Exception, seconds: float) -> None:
        engine = engine_of(away)
        metrics.counter(declared.OUTAGE_RETRIES).labels(self.container.service_name, engine).inc()
        _log.warning("%s is away, events wait in their documents: %s", engine, away)
        self._rest(seconds)
