"""How far a consumer is behind, told as gauges. Asks the broker for the ends of its partitions now and then.

The ends that a client learns as it fetches do not do: while a batch is under way its partition is not fetched, and a
handler that is stuck would look as if it had kept up.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from chassis import metrics, reading
from contracts import metrics as declared

_log = logging.getLogger(__name__)
_EVERY_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 1.0  # when it could not be known: what is told until then is out of date
_PATIENCE_MS: Final = 500  # the batches of this consumer wait meanwhile


class Lag(ConsumerRebalanceListener):
    """Of one consumer of a process, by topic. To be used where the consumer is polled: a client has one user."""

    def __init__(self, service: str, group: str, topics: Iterable[str]) -> None:
        self._labels = service, group
        self._topics = sorted(topics)
        metrics.counter(declared.CONSUMER_REBALANCES).labels(*self._labels)
        self.forget()

    def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002  kafka-python's signature
        """The group gave out its partitions anew."""
        metrics.counter(declared.CONSUMER_REBALANCES).labels(*self._labels).inc()
        self._due = 0.0

    def on_partitions_revoked(self, revoked: object) -> None:
        """What is left is measured when the new ones are known."""

    def measure(self, consumer: KafkaConsumer, begun: Mapping[TopicPartition, int]) -> None:
        """Say how far behind it is, if it was not said lately. `begun`: where batches that are under way begin."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _EVERY_SECONDS
        partitions = sorted(consumer.assignment())
        try:
            behind = _behind(consumer, reading.ends(consumer, partitions, _PATIENCE_MS), begun)
        except KafkaError as away:  # whoever polls meets it as well, and waits it out
            _log.info("how far behind we are is not known now: %s", away)
            self._due = time.monotonic() + _AGAIN_SECONDS
            return
        self._tell(partitions, behind)

    def forget(self) -> None:
        """It reads nothing now, and how far behind it is nobody knows."""
        self._due = 0.0
        for topic in self._topics:
            metrics.gauge(declared.CONSUMER_PARTITIONS).labels(*self._labels, topic).set(0)
            metrics.gauge(declared.CONSUMER_LAG).remove(*self._labels, topic)

    def _tell(self, partitions: Iterable[TopicPartition], behind: Mapping[str, int]) -> None:
        assigned = Counter(partition.topic for partition in partitions)
        for topic in self._topics:
            metrics.gauge(declared.CONSUMER_PARTITIONS).labels(*self._labels, topic).set(assigned[topic])
            metrics.gauge(declared.CONSUMER_LAG).labels(*self._labels, topic).set(behind.get(topic, 0))


def _behind(
    consumer: KafkaConsumer, ends: Mapping[TopicPartition, int], begun: Mapping[TopicPartition, int]
) -> dict[str, int]:
    """Records of each topic that are not handled. Raises `KafkaError` where the consumer does not know its place."""
    behind: Counter[str] = Counter()
    for partition, end in ends.items():
        # The embedded broker takes the beginning of the last batch for the end; fetching tells it right.
        there = max(end, consumer.highwater(partition) or 0)
        done = begun[partition] if partition in begun else _position(consumer, partition)
        behind[partition.topic] += max(0, there - done)
    return dict(behind)


def _position(consumer: KafkaConsumer, partition: TopicPartition) -> int:
    """Where it reads on. Not to be had is not to be waited for again: there may be a hundred partitions more."""
    try:
        position: int | None = consumer.position(partition, timeout_ms=_PATIENCE_MS)
    except (AssertionError, KeyError) as taken:  # by a rebalance, since we asked which are ours
        raise UnknownTopicOrPartitionError(str(partition)) from taken
    if position is None:
        raise KafkaTimeoutError(f"no position in {partition}")
    return position
