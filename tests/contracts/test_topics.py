"""How topics are kept: what others build from for long, what is stale soon for a while, the last of each key."""

from datetime import timedelta

import pytest

from contracts.events import EVENTS
from contracts.readers import readers_of
from contracts.topics import TOPICS, dead_letters, replicated

DAY_MS = 24 * 3600 * 1000


def test_every_event_has_its_topic() -> None:
    assert list(TOPICS) == [topic.name for topic in TOPICS.values()] == list(EVENTS)


@pytest.mark.parametrize("event", EVENTS)
def test_of_a_compacted_topic_the_last_of_each_key_is_kept_for_ever(event: str) -> None:
    configs = TOPICS[event].configs()
    if EVENTS[event].compacted:
        assert configs["cleanup.policy"] == "compact"
        assert "retention.ms" not in configs
    else:
        assert configs["cleanup.policy"] == "delete"
        assert int(configs["retention.ms"]) >= 7 * DAY_MS


@pytest.mark.parametrize("event", [event for event in EVENTS if readers_of(event)])
def test_what_is_read_outlives_a_reader_that_is_away_for_weeks(event: str) -> None:
    assert (TOPICS[event].retention or timedelta.max) >= timedelta(days=30)


@pytest.mark.parametrize("event", ["stock.allotted", "order.placed", "order.paid", "allotment.closed", "stream.ended"])
def test_what_the_books_are_made_of_outlives_a_year(event: str) -> None:
    assert TOPICS[event].retention == timedelta(days=400)


def test_dead_letters_lie_on_one_partition_until_somebody_ends_them_or_a_year_is_over() -> None:
    letters = dead_letters("order.placed")
    assert (letters.name, letters.partitions) == ("order.placed.dlq", 1)
    assert letters.configs() == {
        "cleanup.policy": "compact,delete",
        "retention.ms": str(400 * DAY_MS),
        "max.message.bytes": "1048588",
    }


@pytest.mark.parametrize(("replicas", "least"), [(1, 1), (2, 2), (3, 2), (5, 3)])
def test_what_is_acknowledged_is_kept_by_a_majority(replicas: int, least: int) -> None:
    assert replicated(replicas) == {
        "min.insync.replicas": str(least),
        "unclean.leader.election.enable": "false",
    }
