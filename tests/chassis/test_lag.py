"""How far behind a consumer is: of a handler that is stuck as well, and nothing is said while nobody knows."""

from datetime import UTC, datetime
from typing import Any

from tests.scraped import page, value

from chassis.testing import eventually
from contracts import metrics as declared
from contracts.events import AudienceSampled
from contracts.ids import new_id


def sample(channel: str = "web") -> AudienceSampled:
    now = datetime.now(UTC)
    return AudienceSampled(show_id=new_id(), rehearsal=False, channel=channel, viewers=1, sampled_at=now)


def test_a_handler_that_is_stuck_falls_behind_and_catches_up(ledger: Any, publish: Any, entries: Any) -> None:
    service = ledger(SLOW_CHANNEL="slow", SLOW_SECONDS="12")

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
