"""The outbox relay against a real broker and database: in order, at least once, the same id the second time."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka.errors import KafkaConnectionError
from mongoengine import StringField

from chassis.config import load
from chassis.mongo import Aggregate
from chassis.producer import Message, Producer
from chassis.relay import Relay
from chassis.testing import connected
from contracts.codec import decode, from_document, record, to_document
from contracts.events import AudienceSampled, StreamStarted
from contracts.ids import new_id

KILLED_AFTER_PUBLISHING = Path(__file__).with_name("killed_after_publishing.py")


class PublishingDoc(Aggregate):
    """An aggregate like a show: some events, keyed by its id."""

    id = StringField(primary_key=True)
    meta = {"collection": "samples", "db_alias": "outbox-test"}  # noqa: RUF012  mongoengine reads it once


class OtherPublishingDoc(Aggregate):
    """An aggregate of another kind; in the same collection, which spares a second set of helpers."""

    id = StringField(primary_key=True)
    meta = {"collection": "samples", "db_alias": "outbox-test"}  # noqa: RUF012  mongoengine reads it once


class Recorder:
    """A producer that remembers, and is away as often as it was told."""

    def __init__(self, away: int = 0) -> None:
        self.sent: list[Message] = []
        self.calls: list[int] = []
        self.away = away

    def send(self, messages: Sequence[Message]) -> None:
        if self.away:
            self.away -= 1
            raise KafkaConnectionError("away")
        self.calls.append(len(messages))
        self.sent.extend(messages)


@pytest.fixture
def documents(settings: dict[str, str]) -> Iterator[type[PublishingDoc]]:
    from chassis.config import Settings

    with connected(load(Settings, settings), "outbox-test", [PublishingDoc]):
        yield PublishingDoc


def events(show: str, count: int, age: timedelta = timedelta(0)) -> list[dict[str, Any]]:
    now = datetime.now(UTC) - age
    facts = [
        AudienceSampled(show_id=show, rehearsal=False, channel="web", viewers=number, sampled_at=now)
        for number in range(count)
    ]
    return [
        to_document(record(fact, source="broadcast", sequence=number + 1, time=now))
        for number, fact in enumerate(facts)
    ]


def insert(count: int = 2, age: timedelta = timedelta(0)) -> str:
    show = new_id()
    PublishingDoc._get_collection().insert_one({"_id": show, "version": count, "outbox": events(show, count, age)})
    return show


def outbox_of(show: str) -> list[Any]:
    found = PublishingDoc._get_collection().find_one({"_id": show})
    assert found is not None
    return list(found["outbox"])


def on_the_topic(servers: str, show: str, count: int) -> list[str]:
    """Ids of the first `count` messages of the show on audience.sampled."""
    consumer = KafkaConsumer("audience.sampled", bootstrap_servers=servers, auto_offset_reset="earliest", group_id=None)
    found: list[str] = []
    try:
        for _ in range(200):
            for messages in consumer.poll(timeout_ms=100).values():
                # other tests leave what cannot be decoded on this topic, under keys of their own
                found += [decode(m.headers, m.value).id for m in messages if m.key == show.encode()]
            if len(found) >= count:
                return found
        raise AssertionError(f"only {found} on the topic")
    finally:
        consumer.close()


def test_events_are_published_in_the_documents_order_and_then_removed(documents: Any) -> None:
    sender = Recorder()
    relay = Relay("broadcast", sender)
    shows = [insert(3), insert(1)]
    relay.publish(documents, shows)

    assert relay.run_once() == 4

    ids = [dict(headers)["ce_id"].decode() for _, _, _, headers in sender.sent]
    assert ids == [f"audience.sampled:{show}:1" for show in shows] + [
        f"audience.sampled:{shows[0]}:{n}" for n in (2, 3)
    ]
    assert relay.mark() == 4
    assert [outbox_of(show) for show in shows] == [[], []]
    assert relay.run_once() == relay.mark() == 0


def test_an_event_is_acknowledged_before_its_successor_is_sent(documents: Any) -> None:
    sender = Recorder()
    relay = Relay("broadcast", sender)
    relay.publish(documents, [insert(2), insert(2), insert(1)])
    relay.run_once()
    assert sender.calls == [3, 2]


def test_an_event_written_while_its_predecessor_is_published_follows_it_at_once(documents: Any) -> None:
    show = insert(1)

    class Meanwhile(Recorder):
        def send(self, messages: Sequence[Message]) -> None:
            super().send(messages)
            later = StreamStarted(
                show_id=show, show="s", programme="p", rehearsal=False, counties=(), channels=(),
                started_at=datetime.now(UTC),
            )  # fmt: skip
            item = to_document(record(later, source="broadcast", sequence=2, time=datetime.now(UTC)))
            if len(self.calls) == 1:
                documents._get_collection().update_one({"_id": show}, {"$push": {"outbox": item}})
                relay.publish(documents, [show])

    relay = Relay("broadcast", sender := Meanwhile())
    relay.publish(documents, [show])
    relay.run_once()
    assert [topic for topic, _, _, _ in sender.sent] == ["audience.sampled", "stream.started"]
    assert relay.mark() == 2, "both in one write"
    assert outbox_of(show) == []


def test_documents_told_of_while_others_are_published_have_their_turn_too(documents: Any) -> None:
    show, late = insert(1), insert(1)

    class Meanwhile(Recorder):
        def send(self, messages: Sequence[Message]) -> None:
            super().send(messages)
            if len(self.calls) == 1:
                insert_into(show)
                relay.publish(documents, [show])
                relay.publish(OtherPublishingDoc, [late])

    def insert_into(show: str) -> None:
        (again,) = events(show, 1)
        documents._get_collection().update_one({"_id": show}, {"$push": {"outbox": {**again, "id": f"{show}:again"}}})

    relay = Relay("broadcast", Meanwhile())
    relay.publish(documents, [show])
    assert relay.run_once() == 2
    assert relay.run_once() == 1
    relay.mark()
    assert outbox_of(show) == outbox_of(late) == []


def test_while_the_broker_is_away_events_stay_in_their_document(documents: Any) -> None:
    sender = Recorder(away=1)
    relay = Relay("broadcast", sender)
    show = insert(2)
    relay.publish(documents, [show])
    with pytest.raises(KafkaConnectionError):
        relay.run_once()
    assert len(outbox_of(show)) == 2
    assert relay.run_once() == 2
    relay.mark()
    assert outbox_of(show) == []


def test_what_waits_to_be_removed_is_not_published_again(documents: Any) -> None:
    relay = Relay("broadcast", sender := Recorder())
    show = insert(2, age=timedelta(minutes=1))
    relay.publish(documents, [show])
    relay.run_once()
    relay.publish(documents, [show])
    assert relay.sweep([documents]) == 0
    assert relay.run_once() == 0
    assert len(sender.sent) == 2


def test_what_was_handed_over_is_published_before_what_its_document_says_later(documents: Any) -> None:
    relay = Relay("broadcast", sender := Recorder())
    show, told = new_id(), []
    first, second = (from_document(item) for item in events(show, 2))
    documents._get_collection().insert_one({"_id": show, "version": 2, "outbox": [to_document(second)]})
    relay.publish(documents, [show])
    relay.send([[first]], lambda: told.append(len(sender.sent)))
    assert relay.run_once() == 2
    assert [dict(headers)["ce_id"].decode()[-1:] for _, _, _, headers in sender.sent] == ["1", "2"]
    assert told == [1], "told as soon as the broker has it, and once"


def test_what_was_handed_over_waits_out_an_outage_in_its_order_and_the_relay_says_that_it_is_behind() -> None:
    relay = Relay("broadcast", sender := Recorder(away=1))
    told: list[str] = []
    for show in ("a", "b"):
        relay.send([[from_document(item)] for item in events(show, 1)], partial(told.append, show))
    assert not relay.behind
    with pytest.raises(KafkaConnectionError):
        relay.run_once()
    assert (relay.behind, told) == (True, [])
    assert relay.run_once() == 2
    assert (relay.behind, told, [key for _, key, _, _ in sender.sent]) == (False, ["a", "b"], [b"a", b"b"])


def test_the_sweep_finds_what_was_left_behind_and_leaves_alone_what_is_fresh(documents: Any) -> None:
    relay = Relay("broadcast", sender := Recorder())
    old, fresh = insert(1, age=timedelta(minutes=1)), insert(1)
    assert relay.sweep([documents]) == 1
    relay.run_once()
    assert [key for _, key, _, _ in sender.sent] == [old.encode()]
    assert len(outbox_of(fresh)) == 1


def test_what_waits_for_the_broker_is_counted_with_its_age_until_the_broker_has_it(documents: Any) -> None:
    relay = Relay("broadcast", Recorder(away=2))
    assert (relay.waiting, relay.waiting_since) == (0, None)
    began = time.time()
    relay.send([[from_document(item) for item in events("a", 2)]], lambda: None)
    relay.publish(documents, [insert(1)])
    for _ in range(2):
        with pytest.raises(KafkaConnectionError):
            relay.run_once()
        assert relay.waiting == 3
        assert began <= (relay.waiting_since or 0) <= time.time()
    relay.run_once()
    assert (relay.waiting, relay.waiting_since) == (0, None), "what only waits to be removed is not behind"


def test_what_is_being_published_still_waits(documents: Any) -> None:
    counted: list[int] = []

    class Counting(Recorder):
        def send(self, messages: Sequence[Message]) -> None:
            super().send(messages)
            counted.append(relay.waiting)
            assert relay.waiting_since is not None

    relay = Relay("broadcast", Counting())
    relay.send([[from_document(item)] for item in events("a", 1)], lambda: None)
    relay.publish(documents, [insert(1)])
    relay.run_once()
    assert counted == [2, 1]


def test_what_a_dead_process_left_is_as_old_as_its_events(documents: Any) -> None:
    relay = Relay("broadcast", Recorder())
    insert(2, age=timedelta(minutes=5))
    insert(1, age=timedelta(minutes=1))
    relay.sweep([documents])
    assert relay.waiting == 2
    assert 300 <= time.time() - (relay.waiting_since or 0) < 330


def test_a_relay_killed_between_publishing_and_removing_publishes_the_same_id_again(
    documents: Any, settings: dict[str, str]
) -> None:
    show = insert(1, age=timedelta(minutes=1))
    killed = subprocess.run(
        [sys.executable, str(KILLED_AFTER_PUBLISHING), show], env={**settings}, timeout=60, check=False
    )
    assert killed.returncode == -9
    assert len(outbox_of(show)) == 1, "it was killed before it removed anything"

    from chassis.config import Settings

    producer = Producer(load(Settings, settings))
    relay = Relay("broadcast", producer)
    relay.sweep([documents])
    assert relay.run_once() == relay.mark() == 1
    producer.close()

    assert outbox_of(show) == []
    servers = settings["KAFKA_BOOTSTRAP_SERVERS"]
    assert on_the_topic(servers, show, 2) == [f"audience.sampled:{show}:1"] * 2
