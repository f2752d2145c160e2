"""Publishes the events that ride in documents: read in order, send, then remove. Nothing else publishes.

State and its events are one write: a service writes them into the document's `outbox` and tells the relay which
documents. The relay reads the outbox from the database (so the order is the document's own, whoever
wrote last), publishes with `acks=all` and an idempotent producer, and a moment later removes what was published: the
events of a document that come shortly after one another then cost one write. Killed between any two steps nothing is
lost; what is published again has the same id. A sweep finds what was left behind; it is the safety net, not the way.

A service that keeps the events of many new documents together, in the one write that decided them, hands them over
itself (`send`) and is told when they are published: then it may forget them. While the relay is `behind` it had better
let each document carry its own.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import eventlet
from eventlet.event import Event as Signal
from mongoengine import Document
from pymongo.collection import Collection

from chassis import metrics, tracing
from chassis.clock import utcnow
from chassis.producer import Message
from contracts import metrics as declared
from contracts.codec import Record, from_document, to_message

_BATCH = 500
# Longer $in lists were slower on the embedded engine, and no faster on others.
_READ_AT_ONCE = 50
_MARKED_AT_ONCE = 20
_MOST_FRESH = 5_000  # events handed over and not yet published; beyond it the relay is behind
_LEFT_BEHIND = timedelta(seconds=3)
# Without a lower bound the embedded engine reads every document whose outbox is empty (6,000: 120 ms instead of 1).
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Sender(Protocol):
    """What the relay needs of a producer."""

    def send(self, messages: Sequence[Message]) -> None: ...


class _Fresh(NamedTuple):
    """Events of new documents, a box for each document, and who wants to know that they are published."""

    boxes: Sequence[Sequence[Record]]
    then: Callable[[], None]
    since: float


class Relay:
    """Publishes the outboxes of documents it is told of; `mark` removes them, `sweep` finds what nobody told it of."""

    def __init__(self, service: str, producer: Sender) -> None:
        self._service = service
        self._producer = producer
        metrics.counter(declared.OUTBOX_SWEPT).labels(service)  # from 0 on: the first finding is seen, too
        self._waiting: dict[type[Document], dict[str, float]] = {}
        self._under_way: dict[type[Document], dict[str, float]] = {}
        self._wake = Signal()
        self._unmarked: dict[type[Document], dict[str, list[str]]] = {}
        self._published: set[str] = set()
        self._just_marked: set[str] = set()
        self._fresh: deque[_Fresh] = deque()
        self._sending: list[_Fresh] = []
        self._fresh_events = 0
        self._first: dict[type[Document], Callable[[Sequence[str]], None]] = {}
        self._away = False

    @property
    def behind(self) -> bool:
        """Whether events that are handed over now may have to wait for long."""
        return self._away or self._fresh_events > _MOST_FRESH

    @property
    def waiting(self) -> int:
        """Events that the broker does not have yet, as far as this process knows: of a told document at least one."""
        return self._fresh_events + sum(map(len, (*self._waiting.values(), *self._under_way.values())))

    @property
    def waiting_since(self) -> float | None:
        """Since when (seconds since 1970) the longest of them waits."""
        told = (since for ids in (*self._waiting.values(), *self._under_way.values()) for since in ids.values())
        handed_over = (fresh[0].since for fresh in (self._sending, self._fresh) if fresh)
        return min((*told, *handed_over), default=None)

    def send(self, boxes: Sequence[Sequence[Record]], then: Callable[[], None]) -> None:
        """Publish the first events of new documents, a box for each in its order; returns at once.

        They come before whatever these documents say later. `then` is called when the broker has them all.
        """
        self._fresh.append(_Fresh(boxes, then, time.time()))
        self._fresh_events += sum(map(len, boxes))
        self.wake()

    def publish(self, document: type[Document], ids: Iterable[str]) -> None:
        """Say that these documents have events; returns at once."""
        self._tell(document, dict.fromkeys(ids, time.time()))

    def _tell(self, document: type[Document], since: Mapping[str, float]) -> None:
        waiting = self._waiting.setdefault(document, {})
        for key, moment in since.items():
            waiting[key] = min(moment, waiting.get(key, moment))
        self.wake()

    def precede(self, document: type[Document], first: Callable[[Sequence[str]], None]) -> None:
        """Before anything that these documents say is published, `first` is asked what must be published before it.

        For events that a service keeps elsewhere, perhaps in another process: it sends them, and they go first.
        """
        self._first[document] = first

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
        published = self._send_fresh()
        return published + sum(self._empty(document, ids) for document, ids in list(self._waiting.items()))

    def _send_fresh(self) -> int:
        """Publish what was handed over, also what is meanwhile."""
        published = 0
        while self._fresh:
            fresh = self._sending = self._some_fresh()
            try:
                published += self._publish([box for one in fresh for box in one.boxes])
            except Exception:
                self._fresh.extendleft(reversed(fresh))
                raise
            finally:
                self._sending = []
            for one in fresh:
                self._fresh_events -= sum(map(len, one.boxes))
                one.then()
        return published

    def _some_fresh(self) -> list[_Fresh]:
        fresh = [self._fresh.popleft()]
        events = len(fresh[0].boxes)
        while self._fresh and events < _BATCH:
            fresh.append(self._fresh.popleft())
            events += len(fresh[-1].boxes)
        return fresh

    def _empty(self, document: type[Document], ids: dict[str, float]) -> int:
        """Publish for the ids that wait and those that come meanwhile: each is taken out before its outbox is read."""
        published = 0
        while batch := list(ids)[:_BATCH]:
            since = self._under_way[document] = {key: ids.pop(key) for key in batch}
            try:
                if first := self._first.get(document):
                    first(batch)
                # Whatever was handed over before one of these ids was is published before it.
                published += self._send_fresh() + self._relay(document, batch)
            except Exception:
                self._tell(document, since)
                raise
            finally:
                del self._under_way[document]
        return published

    def sweep(self, documents: Iterable[type[Document]]) -> int:
        """Tell the relay of documents whose events have been waiting for a while; returns how many."""
        found = 0
        for document in documents:
            old = {"outbox.time": {"$gt": _NEVER, "$lt": utcnow() - _LEFT_BEHIND}}
            rows = document._get_collection().find(old, {"outbox.time": 1}).limit(10 * _BATCH)
            unmarked = self._unmarked.get(document, ())
            since = {row["_id"]: _since(row["outbox"]) for row in rows if row["_id"] not in unmarked}
            if since:
                self._tell(document, since)
                found += len(since)
        if found:
            metrics.counter(declared.OUTBOX_SWEPT).labels(self._service).inc(found)
        return found

    def mark(self) -> int:
        """Remove from the documents what was published; returns how many events. On an outage the rest still waits."""
        self._published -= self._just_marked
        self._just_marked = set()
        return sum(self._remove(document, waiting) for document, waiting in list(self._unmarked.items()))

    def _remove(self, document: type[Document], waiting: dict[str, list[str]]) -> int:
        removed = 0
        while keys := list(waiting)[:_MARKED_AT_ONCE]:
            published = {key: waiting.pop(key) for key in keys}
            events = [event for box in published.values() for event in box]
            try:
                document._get_collection().update_many(
                    {"_id": {"$in": keys}}, {"$pull": {"outbox": {"id": {"$in": events}}}}
                )
            except Exception:
                for key, box in published.items():
                    waiting[key] = [*box, *waiting.get(key, [])]
                raise
            self._just_marked.update(events)
            removed += len(events)
        return removed

    def _relay(self, document: type[Document], ids: list[str]) -> int:
        boxes = self._boxes(document, ids)
        published = self._publish(list(boxes.values()))
        unmarked = self._unmarked.setdefault(document, {})
        for key, box in boxes.items():
            events = [item.id for item in box]
            self._published.update(events)
            unmarked[key] = [*unmarked.get(key, []), *events]
        return published

    def _publish(self, boxes: Sequence[Sequence[Record]]) -> int:
        for wave in _waves(boxes):
            with tracing.publishing(wave):
                self._hand_to_producer([to_message(item) for item in wave])
            for topic, events in Counter(item.type for item in wave).items():
                metrics.counter(declared.EVENTS_PUBLISHED).labels(self._service, topic).inc(events)
        return sum(map(len, boxes))

    def _hand_to_producer(self, messages: Sequence[Message]) -> None:
        try:
            self._producer.send(messages)
            self._away = False
        except Exception:
            self._away = True
            raise

    def _boxes(self, document: type[Document], ids: list[str]) -> dict[str, list[Record]]:
        """The events of these documents in their order, without those that only wait to be removed."""
        known = self._read(document._get_collection(), ids)
        boxes = {
            key: [from_document(item) for item in outbox if item["id"] not in self._published]
            for key, outbox in known.items()
        }
        return {key: box for key, box in boxes.items() if box}

    def _read(self, collection: Collection[dict[str, Any]], ids: list[str]) -> dict[str, list[dict[str, Any]]]:
        outboxes: dict[str, list[dict[str, Any]]] = {}
        for start in range(0, len(ids), _READ_AT_ONCE):
            query = {"_id": {"$in": ids[start : start + _READ_AT_ONCE]}}
            outboxes |= {row["_id"]: row.get("outbox", []) for row in collection.find(query, {"outbox": 1})}
        return outboxes


def _since(outbox: Sequence[Mapping[str, datetime]]) -> float:
    return min(event["time"].timestamp() for event in outbox)


def _waves(outboxes: Sequence[Sequence[Record]]) -> Iterable[list[Record]]:
    """First events of all documents, then the second ones, ….

    An event is on the broker before its successor, whatever their topics.
    """
    for depth in range(max(map(len, outboxes), default=0)):
        yield [box[depth] for box in outboxes if depth < len(box)]
