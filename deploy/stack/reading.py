"""Reads topics to their real end, from outside and in no group. Judges nothing.

Asked for its end offsets, the embedded broker answers with the beginning of its last batch; what fetching tells (the
high watermark) is right on any broker. So an end is found by reading on until nothing more comes.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

_POLL_MS: Final = 100
_QUIET_POLLS: Final = 3


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
        self._parts = _partitions(self._consumer, names)
        self._consumer.assign(self._parts)
        for part, end in self._consumer.end_offsets(self._parts).items():
            self._consumer.seek(part, end)
        for _ in self.more():
            pass

    def more(self) -> Iterator[Any]:
        """Every message that came since, to the real end."""
        return _to_the_end(self._consumer, self._parts, lambda _: None)

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
        parts = _partitions(consumer, names)
        consumer.assign(parts)
        for part, end in consumer.end_offsets(parts).items():
            consumer.seek(part, 0 if from_the_beginning else end)
        yield from _to_the_end(consumer, parts, progress)
        if positions is not None:
            positions.update({part: consumer.position(part) for part in parts})
    finally:
        consumer.close()


def _consumer(kafka: str) -> Any:
    return KafkaConsumer(
        bootstrap_servers=kafka.split(","), group_id=None, enable_auto_commit=False, fetch_max_wait_ms=50
    )


def _to_the_end(consumer: Any, parts: list[TopicPartition], progress: Callable[[int], object]) -> Iterator[Any]:
    read = quiet = 0
    while quiet < _QUIET_POLLS or not _at_the_end(consumer, parts):
        batches = consumer.poll(timeout_ms=_POLL_MS, max_records=5_000)
        for batch in batches.values():
            yield from batch
            read += len(batch)
        quiet = 0 if batches else quiet + 1
        progress(read)


def _at_the_end(consumer: Any, parts: list[TopicPartition]) -> bool:
    told = consumer.end_offsets(parts)
    return all(consumer.position(part) >= (consumer.highwater(part) or told[part]) for part in parts)


def _partitions(consumer: Any, names: Iterable[str]) -> list[TopicPartition]:
    there = sorted(set(names) & consumer.topics())
    return [TopicPartition(name, part) for name in there for part in sorted(consumer.partitions_for_topic(name) or ())]
