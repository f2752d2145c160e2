"""Events for every replica: each reads all partitions by itself, from a while ago on, and commits nothing.

For what a replica keeps in memory and shows (live pages). No group, no dead letters: the group that owns the work
sets aside what is broken; here it is only skipped. So are dead letters that are replayed: each is for a group, and
what it says was read here when it first stood on its topic, or is when the next version starts and reads back.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final, NamedTuple, Protocol

import eventlet
from eventlet.event import Event as Signal
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from nameko.extensions import SharedExtension

from chassis import brokers, metrics, reading, topics, tracing
from chassis.clock import utcnow
from chassis.deadletters.letters import replayed_for
from chassis.health import Health
from chassis.lag import Lag
from chassis.outages import pauses
from contracts import metrics as declared
from contracts.codec import Event, Undecodable, decode

_log = logging.getLogger(__name__)
_IDLE_MS = 250
_GROUP: Final = "fanout"  # as the metrics call it


class Delivery(NamedTuple):
    """An event as a `fanout` handler gets it, with its place on the topic."""

    event: Event
    topic: str
    partition: int
    offset: int


class Everywhere(Protocol):
    """What the fan-out needs of an entrypoint."""

    topics: tuple[str, ...]
    rewind: timedelta


class Fanout(SharedExtension):
    """One groupless consumer a process for all `fanout` handlers."""

    health = Health()

    def __init__(self) -> None:
        super().__init__()
        self._handlers: list[Everywhere] = []
        self._seen: dict[TopicPartition, int] = {}
        self._behind: dict[TopicPartition, int] = {}
        self._was_there = False
        self._consumer: KafkaConsumer | None = None
        self._away = "the broker has not been reached yet"
        self._stopping = False
        self._started = False
        self._finished = Signal()

    def setup(self) -> None:
        self._settings = self.container.config["settings"]

    def register(self, entrypoint: Everywhere) -> None:
        self._handlers.append(entrypoint)
        self.health.register("kafka-fanout", self._check)

    def start(self) -> None:
        if self._handlers and not self._started:
            self._started = True
            self._lag = Lag(self.container.service_name, _GROUP, self._names())
            self.container.spawn_managed_thread(self._run, identifier="kafka.fanout")

    def stop(self) -> None:
        self._stopping = True
        if self._started:
            with eventlet.Timeout(self._settings.shutdown_grace_seconds, False):
                self._finished.wait()

    def _run(self) -> None:
        waits = pauses()
        while not self._stopping:
            try:
                self._pump(self._connect())
                waits = pauses()
            except KafkaError as away:
                metrics.counter(declared.OUTAGE_RETRIES).labels(self.container.service_name, "kafka").inc()
                self._away = str(away)
                _log.warning("kafka is away: %s", away)
                eventlet.sleep(next(waits))
            finally:
                self._close()
        if not self._finished.ready():
            self._finished.send()

    def _names(self) -> list[str]:
        return sorted({name for handler in self._handlers for name in handler.topics})

    def _connect(self) -> KafkaConsumer:
        brokers.reach(self._settings)
        names = self._names()
        if self._settings.create_topics:
            topics.ensure(self._settings, names)
        consumer = KafkaConsumer(
            **brokers.connection(self._settings),
            client_id=f"{self.container.service_name}-fanout",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metrics_enabled=False,  # the client's own, which nothing here reads and every message would pay for
        )
        partitions = [
            TopicPartition(name, number)
            for name in names
            for number in sorted(consumer.partitions_for_topic(name) or ())
        ]
        consumer.assign(partitions)
        self._rewind(consumer, partitions)
        self._behind = reading.ends(consumer, partitions)
        self._consumer = consumer
        return consumer

    def _rewind(self, consumer: KafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
        """On after what was seen, or to `rewind` ago on the first connection."""
        back = max(handler.rewind for handler in self._handlers)
        since = int((utcnow() - back).timestamp() * 1000)
        fresh = [partition for partition in partitions if partition not in self._seen]
        found = consumer.offsets_for_times(dict.fromkeys(fresh, since)) if fresh else {}
        for partition in partitions:
            if partition in self._seen:
                consumer.seek(partition, self._seen[partition] + 1)
            elif found.get(partition) is not None:
                consumer.seek(partition, max(found[partition].offset, 0))
            else:
                consumer.seek_to_end(partition)

    def _pump(self, consumer: KafkaConsumer) -> None:
        while not self._stopping:
            for partition, messages in consumer.poll(timeout_ms=_IDLE_MS).items():
                for message in messages:
                    self._hand_out(message)
                    self._seen[partition] = message.offset
            self._behind = {
                partition: end for partition, end in self._behind.items() if consumer.position(partition) < end
            }
            self._was_there = self._was_there or not self._behind
            self._lag.measure(consumer, {})

    def _hand_out(self, message: Any) -> None:
        if replayed_for(message.headers) is not None:
            return
        try:
            delivery = Delivery(
                decode(message.headers, message.value),
                message.topic,
                message.partition,
                message.offset,
            )
        except Undecodable as reason:
            _log.warning(
                "skipped %s/%s@%s: %s",
                message.topic,
                message.partition,
                message.offset,
                reason,
            )
            return
        for handler in self._handlers:
            if message.topic in handler.topics:
                self._call(handler, message, delivery)

    def _call(self, handler: Everywhere, message: Any, delivery: Delivery) -> None:
        """Hand it to the handler. What was said before we were there is read, but no trace is told of it once more."""
        if not self._was_there:
            self._work(handler, delivery, None)
            return
        with tracing.processing([(message, delivery.event)]) as ((event,), trace):
            self._work(handler, delivery._replace(event=event), trace)

    def _work(self, handler: Everywhere, delivery: Delivery, trace: Any) -> None:
        done = Signal()

        def finished(_worker: object, result: object, exc_info: Any) -> tuple[object, Any]:
            done.send(None)  # nameko has logged the failure; a live page goes on with the next event
            return result, exc_info

        self.container.spawn_worker(handler, (delivery,), {}, context_data={"trace": trace}, handle_result=finished)
        done.wait()

    def _check(self) -> str | None:
        """Counts at the start only, until everything is known that was said before it."""
        if self._was_there:
            return None
        return "what was said before is still being read" if self._consumer else f"not connected: {self._away}"

    def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._lag.forget()
        if consumer is not None:
            try:
                consumer.close(autocommit=False, timeout_ms=2_000)
            except KafkaError as away:
                _log.warning("closed without a word: %s", away)
