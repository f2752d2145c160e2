"""Which errors mean that an engine is away, so that every room waits or answers the same way.

Decides nothing about what to do.
"""

from collections.abc import Iterator
from typing import Final

from kafka.errors import KafkaError
from pymongo.errors import ConnectionFailure, ExecutionTimeout, WTimeoutError

MONGODB_AWAY: Final[tuple[type[Exception], ...]] = (
    ConnectionFailure,
    WTimeoutError,
    ExecutionTimeout,
)
KAFKA_AWAY: Final[tuple[type[Exception], ...]] = (KafkaError,)
ENGINE_AWAY: Final[tuple[type[Exception], ...]] = (*MONGODB_AWAY, *KAFKA_AWAY)


def engine_of(error: BaseException) -> str:
    """The engine an outage is about, as the metrics label it."""
    return "mongodb" if isinstance(error, MONGODB_AWAY) else "kafka"


def pauses(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Seconds to wait before each next try.

    Doubling, bounded. One process has one try under way, so no jitter is needed.
    """
    pause = first
    while True:
        yield pause
        pause = min(pause * 2, most)
