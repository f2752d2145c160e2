"""Reads topics to the end they really have, in no group. Judges nothing.

Asked for its end offsets, the embedded broker answers with the beginning of its last batch; what fetching tells (the
high watermark) is right on any broker. So an end is found by reading on until nothing more comes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from kafka import TopicPartition
from kafka.errors import LeaderNotAvailableError

_POLL_MS: Final = 100
_QUIET_POLLS: Final = 3


def partitions(consumer: Any, names: Iterable[str]) -> list[TopicPartition]:
    """All partitions of those of the topics that there are."""
    there = sorted(set(names) & consumer.topics())
    return [TopicPartition(name, part) for name in there for part in sorted(consumer.partitions_for_topic(name) or ())]


def ends(consumer: Any, parts: Sequence[TopicPartition], timeout_ms: int | None = None) -> dict[TopicPartition, int]:
    """Where partitions end, as the broker tells. Raises `KafkaError`, also where one of them has no leader.

    kafka-python 3.0.12 asks about those that have one, and then looks for the others in the answer: a `KeyError`.
    """
    try:
        told: dict[TopicPartition, int] = consumer.end_offsets(parts, timeout_ms=timeout_ms) if parts else {}
    except KeyError as missing:
        raise LeaderNotAvailableError(f"of {missing}") from missing
    return told


def to_the_end(
    consumer: Any, parts: list[TopicPartition], progress: Callable[[int], object] = lambda _: None
) -> Iterator[Any]:
    """Every message from where the consumer stands on; `progress` is told how many so far."""
    read = quiet = 0
    while quiet < _QUIET_POLLS or not _at_the_end(consumer, parts):
        batches = consumer.poll(timeout_ms=_POLL_MS, max_records=5_000)
        for batch in batches.values():
            yield from batch
            read += len(batch)
        quiet = 0 if batches else quiet + 1
        progress(read)


def _at_the_end(consumer: Any, parts: list[TopicPartition]) -> bool:
    told = ends(consumer, parts)
    return all(consumer.position(part) >= (consumer.highwater(part) or told[part]) for part in parts)
