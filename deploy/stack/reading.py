"""Reads topics from outside, to the end that `chassis.reading` finds. Judges nothing."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from chassis.reading import partitions, to_the_end


def messages(kafka: str, names: Iterable[str], progress: Callable[[int], object] = lambda _: None) -> Iterator[Any]:
    """Every message that is on these topics, in the order of each partition. `progress` is told how many so far."""
    yield from _read(kafka, names, progress, from_the_beginning=True)


def ends(kafka: str, names: Iterable[str]) -> dict[TopicPartition, int]:
    """The offset after the last message of each partition of these topics."""
    found: dict[TopicPartition, int] = {}
    for _ in _read(kafka, names, lambda _: None, from_the_beginning=False, positions=found):
        pass
    return found


def unread(kafka: str, group: str, names: Iterable[str]) -> dict[TopicPartition, int]:
    """How many messages a group has not committed yet, for each partition where there are some."""
    there = ends(kafka, names)
    consumer = KafkaConsumer(bootstrap_servers=kafka.split(","), group_id=group, enable_auto_commit=False)
    try:
        left = {part: end - (consumer.committed(part) or 0) for part, end in there.items()}
        return {part: number for part, number in left.items() if number > 0}
    finally:
        consumer.close(autocommit=False)


class Follower:
    """Reads topics on and on: what `more` gives begins where it last ended, and first where the topics end now."""

    def __init__(self, kafka: str, names: Iterable[str]) -> None:
        self._consumer = _consumer(kafka)
        self._parts = partitions(self._consumer, names)
        self._consumer.assign(self._parts)
        for part, end in self._consumer.end_offsets(self._parts).items():
            self._consumer.seek(part, end)
        for _ in self.more():
            pass

    def more(self) -> Iterator[Any]:
        """Every message that came since, to the real end."""
        return to_the_end(self._consumer, self._parts, lambda _: None)

    def close(self) -> None:
        self._consumer.close()


def _read(
    kafka: str,
    names: Iterable[str],
    progress: Callable[[int], object],
    *,
    from_the_beginning: bool,
    positions: dict[TopicPartition, int] | None = None,
) -> Iterator[Any]:
    consumer = _consumer(kafka)
    try:
        parts = partitions(consumer, names)
        consumer.assign(parts)
        for part, end in consumer.end_offsets(parts).items():
            consumer.seek(part, 0 if from_the_beginning else end)
        yield from to_the_end(consumer, parts, progress)
        if positions is not None:
            positions.update({part: consumer.position(part) for part in parts})
    finally:
        consumer.close()


def _consumer(kafka: str) -> Any:
    return KafkaConsumer(
        bootstrap_servers=kafka.split(","), group_id=None, enable_auto_commit=False, fetch_max_wait_ms=50
    )
