"""Letters at the broker: reads those that wait, replays and discards. Decides nothing about which.

A replay is sent and acknowledged before the letter is ended. Killed in between, the letter waits still and is replayed
again: handlers bear the same event twice.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from itertools import groupby
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from chassis import brokers
from chassis.deadletters import letters
from chassis.deadletters.letters import Letter
from chassis.engines import BrokerSettings
from chassis.producer import Producer
from chassis.reading import partitions, to_the_end
from contracts.topics import DEAD_SUFFIX, TOPICS

Progress = Callable[[int], object]


class Post:
    """The letters of these topics, or of all."""

    def __init__(self, settings: BrokerSettings, topics: Iterable[str] = ()) -> None:
        self._names = [f"{topic}{DEAD_SUFFIX}" for topic in topics or TOPICS]
        brokers.reach(settings)
        self._consumer = KafkaConsumer(
            **brokers.connection(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            metrics_enabled=False,
        )
        self._producer = Producer(settings)
        self._parts: list[TopicPartition] = []
        self._waiting: list[Letter] = []

    def waiting(self, progress: Progress = lambda _: None) -> list[Letter]:
        """The letters that wait now, in the order they came; topics that came up since are read from the beginning."""
        fresh = [part for part in partitions(self._consumer, self._names) if part not in self._parts]
        if fresh:
            self._begin(fresh)
        read: list[Any] = list(to_the_end(self._consumer, self._parts, progress)) if self._parts else []
        self._waiting = letters.waiting(read, self._waiting)
        return in_order(self._waiting)

    def replay(self, letter: Letter) -> None:
        """Send it to its group once more and end it."""
        self._producer.send([letters.replay(letter)])
        self._producer.send([letters.tombstone(letter, "replayed")])

    def discard(self, letter: Letter) -> None:
        """End it."""
        self._producer.send([letters.tombstone(letter, "discarded")])

    def close(self) -> None:
        """Leave the broker."""
        self._producer.close()
        self._consumer.close(autocommit=False, timeout_ms=2_000)

    def _begin(self, fresh: list[TopicPartition]) -> None:
        stood = {part: self._consumer.position(part) for part in self._parts}
        self._parts = [*self._parts, *fresh]
        self._consumer.assign(self._parts)
        self._consumer.seek_to_beginning(*fresh)
        for part, offset in stood.items():
            self._consumer.seek(part, offset)


def in_order(found: Sequence[Letter]) -> list[Letter]:
    """By time, yet those of one topic as they stand on it: clocks of two services may differ."""
    by_topic = groupby(sorted(found, key=lambda letter: letter.topic), key=lambda letter: letter.topic)
    return list(merge(*(list(of_one) for _, of_one in by_topic), key=lambda letter: letter.at))
