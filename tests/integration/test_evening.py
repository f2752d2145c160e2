"""The evening as a person plays it: one command, and all of it holds."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from evening.audit import CHECKS
from stack.engines import start_broker, start_database

CLEAN_LINES = 7_608  # of the shelf shop's trace
DIRTY_LINES = 2_292


def evening(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evening", *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the evening of a small crowd wrote, and what librdkafka counts on the topics afterwards.

    The engines are the test's own, named to the evening by the two settings, so they outlive it.
    """
    directory = tmp_path_factory.mktemp("evening")
    broker, database = start_broker(directory), start_database(directory, directory / "mongodb")
    try:
        engines = {"KAFKA_BOOTSTRAP_SERVERS": broker.address, "MONGODB_URI": f"mongodb://{database.address}"}
        options = ("--viewers", "200", "--seed", "7", "--json", "found.json")
        played = evening(*options, cwd=directory, **engines)
        assert played.returncode == 0, played.stdout[-8_000:] + played.stderr[-2_000:]
        assert (directory / "build" / "evening.png").stat().st_size > 10_000
        whole: dict[str, Any] = json.loads((directory / "found.json").read_text())
        return whole | {"printed": played.stdout, "counted": counted(broker.address, whole["topics"])}
    finally:
        database.child.stop()
        broker.child.stop()


def counted(servers: str, topics: Iterable[str]) -> dict[str, int]:
    """Messages on each topic as another client, librdkafka, reads them from the beginning."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": "counter"})
    parts = [
        confluent_kafka.TopicPartition(name, part, confluent_kafka.OFFSET_BEGINNING)
        for name, topic in consumer.list_topics(timeout=10).topics.items()
        for part in topic.partitions
    ]
    consumer.assign(parts)
    totals: Counter[str] = Counter()
    while messages := consumer.consume(1_000, timeout=2.0):
        totals.update(message.topic() for message in messages if message.error() is None)
    consumer.close()
    return {name: totals[name] for name in topics}


pytestmark = pytest.mark.timeout(300)


def test_every_check_of_the_audit_holds(found: dict[str, Any]) -> None:
    assert [check["name"] for check in found["audit"] if not check["ok"]] == []
    assert len(found["audit"]) == len(CHECKS)


def test_the_reports_totals_agree_with_a_count_by_another_client(found: dict[str, Any]) -> None:
    assert found["counted"] == {name: totals["messages"] for name, totals in found["topics"].items()}
    assert found["counted"]["order.placed"] >= CLEAN_LINES


def test_both_shows_featured_all_their_slots_before_the_whole_audience(found: dict[str, Any]) -> None:
    assert [show["featured"] for show in found["shows"]] == [4, 4]
    assert sum(show["viewers"] for show in found["shows"]) == 1_150_000


def test_every_clean_line_of_the_trace_became_an_order_and_every_dirty_one_a_refusal(found: dict[str, Any]) -> None:
    shop = found["imports"]["uk-gift-shop"]
    assert shop["rows"] == 10_000
    assert found["orders"]["imported"] == CLEAN_LINES
    assert shop["refused"] >= DIRTY_LINES
    assert all(reason["reason"] and reason["samples"] for reason in shop["reasons"])


def test_the_late_and_the_greedy_were_refused_and_told_why(found: dict[str, Any]) -> None:
    assert {"window-closed", "per-buyer-limit"} <= set(found["refused"])


def test_the_rehearsal_had_orders_and_left_no_trace(found: dict[str, Any]) -> None:
    assert found["rehearsal"]["orders"] > 0
    assert next(check for check in found["audit"] if check["name"] == "rehearsal")["ok"]


def test_nothing_went_otherwise_than_planned(found: dict[str, Any]) -> None:
    assert found["trouble"] == []


def test_the_report_is_printed(found: dict[str, Any]) -> None:
    for word in ("The shows", "The slots", "The channels", "The counties", "The imports", "The audit holds."):
        assert word in found["printed"]


@pytest.mark.parametrize(
    "arguments", [("--viewers", "none"), ("--viewers", "0"), ("--speed", "0"), ("--json", "/proc/no/such"), ("--what",)]
)
def test_a_bad_option_is_one_line_and_exit_code_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    refused = evening(*arguments, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
