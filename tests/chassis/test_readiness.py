"""Ready for work: what consumers wait for at the start, and that nothing later closes the doors again."""

from typing import Any

from kafka import TopicPartition

from chassis.fanout import Fanout
from chassis.kafka import Group

SHOWS = TopicPartition("stream.started", 0)


class Reading:
    """A consumer that is one message further with each poll, up to where it ends the fan-out."""

    def __init__(self, fanout: Fanout, polls: int) -> None:
        self._fanout = fanout
        self._left = polls
        self._read = 0

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:  # noqa: ARG002  as kafka-python calls it
        self._left -= 1
        self._read += 1
        self._fanout._stopping = self._left == 0
        return {}

    def position(self, _: TopicPartition) -> int:
        return self._read

    def close(self, **_: Any) -> None:
        """Nothing is open."""


class Member:
    """A consumer with partitions."""

    def assignment(self) -> set[TopicPartition]:
        return {SHOWS}


class Unmeasured:
    """How far behind a consumer is: nobody asks here."""

    def measure(self, *_: object) -> None: ...

    def forget(self) -> None: ...


def reading(polls: int, end: int) -> Fanout:
    fanout = Fanout()
    fanout._lag = Unmeasured()  # type: ignore[assignment]  # in its place
    fanout._behind = {SHOWS: end}
    fanout._consumer = consumer = Reading(fanout, polls)
    fanout._pump(consumer)
    return fanout


def test_a_replica_is_ready_when_it_knows_all_that_was_said_before_it_began() -> None:
    assert reading(polls=2, end=3)._check() == "what was said before is still being read"
    assert reading(polls=3, end=3)._check() is None


def test_a_broker_that_goes_away_later_makes_no_replica_unready() -> None:
    fanout = reading(polls=3, end=3)
    fanout._close()
    assert fanout._check() is None


def test_a_member_of_the_group_stays_ready_when_the_broker_goes_away() -> None:
    group = Group()
    group._away = "no broker"
    assert group._check() == "not connected: no broker"
    group._consumer = Member()
    assert group._check() is None
    group._consumer = None
    assert group._check() is None
