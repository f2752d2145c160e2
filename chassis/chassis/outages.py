"""Which errors mean that an engine is away, so that every room waits or answers the same way.

Decides nothing about what to do.
"""

from collections.abc import Iterator
from typing import Final

from kafka.errors import KafkaError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    WriteConcernError,
    WTimeoutError,
)

MONGODB_AWAY: Final[tuple[type[Exception], ...]] = (
    ConnectionFailure,
    WTimeoutError,
    ExecutionTimeout,
)
KAFKA_AWAY: Final[tuple[type[Exception], ...]] = (KafkaError,)
ENGINE_AWAY: Final[tuple[type[Exception], ...]] = (*MONGODB_AWAY, *KAFKA_AWAY)
ENGINES: Final = ("kafka", "mongodb")
# UserNotFound, Unauthorized, AuthenticationFailed, and what Atlas says for any of them. A password that was changed on
# one side only is an outage to be waited out: no event and no request is at fault.
_NOT_LET_IN: Final = frozenset({11, 13, 18, 8000})
# InternalError, OutOfDiskSpace: the database cannot go on, whoever asks for whatever.
_UNWELL: Final = frozenset({1, 14031})


def is_away(error: BaseException) -> bool:
    """Whether an engine is away, unwell, or does not let us in: no event and no request is at fault.

    pymongo has no classes for the latter two, only codes: so where they must be told too, an `except` clause cannot.
    """
    return isinstance(error, ENGINE_AWAY) or not_let_in(error) or unwell(error)


def not_let_in(error: BaseException) -> bool:
    """Whether the database refuses who we are or what we may do."""
    return isinstance(error, OperationFailure) and error.code in _NOT_LET_IN


def unwell(error: BaseException) -> bool:
    """Whether the database says that it cannot go on, as with a full disk, or does not promise what it wrote."""
    if isinstance(error, BulkWriteError):
        codes = {one["code"] for one in error.details.get("writeErrors", ())}
        return bool(error.details.get("writeConcernErrors") or codes & _UNWELL)
    return isinstance(error, WriteConcernError) or (isinstance(error, OperationFailure) and error.code in _UNWELL)


def engine_of(error: BaseException) -> str:
    """The engine an outage is about, as the metrics label it: one of `ENGINES`."""
    kafka, mongodb = ENGINES
    return kafka if isinstance(error, KAFKA_AWAY) else mongodb


def pauses(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Seconds to wait before each next try.

    Doubling, bounded. One process has one try under way, so no jitter is needed.
    """
    pause = first
    while True:
        yield pause
        pause = min(pause * 2, most)
