"""Our codec and the official CloudEvents SDK, both generations of it, read each other's Kafka messages."""

import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import CloudEvent as ElderEvent
from cloudevents.v1.kafka import KafkaMessage as ElderMessage
from cloudevents.v1.kafka import from_binary as elder_from_binary
from cloudevents.v1.kafka import to_binary as elder_to_binary

from contracts.codec import Undecodable, decode, record, to_message
from contracts.events import EVENTS
from contracts.examples import EXAMPLES

NOW = datetime(2018, 12, 3, 12, 0, 20, 250_000, tzinfo=UTC)


def sent(event: str) -> tuple[str, bytes, bytes, dict[str, bytes]]:
    """The example of an event as we put it on the wire."""
    owner = EVENTS[event].owner
    topic, key, value, headers = to_message(record(EXAMPLES[event], source=owner, sequence=12, time=NOW))
    return topic, key, value, dict(headers)


def by_sdk(event: str, **attributes: object) -> kafka.KafkaMessage:
    """The example of an event as the SDK puts it on the wire."""
    told = {"type": event, "source": "/elsewhere", "id": "e-1", "time": NOW, **attributes}
    data = json.loads(sent(event)[2])
    return kafka.to_binary_event(CloudEvent({name: value for name, value in told.items() if value is not None}, data))


@pytest.mark.parametrize("event", EVENTS)
def test_the_sdk_reads_our_messages(event: str) -> None:
    _, key, value, headers = sent(event)
    read = kafka.from_binary_event(kafka.KafkaMessage(headers, key, value))
    assert read.get_specversion() == "1.0"
    assert read.get_id() == f"{event}:{key.decode()}:12"
    assert read.get_source() == f"/shanhuo/{EVENTS[event].owner}"
    assert read.get_type() == event
    assert read.get_subject() == key.decode()
    assert read.get_time() == NOW
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("sequence") == "0000000012"
    assert read.get_extension("partitionkey") == key.decode()
    assert read.get_data() == json.loads(value)


@pytest.mark.parametrize("event", EVENTS)
def test_the_sdk_makes_the_same_message_of_what_it_read(event: str) -> None:
    _, key, value, headers = sent(event)
    again = kafka.to_binary_event(kafka.from_binary_event(kafka.KafkaMessage(headers, key, value)))
    assert again.key == key.decode()
    assert again.headers == headers
    assert decode(again.headers.items(), again.value) == decode(headers.items(), value)


@pytest.mark.parametrize("event", EVENTS)
def test_we_read_the_sdks_messages(event: str) -> None:
    message = by_sdk(event, subject="aggregate-1", sequence="0000000003", datacontenttype="application/json")
    read = decode(message.headers.items(), message.value)
    assert (read.id, read.type, read.source, read.subject) == ("e-1", event, "/elsewhere", "aggregate-1")
    assert read.sequence == 3
    assert read.time == NOW
    assert read.data == EXAMPLES[event]


@pytest.mark.parametrize("event", EVENTS)
def test_without_a_subject_the_key_field_is_the_subject(event: str) -> None:
    message = by_sdk(event)
    assert "ce_subject" not in message.headers
    read = decode(message.headers.items(), message.value)
    assert read.subject == getattr(EXAMPLES[event], EVENTS[event].key)


def test_without_a_sequence_the_sequence_is_0() -> None:
    message = by_sdk("order.placed")
    assert "ce_sequence" not in message.headers
    assert decode(message.headers.items(), message.value).sequence == 0


def test_without_a_content_type_the_data_are_json() -> None:
    message = by_sdk("order.placed")
    assert "content-type" not in message.headers
    assert decode(message.headers.items(), message.value).data == EXAMPLES["order.placed"]


def test_extensions_that_we_do_not_know_are_let_pass() -> None:
    message = by_sdk("order.placed", traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert decode(message.headers.items(), message.value).data == EXAMPLES["order.placed"]


def test_names_of_headers_are_read_in_any_case_as_the_sdk_does() -> None:
    message = by_sdk("order.placed")
    shouted = {name.upper(): value for name, value in message.headers.items()}
    assert kafka.from_binary_event(kafka.KafkaMessage(shouted, None, message.value)).get_id() == "e-1"
    assert decode(shouted.items(), message.value).id == "e-1"


def test_structured_mode_is_refused_by_its_name() -> None:
    message = kafka.to_structured_event(CloudEvent({"type": "order.placed", "source": "/elsewhere"}, {}))
    with pytest.raises(Undecodable, match="'application/cloudevents\\+json' is not application/json in binary mode"):
        decode(message.headers.items(), message.value)


@pytest.mark.parametrize("event", EVENTS)
def test_the_sdk_of_the_first_generation_reads_our_messages(event: str) -> None:
    _, key, value, headers = sent(event)
    read = elder_from_binary(ElderMessage(headers, key, value))
    assert read["id"] == f"{event}:{key.decode()}:12"
    assert read["time"] == "2018-12-03T12:00:20.250000Z"
    assert read.data == json.loads(value)


@pytest.mark.parametrize("event", EVENTS)
def test_we_read_messages_of_the_sdks_first_generation(event: str) -> None:
    attributes = {"type": event, "source": "/elsewhere", "id": "e-1", "datacontenttype": "application/json"}
    message = elder_to_binary(
        ElderEvent(attributes, json.loads(sent(event)[2])), key_mapper=lambda _: EVENTS[event].key
    )
    assert decode(message.headers.items(), message.value).data == EXAMPLES[event]
