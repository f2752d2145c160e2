"""How the topic of each event is kept: its partitions, for how long, how large a message may be.

Pure, and the one source: services make their topics so, `python -m chassis.topics` compares a cluster with it, and
AsyncAPI and the table of events tell it. A topic's name is its event's.
"""

from datetime import timedelta
from typing import Final, NamedTuple

from contracts.events import EVENTS, EventType

DEAD_SUFFIX: Final = ".dlq"

_FOR_EVER: Final = None
# What others build their state and the county its books from: a year, and the time to miss it. A copy that is lost, or
# a service that is new, is filled from the beginning.
_BOOKS: Final = timedelta(days=400)
# What is acted on once and is stale then: the longest that a reader may be away.
_NEWS: Final = timedelta(days=30)
# What nobody would read later.
_MOMENTS: Final = timedelta(days=7)

_KEPT: Final[dict[str, timedelta]] = {
    "item.featured": _NEWS,  # a price window that is over
    "audience.sampled": _MOMENTS,
    "channel.order.received": _NEWS,  # each is answered by an order, or by its refusal
    "order.declined": _NEWS,
    "waitlist.offered": _NEWS,
    "demand.missed": _NEWS,  # added up in catalog's signals as it comes
    "parcel.scanned": _NEWS,
}
# What comes by the hundreds a second while an item is on screen. More partitions than that cost each reader time, and
# nothing else: how many replicas of a service can share its work is what they bound.
_BUSY: Final = frozenset({"order.placed", "order.paid", "order.cancelled", "channel.order.received"})
_PARTITIONS: Final = 3
_BUSY_PARTITIONS: Final = 6
# Kafka's own default, said here so that a cluster that differs takes what its neighbour takes.
_MOST_BYTES: Final = 1_048_588


class Topic(NamedTuple):
    """A topic as it should be. Compacted: the last message of each key is kept; retention: how long the others are."""

    name: str
    partitions: int
    compacted: bool
    retention: timedelta | None

    @property
    def policy(self) -> list[str]:
        """Kafka's cleanup policy."""
        return [*(["compact"] if self.compacted else []), *(["delete"] if self.retention else [])]

    def configs(self) -> dict[str, str]:
        """Kafka's settings of it, whatever the cluster."""
        kept = {"retention.ms": str(milliseconds(self.retention))} if self.retention else {}
        return {"cleanup.policy": ",".join(self.policy), **kept, "max.message.bytes": str(_MOST_BYTES)}


def replicated(replicas: int) -> dict[str, str]:
    """Kafka's settings that keep what was acknowledged, for that many copies of each partition.

    A majority has it (1 of 1, 2 of 3), and who lacks it never becomes the leader.
    """
    return {"min.insync.replicas": str(replicas // 2 + 1), "unclean.leader.election.enable": "false"}


def milliseconds(time: timedelta) -> int:
    """A time as Kafka counts it."""
    return time // timedelta(milliseconds=1)


def dead_letters(event: str) -> Topic:
    """Where groups put what they could not digest of an event: keyed by the letter's own id, ended by a tombstone.

    One partition, for there are few, and people read them in their order.
    """
    return Topic(f"{event}{DEAD_SUFFIX}", 1, compacted=True, retention=_BOOKS)


def _topic(event: EventType) -> Topic:
    return Topic(
        event.name,
        _BUSY_PARTITIONS if event.name in _BUSY else _PARTITIONS,
        event.compacted,
        _FOR_EVER if event.compacted else _KEPT.get(event.name, _BOOKS),
    )


TOPICS: Final[dict[str, Topic]] = {name: _topic(event) for name, event in EVENTS.items()}
