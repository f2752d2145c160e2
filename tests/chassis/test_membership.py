"""A member of a consumer group goes on with a join that the client began and forgot."""

import secrets
from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer, KafkaProducer

from chassis.membership import finish_joining, joined
from chassis.testing import eventually
from stack.engines import Engines


@pytest.fixture
def member(engines: Engines) -> Iterator[KafkaConsumer]:
    """The only member of a group, on a topic with one message."""
    topic = f"membership-{secrets.token_hex(4)}"
    producer = KafkaProducer(bootstrap_servers=engines.kafka)
    producer.send(topic, b"first").get(30)
    producer.close()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=engines.kafka,
        group_id=topic,
        auto_offset_reset="earliest",
        session_timeout_ms=6_000,
        heartbeat_interval_ms=2_000,
        enable_auto_commit=False,
    )
    yield consumer
    consumer.close(autocommit=False)


def polled(member: KafkaConsumer, milliseconds: int) -> bool:
    found = bool(member.poll(milliseconds))
    finish_joining(member)
    return found


def test_a_join_whose_poll_is_over_before_the_brokers_answers_is_finished(member: KafkaConsumer) -> None:
    eventually(lambda: polled(member, 250), within=60)
    assert joined(member)
    before = member._coordinator._generation
    member._coordinator._assignment_snapshot = {}  # as if partitions had become known that it did not assign
    assert not joined(member)
    eventually(lambda: (polled(member, 1), joined(member))[1], within=60, every=0.001)
    assert member._coordinator._generation is not before  # its number is the broker's: the embedded one begins anew
    assert member._coordinator._heartbeat_enabled


def test_whoever_never_polled_is_no_member(member: KafkaConsumer) -> None:
    assert not joined(member)
    assert not joined(None)
