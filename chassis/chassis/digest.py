"""What becomes of a batch of messages.

Decoded, handed to the service, tried again, or set aside. Knows handlers, no polling.

An outage (MongoDB or Kafka away) is waited out for as long as it lasts. Any other failure of a batch is narrowed
down: its events are tried one by one, each up to `ATTEMPTS` times, and the one that keeps failing goes to the dead
letters with its reason, origin and attempts, as does at once what cannot be decoded. The rest goes on.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import eventlet
from eventlet.event import Event as Signal

from chassis import metrics
from chassis.clock import utcnow
from chassis.outages import ENGINE_AWAY, engine_of, pauses
from chassis.producer import Message, dead_letter
from contracts import metrics as declared
from contracts.codec import Event, Undecodable, decode

_log = logging.getLogger(__name__)
ATTEMPTS: Final = 3


class Interrupted(Exception):
    """The service stops during an outage: the batch is left to whoever gets it next."""


class Handler(Protocol):
    """What the digest needs of an entrypoint: how many events at once (0: one, by itself)."""

    batch: int


class Sends(Protocol):
    """Where dead letters go."""

    def send(self, messages: Sequence[Message]) -> None: ...


Pair = tuple[Any, Event]  # a Kafka record and the event in it


class Digest:
    """Brings batches to the service's handlers and says up to which offset they are done."""

    def __init__(self, container: Any, group: str, producer: Sends, stopping: Callable[[], bool]) -> None:
        self._container = container
        self._group = group
        self._producer = producer
        self._stopping = stopping

    def batch(self, handlers: Sequence[Handler], messages: Sequence[Any]) -> int:
        """Digest one partition's messages.

        The offset to commit (the first one, when a stop interrupted an outage).
        """
        began = time.monotonic()
        try:
            pairs = list(self._decoded(messages))
            for handler in handlers:
                for chunk in _chunks(pairs, handler.batch or 1):
                    self._deliver(handler, chunk)
        except Interrupted:
            first: int = messages[0].offset
            return first
        self._measure(messages[0].topic, pairs, time.monotonic() - began)
        last: int = messages[-1].offset
        return last + 1

    def _decoded(self, messages: Sequence[Any]) -> Iterator[Pair]:
        for message in messages:
            try:
                yield message, decode(message.headers, message.value)
            except Undecodable as reason:
                self._set_aside(message, f"undecodable: {reason}", attempts=1)

    def _deliver(self, handler: Handler, pairs: Sequence[Pair]) -> None:
        try:
            self._call(handler, pairs)
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001  any failure of a handler is narrowed down and answered
            if len(pairs) > 1:
                _log.warning(
                    "a batch of %d failed, trying its events one by one: %s",
                    len(pairs),
                    error,
                )
                for pair in pairs:
                    self._insist(handler, pair, attempts=0)
            else:
                self._insist(handler, pairs[0], attempts=1, error=error)

    def _insist(
        self,
        handler: Handler,
        pair: Pair,
        attempts: int,
        error: Exception | None = None,
    ) -> None:
        for pause in pauses():
            if attempts >= ATTEMPTS:
                self._set_aside(pair[0], f"{type(error).__name__}: {error}", attempts)
                return
            if error is not None:
                self._sleep(pause)
            try:
                self._call(handler, [pair])
                return
            except Interrupted:
                raise
            except Exception as failed:  # noqa: BLE001  the same
                attempts, error = attempts + 1, failed

    def _call(self, handler: Handler, pairs: Sequence[Pair]) -> None:
        """Run the handler in a worker until it ends; an outage is waited out here."""
        events = [event for _, event in pairs]
        payload = events if handler.batch else events[0]
        for pause in pauses():
            try:
                self._work(handler, payload)
                return
            except ENGINE_AWAY as away:
                engine = engine_of(away)
                _log.warning("%s is away, %s waits: %s", engine, events[0].type, away)
                metrics.counter(declared.OUTAGE_RETRIES).labels(self._container.service_name, engine).inc()
                self._sleep(pause)

    def _work(self, handler: Handler, payload: Event | list[Event]) -> None:
        done = Signal()

        def finished(_worker: object, result: object, exc_info: Any) -> tuple[object, Any]:
            done.send(result, exc_info)
            return result, exc_info

        first = payload[0] if isinstance(payload, list) else payload
        self._container.spawn_worker(
            handler,
            (payload,),
            {},
            context_data={"event_id": first.id},
            handle_result=finished,
        )
        done.wait()

    def _set_aside(self, message: Any, reason: str, attempts: int) -> None:
        _log.error(
            "dead letter from %s/%s@%s: %s",
            message.topic,
            message.partition,
            message.offset,
            reason,
        )
        for pause in pauses():
            try:
                self._producer.send([dead_letter(message, group=self._group, reason=reason, attempts=attempts)])
                metrics.counter(declared.EVENTS_DEAD).labels(self._container.service_name, message.topic).inc()
                return
            except ENGINE_AWAY as away:
                _log.warning("kafka is away, a dead letter waits: %s", away)
                self._sleep(pause)

    def _sleep(self, seconds: float) -> None:
        if self._stopping():
            raise Interrupted
        eventlet.sleep(seconds)

    def _measure(self, topic: str, pairs: Sequence[Pair], seconds: float) -> None:
        service = self._container.service_name
        metrics.histogram(declared.EVENT_HANDLING_SECONDS).labels(service, topic).observe(seconds)
        metrics.counter(declared.EVENTS_CONSUMED).labels(service, topic).inc(len(pairs))
        if pairs:
            age = (utcnow() - pairs[0][1].time).total_seconds()
            metrics.histogram(declared.EVENT_AGE_SECONDS).labels(service, topic).observe(max(age, 0.0))


def _chunks(pairs: list[Pair], size: int) -> Iterator[list[Pair]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
