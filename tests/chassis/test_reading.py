"""Where topics end, when the broker cannot tell of all of them: an outage like any other, for whoever asks."""

from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import LeaderNotAvailableError

from chassis.lag import Lag
from chassis.reading import ends

LED, LEADERLESS = TopicPartition("order.paid", 0), TopicPartition("order.paid", 1)


class Consumer:
    """As kafka-python answers about partitions of which one has no leader."""

    def assignment(self) -> set[TopicPartition]:
        return {LED, LEADERLESS}

    def end_offsets(self, parts: list[TopicPartition], timeout_ms: int | None) -> dict[TopicPartition, int]:  # noqa: ARG002  as kafka-python calls it
        return {part: {LED: 7}[part] for part in parts}


def test_a_partition_without_a_leader_is_an_outage_and_no_mistake() -> None:
    with pytest.raises(LeaderNotAvailableError, match="partition=1"):
        ends(Consumer(), [LED, LEADERLESS])
    assert ends(Consumer(), [LED]) == {LED: 7}
    assert ends(Consumer(), []) == {}


def test_who_measures_how_far_they_are_behind_outlives_it(caplog: Any) -> None:
    lag = Lag("reader", "reader", ["order.paid"])
    with caplog.at_level("INFO", logger="chassis.lag"):
        lag.measure(Consumer(), {})  # type: ignore[arg-type]  # in its place
    assert "how far behind we are is not known now" in caplog.text
