"""`consume`: the door for events. A nameko entrypoint on kafka-python that commits after the work.

One consumer a process polls all topics of the service; each partition's records are one batch in a worker while the
partition is paused, so order holds and the group is never timed out. A message that cannot be digested goes to
`<topic>.dlq`; an outage is waited out. What a handler does is its own business: it must bear the same event twice.
See `digest.py` for what becomes of a batch.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import eventlet
from eventlet.event import Event as Signal
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata
from nameko.extensions import Entrypoint, SharedExtension

from chassis import brokers, metrics, topics
from chassis.digest import Digest
from chassis.drills import Drills
from chassis.fanout import Fanout
from chassis.health import Health
from chassis.lag import Lag
from chassis.membership import finish_joining, joined
from chassis.outages import pauses
from chassis.producer import Producer
from contracts import metrics as declared
from contracts.events import Fact, event_type

_log = logging.getLogger(__name__)
# A poll takes whatever was fetched (bounded in bytes of a partition). kafka-python 3.0.12 parks a partition that
# is paused with part of its records polled, and may never give the rest back: the partition stands still for ever.
_EVERYTHING = 1_000_000
_FETCHED_BYTES = 262_144  # some hundred events a partition: what a handler takes at once, and no heap of them in memory
_IDLE_MS = 250
_BUSY_SECONDS = 0.02


class Group(SharedExtension):
    """The service's membership in its consumer group.

    Polls, hands out batches, commits what is done, drains on stop.
    """

    health = Health()
    drills = Drills()

    def __init__(self) -> None:
        super().__init__()
        self._handlers: dict[str, list[Consume]] = {}
        self._consumer: KafkaConsumer | None = None
        self._away = "the broker has not been reached yet"
        self._busy: dict[TopicPartition, int | None] = {}
        self._begun: dict[TopicPartition, int] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._stopping = False
        self._started = False
        self._was_in = False
        self._finished = Signal()
        self._wake = Signal()

    def setup(self) -> None:
        self._settings = self.container.config["settings"]
        self._service = self.container.service_name
        self.group = self._settings.kafka_group or self._service
        self.drills.expect("poison-event", "consumer-stall")
        self._digest = Digest(
            self.container,
            self.group,
            Producer(self._settings),
            lambda: self._stopping,
            lambda topic: self.drills.strikes("poison-event", topic=topic),
        )

    def register(self, entrypoint: "Consume") -> None:
        for name in entrypoint.topics:
            self._handlers.setdefault(name, []).append(entrypoint)
        self.health.register("kafka", self._check)

    def start(self) -> None:
        if self._handlers and not self._started:
            self._started = True
            self._digest.expect(self._handlers)
            self._lag = Lag(self._service, self.group, self._handlers)
            self.container.spawn_managed_thread(self._run, identifier="kafka.group")

    def stop(self) -> None:
        """Let batches under way end, commit them, leave the group."""
        self._stopping = True
        if self._started:
            with eventlet.Timeout(self._settings.shutdown_grace_seconds, False):
                self._finished.wait()

    def _run(self) -> None:
        waits = pauses()
        while not self._stopping:
            try:
                self._join()
                waits = pauses()
                self._pump()
            except KafkaError as away:
                metrics.counter(declared.OUTAGE_RETRIES).labels(self._service, "kafka").inc()
                self._away = str(away)
                _log.warning("kafka is away: %s", away)
                eventlet.sleep(next(waits))
            finally:
                self._leave()
        if not self._finished.ready():
            self._finished.send()

    def _join(self) -> None:
        brokers.reach(self._settings)
        names = topics.of_service(self._service, self._handlers)
        if self._settings.create_topics:
            topics.ensure(self._settings, names)
        self._consumer = KafkaConsumer(
            **brokers.connection(self._settings),
            group_id=self.group,
            client_id=self._service,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=self._settings.kafka_session_timeout_ms,
            heartbeat_interval_ms=self._settings.kafka_session_timeout_ms // 3,
            max_poll_records=_EVERYTHING,
            max_partition_fetch_bytes=_FETCHED_BYTES,
            metrics_enabled=False,  # the client's own, which nothing here reads and every message would pay for
        )
        self._consumer.subscribe(sorted(self._handlers), listener=self._lag)

    def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._lag.forget()
        if consumer is not None:
            try:
                consumer.close(autocommit=False, timeout_ms=2_000)
            except KafkaError as away:
                _log.warning("left the group without a word: %s", away)

    def _pump(self) -> None:
        assert self._consumer is not None
        while not self._stopping or any(offset is None for offset in self._busy.values()):
            stalled = self._stall()
            records = {} if self._stopping else self._consumer.poll(timeout_ms=0 if self._busy else _IDLE_MS)
            finish_joining(self._consumer)
            for partition, messages in records.items():
                self._hand_out(partition, messages)
            if self._busy:
                self._await_work()
            self._commit_done()
            self._lag.measure(self._consumer, self._begun)
            self._resume_idle(stalled)
        self._commit_done()

    def _hand_out(self, partition: TopicPartition, messages: list[Any]) -> None:
        assert self._consumer is not None
        self._consumer.pause(partition)
        if partition in self._busy:  # came back to us in a rebalance while its batch is still under way
            self._consumer.seek(partition, messages[0].offset)
            return
        self._busy[partition], self._begun[partition] = None, messages[0].offset
        self.container.spawn_managed_thread(lambda: self._work(partition, messages), identifier="kafka.batch")

    def _work(self, partition: TopicPartition, messages: list[Any]) -> None:
        done = self._digest.batch(self._handlers[partition.topic], messages)
        self._busy[partition] = done
        if not self._wake.ready():
            self._wake.send()

    def _await_work(self) -> None:
        with eventlet.Timeout(_BUSY_SECONDS, False):
            self._wake.wait()
        if self._wake.ready():
            self._wake = Signal()

    def _commit_done(self) -> None:
        """Commit what is done. What a rebalance refuses is tried again while the partition is still ours.

        If it is not, its next owner gets the batch again, and twice is once.
        """
        assert self._consumer is not None
        for partition, offset in list(self._busy.items()):
            if offset is not None:
                self._uncommitted[partition] = offset
                del self._busy[partition], self._begun[partition]
        ours = self._consumer.assignment() if self._uncommitted else set()
        self._uncommitted = {partition: offset for partition, offset in self._uncommitted.items() if partition in ours}
        if not self._uncommitted:
            return
        offsets = {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in self._uncommitted.items()}
        try:
            self._consumer.commit(offsets)
            self._uncommitted = {}
        except KafkaError as refused:
            _log.warning("commit refused, tried again: %s", refused)

    def _stall(self) -> set[TopicPartition]:
        """What a drill lets stand still: not fetched, while the member goes on in its group."""
        assert self._consumer is not None
        ours = self._consumer.assignment()
        stalled = {partition for partition in ours if self.drills.on("consumer-stall", topic=partition.topic)}
        if stalled:
            self._consumer.pause(*stalled)
        return stalled

    def _resume_idle(self, stalled: set[TopicPartition]) -> None:
        """Fetch again where no batch is under way; a partition that a rebalance took and gave back is still paused."""
        assert self._consumer is not None
        idle = self._consumer.paused() - self._busy.keys() - stalled
        if idle:
            self._consumer.resume(*idle)

    def _check(self) -> str | None:
        """Counts at the start only: later, what the broker is away for waits, and no door is closed for it."""
        if self._was_in:
            return None
        if self._consumer is None:
            return f"not connected: {self._away}"
        self._was_in = bool(self._consumer.assignment()) or joined(self._consumer)
        return None if self._was_in else "no partitions assigned yet"


class Consume(Entrypoint):
    """`@consume(OrderPaid)`.

    One event at a time; `batch=n`: lists of up to n, one partition's, in order; `fanout`: see `Fanout`.
    """

    group = Group()
    fanout = Fanout()

    def __init__(
        self,
        *facts: type[Fact],
        batch: int = 0,
        fanout: bool = False,
        rewind: timedelta = timedelta(0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.topics = tuple(event_type(fact).name for fact in facts)
        self.batch = batch
        self.everywhere = fanout
        self.rewind = rewind

    def setup(self) -> None:
        if self.everywhere:
            self.fanout.register(self)
        else:
            self.group.register(self)

    def stop(self) -> None:
        (self.fanout if self.everywhere else self.group).stop()


def consume(
    *facts: type[Fact],
    batch: int = 0,
    fanout: bool = False,
    rewind: timedelta = timedelta(0),
) -> Callable[..., Any]:
    """Decorates the method that handles these events."""
    decorated: Callable[..., Any] = Consume.decorator(*facts, batch=batch, fanout=fanout, rewind=rewind)
    return decorated
