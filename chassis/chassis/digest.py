"""What becomes of a batch of messages.

Decoded, handed to the service, tried again, or set aside. Knows handlers, no polling.

An outage (MongoDB or Kafka away) is waited out for as long as it lasts. Any other failure of a batch is narrowed
down: its events are tried one by one, each up to `ATTEMPTS` times, and the one that keeps failing goes to the dead
letters with its reason, origin and attempts, as does at once what cannot be decoded. The rest goes on. A dead letter
that is replayed for another group is passed over.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

import eventlet
from eventlet.event import Event as Signal
from kafka.errors import MessageSizeTooLargeError

from chassis import metrics, tracing
from chassis.clock import utcnow
from chassis.deadletters import letters
from chassis.faults import Fault
from chassis.outages import ENGINE_AWAY, ENGINES, engine_of, is_away, pauses
from chassis.producer import Message
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
Poison = Callable[[str], Fault | None]  # whether an event of this topic shall not be digestible


class Digest:
    """Brings batches to the service's handlers and says up to which offset they are done."""

    def __init__(
        self,
        container: Any,
        group: str,
        producer: Sends,
        stopping: Callable[[], bool],
        poison: Poison = lambda _: None,
    ) -> None:
        self._container = container
        self._poison = poison
        self._group = group
        self._producer = producer
        self._stopping = stopping

    def expect(self, topics: Iterable[str]) -> None:
        """Count from 0 on: of a counter that begins at 1, an alert never sees the first."""
        for engine in ENGINES:
            metrics.counter(declared.OUTAGE_RETRIES).labels(self._container.service_name, engine)
        for topic in topics:
            metrics.histogram(declared.EVENT_AGE_SECONDS).labels(self._container.service_name, topic)
            metrics.counter(declared.EVENTS_CONSUMED).labels(self._container.service_name, topic)
            for reason in letters.REASONS:
                metrics.counter(declared.EVENTS_DEAD).labels(self._container.service_name, topic, reason)

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
            if letters.replayed_for(message.headers) not in (None, self._group):
                continue
            try:
                yield message, self._event(message)
            except Undecodable as reason:
                self._set_aside(message, letters.UNDECODABLE, reason, attempts=1)

    def _event(self, message: Any) -> Event:
        """The event in it. One that is poisoned is spoilt here, not where it stands: its letter can be replayed."""
        if self._poison(message.topic):
            raise Undecodable("spoilt on purpose: the fault poison-event is on")
        return decode(message.headers, message.value)

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
                self._set_aside(pair[0], type(error).__name__, error, attempts)
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
        with tracing.processing(pairs, self._group) as (events, trace):
            self._wait_for(handler, events, trace)

    def _wait_for(self, handler: Handler, events: list[Event], trace: Any) -> None:
        payload = events if handler.batch else events[0]
        for pause in pauses():
            try:
                self._work(handler, payload, trace)
                return
            except Exception as away:
                if not is_away(away):
                    raise
                engine = engine_of(away)
                _log.warning("%s is away, %s waits: %s", engine, events[0].type, away)
                metrics.counter(declared.OUTAGE_RETRIES).labels(self._container.service_name, engine).inc()
                self._sleep(pause)

    def _work(self, handler: Handler, payload: Event | list[Event], trace: Any) -> None:
        done = Signal()

        def finished(_worker: object, result: object, exc_info: Any) -> tuple[object, Any]:
            done.send(result, exc_info)
            return result, exc_info

        first = payload[0] if isinstance(payload, list) else payload
        self._container.spawn_worker(
            handler,
            (payload,),
            {},
            context_data={"event_id": first.id, "trace": trace},
            handle_result=finished,
        )
        done.wait()

    def _set_aside(self, message: Any, kind: str, error: Exception | None, attempts: int) -> None:
        reason = f"{kind}: {error}"
        _log.error(
            "dead letter from %s/%s@%s: %s",
            message.topic,
            message.partition,
            message.offset,
            reason,
        )
        letter = letters.written(message, group=self._group, reason=reason, kind=kind, attempts=attempts, now=utcnow())
        self._post(letter)
        service = self._container.service_name
        metrics.counter(declared.EVENTS_DEAD).labels(service, message.topic, letters.counted_as(kind)).inc()

    def _post(self, letter: Message) -> None:
        for pause in pauses():
            try:
                self._producer.send([letter])
                return
            except MessageSizeTooLargeError as refused:  # no outage: waiting would not make it smaller
                if not letter[2]:
                    raise
                _log.warning("the dead letter is kept without its value: %s", refused)
                letter = letters.without_value(letter)
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
        fresh = next((event for message, event in pairs if letters.replayed_for(message.headers) is None), None)
        if fresh is not None:  # what is replayed is old, and says nothing of how far behind we are
            age = (utcnow() - fresh.time).total_seconds()
            metrics.histogram(declared.EVENT_AGE_SECONDS).labels(service, topic).observe(max(age, 0.0))


def _chunks(pairs: list[Pair], size: int) -> Iterator[list[Pair]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
