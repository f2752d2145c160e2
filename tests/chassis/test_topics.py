"""Topics are made as the contracts say, what is there is left alone, and what differs is told and mended by command."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from chassis import topics
from chassis.config import Settings, load
from chassis.topics import Difference
from chassis.topics.__main__ import main
from contracts.events import EVENTS
from contracts.topics import Topic, dead_letters


@pytest.fixture
def reachable(settings: dict[str, str]) -> Settings:
    return load(Settings, settings)


@pytest.fixture
def admin(reachable: Settings) -> Iterator[Any]:
    with closing(topics.client(reachable)) as admin:
        yield admin


@pytest.fixture
def topic(admin: Any) -> Iterator[Topic]:
    """The name and ways of a topic of the test's own, not made yet."""
    name = f"test.{secrets.token_hex(6)}"
    yield Topic(name, 2, compacted=True, retention=dead_letters("").retention)
    if name in admin.list_topics():
        admin.delete_topics([name])


def test_a_service_needs_what_it_owns_and_what_it_reads() -> None:
    names = topics.of_service("orders", ["stock.allotted"])
    assert "stock.allotted" in names
    assert {event.name for event in EVENTS.values() if event.owner == "orders"} < set(names)


def test_the_setting_of_partitions_is_for_events_and_not_for_their_dead_letters() -> None:
    enough = {"KAFKA_BOOTSTRAP_SERVERS": "b", "MONGODB_URI": "mongodb://m", "OIDC_ISSUER": "https://issuer.example"}
    by_contract = topics.wanted(["order.placed", "item.listed"], load(Settings, enough))
    assert [topic.partitions for topic in by_contract] == [6, 1, 3, 1]
    by_setting = topics.wanted(["order.placed"], load(Settings, {**enough, "KAFKA_TOPIC_PARTITIONS": "12"}))
    assert [(topic.name, topic.partitions) for topic in by_setting] == [("order.placed", 12), ("order.placed.dlq", 1)]


def test_what_is_made_differs_in_nothing_from_what_is_wanted(admin: Any, topic: Topic, reachable: Settings) -> None:
    assert list(topics.differences(admin, [topic], reachable)) == [Difference(topic.name)]
    topics.create(admin, [topic], reachable)
    topics.create(admin, [topic], reachable)  # another replica was quicker
    assert list(topics.differences(admin, [topic], reachable)) == []


def test_what_differs_is_told_and_mended(admin: Any, topic: Topic, reachable: Settings) -> None:
    topics.create(admin, [topic._replace(compacted=False)], reachable)
    (told,) = topics.differences(admin, [topic], reachable)
    assert str(told) == f"{topic.name}: cleanup.policy is delete, not compact,delete"
    topics.mend(admin, [told], [topic], reachable)
    assert list(topics.differences(admin, [topic], reachable)) == []


def test_partitions_do_not_become_fewer_and_copies_are_not_moved(admin: Any, topic: Topic, reachable: Settings) -> None:
    topics.create(admin, [topic], reachable)
    (fewer,) = topics.differences(admin, [topic._replace(partitions=1)], reachable)
    assert (str(fewer), fewer.mendable) == (f"{topic.name}: partitions is 2, not 1", False)
    topics.mend(admin, [fewer], [topic._replace(partitions=1)], reachable)
    assert list(topics.differences(admin, [topic], reachable)) == []


def test_a_cluster_with_other_copies_is_told_and_its_writes_are_not_stopped(
    admin: Any, topic: Topic, settings: dict[str, str], reachable: Settings
) -> None:
    topics.create(admin, [topic], reachable)
    copies = reachable.kafka_replication_factor
    more = load(Settings, {**settings, "KAFKA_REPLICATION_FACTOR": str(copies + 2)})
    (told,) = topics.differences(admin, [topic], more)
    assert str(told) == f"{topic.name}: replicas is {copies}, not {copies + 2}"


def test_the_command_answers_what_is_wrong_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAIN")
    assert main(["check"]) == 2
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    assert main(["check"]) == 1
    with pytest.raises(SystemExit) as wrong:
        main(["chek"])
    assert wrong.value.code == 2
    invalid, away, unknown = capsys.readouterr().err.strip().split("\n")
    assert invalid.startswith("topics: KAFKA_SECURITY_PROTOCOL is invalid")
    assert away == "topics: kafka is away or refuses: no connection: 111 ECONNREFUSED (127.0.0.1:1)"
    assert "chek" in unknown
