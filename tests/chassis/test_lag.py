"""How far behind a consumer is: of a handler that is stuck as well, and nothing is said while nobody knows."""

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError
from tests.scraped import here, page, value

from chassis.lag import Lag
from chassis.testing import eventually
from contracts import metrics as declared
from contracts.events import AudienceSampled
from contracts.ids import new_id


def sample(channel: str = "web") -> AudienceSampled:
    now = datetime.now(UTC)
    return AudienceSampled(show_id=new_id(), rehearsal=False, channel=channel, viewers=1, sampled_at=now)


def test_a_handler_that_is_stuck_falls_behind_and_catches_up(ledger: Any, publish: Any, entries: Any) -> None:
    service = ledger(SLOW_CHANNEL="slow", SLOW_SECONDS="20")

    def lag(**labels: str) -> float | None:
        return value(page(service.url), declared.CONSUMER_LAG, topic="audience.sampled", **labels)

    eventually(lambda: lag() == 0, within=20)
    ids = publish(*[sample("slow") for _ in range(30)])
    eventually(lambda: lag(service="ledger") == 30, within=20)
    eventually(lambda: entries.count_documents({"_id": {"$in": [f"batch {key}" for key in ids]}}) == 30, within=60)
    eventually(lambda: lag() == 0, within=20)


def test_each_replica_says_which_partitions_it_reads(ledger: Any, publish: Any) -> None:
    publish(sample())
    service = ledger()

    def assigned() -> float | None:
        return value(page(service.url), declared.CONSUMER_PARTITIONS, topic="audience.sampled")

    eventually(lambda: assigned() == 3, within=20)
    text = page(service.url)
    assert (value(text, declared.CONSUMER_REBALANCES, service="ledger") or 0) >= 1
    eventually(lambda: value(page(service.url), declared.CONSUMER_LAG, group="fanout") == 0, within=20)


def test_while_the_broker_is_away_no_lag_is_made_up(ledger: Any) -> None:
    service = ledger(ready=False, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    eventually(lambda: service.answers("/health/live"), within=20)
    eventually(lambda: (value(page(service.url), declared.OUTAGE_RETRIES, engine="kafka") or 0) >= 1, within=20)
    text = page(service.url)
    assert value(text, declared.CONSUMER_LAG) is None
    assert value(text, declared.CONSUMER_PARTITIONS) == 0


class SlowAtFirst:
    """A consumer whose broker does not say in time where its partition ends, the first time."""

    def __init__(self) -> None:
        self.asked = 0

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("audience.sampled", 0)}

    def end_offsets(self, parts: Iterable[TopicPartition], **_: Any) -> dict[TopicPartition, int]:
        self.asked += 1
        if self.asked == 1:
            raise KafkaTimeoutError("not in time")
        return dict.fromkeys(parts, 7)

    def highwater(self, _: TopicPartition) -> int:
        return 0

    def position(self, _: TopicPartition, **__: Any) -> int:
        return 3


def test_what_could_not_be_known_is_asked_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("chassis.lag.time", SimpleNamespace(monotonic=lambda: clock.now))
    lag, consumer = Lag("orders", "alone", ["audience.sampled"]), SlowAtFirst()

    def asked_at(seconds: float) -> tuple[int, float | None]:
        clock.now = 100.0 + seconds
        lag.measure(consumer, {})
        return consumer.asked, value(here(), declared.CONSUMER_LAG, group="alone")

    assert [asked_at(seconds) for seconds in (0, 0.5, 1.1)] == [(1, None), (1, None), (2, 4)]
    assert [asked_at(seconds)[0] for seconds in (3, 6, 6.2)] == [2, 2, 3]
    lag.forget()
