"""The Kafka door, with a real broker, database and service process: batches, order, dead letters, outages, stops."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer

from chassis.config import Settings, load
from chassis.producer import Producer
from chassis.testing import eventually
from contracts.codec import record, to_message
from contracts.events import AudienceSampled, ParcelScanned, StreamEnded, StreamStarted
from contracts.ids import new_id
from stack.engines import start_broker, start_database
from stack.processes import free_port


def sample(show: str, channel: str = "web") -> AudienceSampled:
    return AudienceSampled(show_id=show, rehearsal=False, channel=channel, viewers=1, sampled_at=datetime.now(UTC))


def ended(show: str) -> StreamEnded:
    now = datetime.now(UTC)
    return StreamEnded(
        show_id=show, show="s", programme="p", rehearsal=False, counties=(), started_at=now, ended_at=now
    )


def written(entries: Any, handler: str, ids: list[str]) -> bool:
    return entries.count_documents({"_id": {"$in": [f"{handler} {key}" for key in ids]}}) == len(ids)


def dead_letters(servers: str, topic: str, key: str) -> list[Any]:
    consumer = KafkaConsumer(f"{topic}.dlq", bootstrap_servers=servers, auto_offset_reset="earliest", group_id=None)
    try:
        found = [m for _ in range(5) for part in consumer.poll(timeout_ms=200).values() for m in part]
        return [message for message in found if dict(message.headers).get("dlq_key") == key.encode()]
    finally:
        consumer.close()


def test_a_batch_handler_gets_one_partitions_events_together(ledger: Any, entries: Any, publish: Any) -> None:
    ids = publish(*[sample(show) for show in [new_id()] for _ in range(50)])
    ledger()
    eventually(lambda: written(entries, "batch", ids))
    assert max(row["together"] for row in entries.find({"handler": "batch"})) > 1


def test_a_poisonous_event_goes_to_the_dead_letters_and_the_rest_goes_on(
    ledger: Any, entries: Any, publish: Any, settings: dict[str, str]
) -> None:
    ledger()
    show = new_id()
    first, _, last = publish(sample(show), sample(show, channel="poison"), sample(show))
    eventually(lambda: written(entries, "batch", [first, last]))

    (letter,) = eventually(lambda: dead_letters(settings["KAFKA_BOOTSTRAP_SERVERS"], "audience.sampled", show))
    headers = dict(letter.headers)
    assert b"poisonous channel" in headers["dlq_reason"]
    assert headers["dlq_attempts"] == b"3"
    assert headers["dlq_topic"] == b"audience.sampled"
    assert headers["dlq_group"].decode() == settings["KAFKA_GROUP"]
    assert headers["ce_id"].decode() == f"audience.sampled:{show}:2", "the message itself is untouched"


def test_what_cannot_be_decoded_goes_to_the_dead_letters_at_once(
    ledger: Any, entries: Any, publish: Any, settings: dict[str, str]
) -> None:
    ledger()
    show = new_id()
    producer = Producer(load(Settings, settings))
    topic, key, _, headers = to_message(record(sample(show), source="test", sequence=1, time=datetime.now(UTC)))
    producer.send([(topic, key, b'{"show_id": 7}', headers)])
    producer.close()
    ids = publish(sample(show))
    eventually(lambda: written(entries, "batch", ids))
    (letter,) = eventually(lambda: dead_letters(settings["KAFKA_BOOTSTRAP_SERVERS"], "audience.sampled", show))
    assert dict(letter.headers)["dlq_reason"].startswith(b"undecodable: ")
    assert letter.value == b'{"show_id": 7}'


def test_a_fanout_handler_sees_what_happened_before_it_started(ledger: Any, entries: Any, publish: Any) -> None:
    ids = publish(ended(new_id()))
    ledger()
    eventually(lambda: written(entries, "fanout-stream.ended", ids))


def test_a_stop_lets_the_batch_under_way_end_and_commits_it(ledger: Any, entries: Any, publish: Any) -> None:
    service = ledger(SLOW_SECONDS="1.5", SLOW_CHANNEL="stopped")
    ids = publish(sample(new_id(), channel="stopped"))
    eventually(lambda: service.busy_with(ids[0]))
    assert service.stop() == 0
    assert written(entries, "batch", ids)
    again = ledger()
    more = publish(sample(new_id()))
    eventually(lambda: written(entries, "batch", more))
    assert entries.find_one({"_id": f"batch {ids[0]}"})["times"] == 1, "it was committed, so it did not come again"
    again.stop()


def test_a_service_killed_in_its_work_gets_the_batch_again(ledger: Any, entries: Any, publish: Any) -> None:
    service = ledger(SLOW_SECONDS="30", SLOW_CHANNEL="killed")
    ids = publish(sample(new_id(), channel="killed"))
    eventually(lambda: service.busy_with(ids[0]))
    service.child.kill()
    assert not written(entries, "batch", ids)
    ledger()
    eventually(lambda: written(entries, "batch", ids), within=20)


def test_an_event_published_through_the_outbox_arrives(ledger: Any, entries: Any) -> None:
    service = ledger()
    show = new_id()
    assert httpx.post(f"{service.url}/samples", json={"show_id": show}).status_code == 204
    eventually(lambda: written(entries, "batch", [f"audience.sampled:{show}:1"]))


def test_a_service_started_before_its_broker_and_database_begins_when_they_are_there(
    ledger: Any, settings: dict[str, str], tmp_path: Path
) -> None:
    kafka, mongo = free_port(), free_port()
    service = ledger(
        ready=False, KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{kafka}", MONGODB_URI=f"mongodb://127.0.0.1:{mongo}"
    )
    eventually(lambda: service.answers("/health/live"), within=20)
    unready = httpx.get(f"{service.url}/health/ready")
    assert unready.status_code == 503
    assert httpx.post(f"{service.url}/samples", json={"show_id": "s"}).status_code == 503
    broker = start_broker(tmp_path, kafka)
    database = start_database(tmp_path, tmp_path / "mongodb", mongo)
    try:
        eventually(service.answers, within=30)
        assert httpx.post(f"{service.url}/samples", json={"show_id": new_id()}).status_code == 204
    finally:
        service.stop()
        broker.child.stop()
        database.child.stop()


def test_one_at_a_time_handlers_get_events_in_order_each_once(ledger: Any, entries: Any, publish: Any) -> None:
    ledger()
    now = datetime.now(UTC)
    show = new_id()
    facts = [
        StreamStarted(
            show_id=show, show="s", programme=f"p{n}", rehearsal=False, counties=(), channels=(), started_at=now
        )
        for n in range(5)
    ]
    ids = publish(*facts)
    eventually(lambda: written(entries, "single", ids))
    own = {
        "_id": {"$in": [f"single {key}" for key in ids]}
    }  # what others published may have come twice, in a rebalance
    assert [row["times"] for row in entries.find(own)] == [1] * 5


def test_a_rebalance_in_the_middle_of_work_leaves_no_partition_behind(ledger: Any, entries: Any, publish: Any) -> None:
    def some() -> list[str]:
        return [key for _ in range(12) for key in publish(sample(new_id(), channel="rebalanced"))]

    ledger(SLOW_SECONDS="0.5", SLOW_CHANNEL="rebalanced")
    ids = some()
    second = ledger(ready=False, SLOW_SECONDS="0.5", SLOW_CHANNEL="rebalanced")
    ids += some()
    eventually(second.answers, within=20)
    ids += some()
    assert second.stop() == 0
    ids += some()
    eventually(lambda: written(entries, "batch", ids), within=30)


def test_a_backlog_larger_than_many_polls_is_digested_to_its_end(ledger: Any, entries: Any, publish: Any) -> None:
    """kafka-python 3.0.12 never gave back what was left of a partition that was paused with some of it polled."""
    now = datetime.now(UTC)
    facts = [
        ParcelScanned(
            parcel_id=f"p{n % 40}", buyer_id="b" * 100, county="520123", order_ids=("o" * 100,), hub="h", scanned_at=now
        )
        for n in range(12_000)
    ]
    ours = {f"scanned {key}" for key in publish(*facts)}
    ledger()
    # The topic has what other tests said there, too.
    eventually(lambda: entries.count_documents({"handler": "scanned"}) >= len(ours), within=60)
    eventually(lambda: ours <= {row["_id"] for row in entries.find({"handler": "scanned"}, {"_id": 1})}, every=0.5)
