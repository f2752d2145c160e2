"""Topics on Apache Kafka: made exactly as the contracts say, changed by no service, compared and mended by command."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chassis import topics
from chassis.config import load
from chassis.engines import BrokerSettings
from chassis.testing import eventually
from chassis.topics.__main__ import main
from contracts.events import EVENTS
from contracts.topics import TOPICS, dead_letters, replicated
from stack.containers.engines import start_kafka

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]  # a broker is started, in what time a busy machine has


@pytest.fixture(scope="module")
def settings(run_dir: Path) -> Iterator[BrokerSettings]:
    """A broker of these tests' own: they change what others rely on."""
    broker = start_kafka(run_dir)
    yield load(BrokerSettings, {"KAFKA_BOOTSTRAP_SERVERS": broker.address})
    broker.discard()


def test_topics_are_exactly_as_the_contracts_say_and_a_second_making_changes_nothing(settings: BrokerSettings) -> None:
    topics.ensure(settings, EVENTS)
    made = modified(settings)
    for wanted in [*TOPICS.values(), *map(dead_letters, EVENTS)]:
        assert made[wanted.name] == wanted.configs() | replicated(1)
    topics.ensure(settings, EVENTS)
    assert modified(settings) == made
    with closing(topics.client(settings)) as admin:
        there = {found["name"]: len(found["partitions"]) for found in admin.describe_topics()}
    assert {name: there[name] for name in EVENTS} == {name: topic.partitions for name, topic in TOPICS.items()}
    assert {there[f"{name}.dlq"] for name in EVENTS} == {1}


def modified(settings: BrokerSettings) -> dict[str, dict[str, str]]:
    """What was said of each topic, beyond the cluster's defaults."""
    names = [name for event in EVENTS for name in (event, f"{event}.dlq")]
    with closing(topics.client(settings)) as admin:
        told = admin.describe_configs([topics.ConfigResource("topic", name) for name in names])["topic"]
    return {name: {what: str(found["value"]) for what, found in told[name].items()} for name in names}


def test_an_operator_sees_drift_and_mends_it_by_command(
    settings: BrokerSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    assert main(["apply"]) == 0
    with closing(topics.client(settings)) as admin:
        admin.alter_configs([topics.ConfigResource("topic", "order.placed", {"retention.ms": "60000"})])
        admin.delete_topics(["item.listed.dlq"])
    capsys.readouterr()
    eventually(lambda: main(["check"]) == 1 and "item.listed.dlq: missing" in capsys.readouterr().out)
    main(["check"])
    told = capsys.readouterr().out
    assert told.splitlines() == [
        "item.listed.dlq: missing",
        f"order.placed: retention.ms is 60000, not {400 * 24 * 3600 * 1000}",
        f"2 differences in {2 * len(EVENTS)} topics",
    ]
    monkeypatch.setenv("KAFKA_TOPIC_PARTITIONS", "7")
    assert main(["apply"]) == 0
    assert "keys move" in capsys.readouterr().err
    eventually(lambda: main(["check"]) == 0)
    monkeypatch.delenv("KAFKA_TOPIC_PARTITIONS")
    assert main(["check"]) == 1  # they do not become fewer
    assert "order.placed: partitions is 7, not 6" in capsys.readouterr().out
