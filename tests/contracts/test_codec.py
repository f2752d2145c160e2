"""The codec reads what is sound, and says of the rest precisely what is wrong."""

from datetime import UTC, datetime, timedelta, timezone
from typing import cast

import msgspec
import pytest

from contracts.codec import Event, Headers, Undecodable, Unfit, decode, record, to_message
from contracts.events import AudienceSampled, ItemListed
from contracts.examples import EXAMPLES

NOW = datetime(2018, 12, 3, 12, 3, 0, 123_000, tzinfo=UTC)
SAMPLE = cast("AudienceSampled", EXAMPLES["audience.sampled"])
TOPIC, KEY, VALUE, HEADERS = to_message(record(SAMPLE, source="broadcast", sequence=7, time=NOW))


def with_header(name: str, content: bytes | None) -> Headers:
    """The sample's headers with one changed, or without it."""
    changed = dict(HEADERS) | ({name: content} if content is not None else {})
    return [(each, value) for each, value in changed.items() if each != name or content is not None]


def test_attributes_travel_in_headers_and_data_as_json() -> None:
    assert TOPIC == "audience.sampled"
    assert SAMPLE.show_id.encode() == KEY
    assert msgspec.json.decode(VALUE)["viewers"] == SAMPLE.viewers
    assert dict(HEADERS) == {
        "ce_specversion": b"1.0",
        "ce_id": f"audience.sampled:{SAMPLE.show_id}:7".encode(),
        "ce_source": b"/shanhuo/broadcast",
        "ce_type": b"audience.sampled",
        "ce_subject": KEY,
        "ce_time": b"2018-12-03T12:03:00.123000Z",
        "ce_sequence": b"0000000007",
        "ce_partitionkey": KEY,
        "content-type": b"application/json",
    }


def test_an_event_tells_all_that_was_sent() -> None:
    assert decode(HEADERS, VALUE) == Event(
        id=f"audience.sampled:{SAMPLE.show_id}:7",
        type="audience.sampled",
        source="/shanhuo/broadcast",
        subject=SAMPLE.show_id,
        sequence=7,
        time=NOW,
        data=SAMPLE,
    )


def test_sequences_sort_as_text_as_they_do_as_numbers() -> None:
    sent = [dict(to_message(record(SAMPLE, source="b", sequence=n, time=NOW))[3]) for n in (1, 2, 10, 11, 100)]
    texts = [headers["ce_sequence"] for headers in sent]
    assert texts == sorted(texts)


def test_the_same_fact_published_twice_is_the_same_message() -> None:
    again = to_message(record(SAMPLE, source="broadcast", sequence=7, time=NOW))
    assert again == (TOPIC, KEY, VALUE, HEADERS)


def test_another_aggregate_may_count_the_sequence() -> None:
    sent = record(EXAMPLES["demand.missed"], source="orders", sequence=3, time=NOW, aggregate="allotment-1")
    _, key, value, headers = to_message(sent)
    assert key == EXAMPLES["demand.missed"].item_id.encode()  # type: ignore[attr-defined]  # its own type has it
    assert decode(headers, value).subject == "allotment-1"
    assert decode(headers, value).id == "demand.missed:allotment-1:3"


def test_time_is_written_in_utc_to_the_millisecond() -> None:
    china = datetime(2018, 12, 3, 20, 3, 0, 123_456, tzinfo=timezone(timedelta(hours=8)))
    _, _, value, headers = to_message(record(SAMPLE, source="broadcast", sequence=7, time=china))
    assert dict(headers)["ce_time"] == b"2018-12-03T12:03:00.123000Z"
    assert decode(headers, value).time == NOW


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"])
@pytest.mark.parametrize("content", [None, b""])
def test_a_missing_attribute_is_named(name: str, content: bytes | None) -> None:
    with pytest.raises(Undecodable, match=f"no attribute {name}"):
        decode(with_header(name, content), VALUE)


def test_a_header_without_a_value_is_a_missing_one() -> None:
    with pytest.raises(Undecodable, match="no attribute ce_id"):
        decode([(name, None if name == "ce_id" else value) for name, value in HEADERS], VALUE)  # type: ignore[misc]  # Kafka allows it


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("ce_specversion", b"0.3", "ce_specversion '0.3' is not '1.0'"),
        ("ce_type", b"order.eaten", "no such event type: 'order.eaten'"),
        ("ce_type", b"\xff\n", r"no such event type: '\\ufffd\\n'"),
        ("ce_id", b"\xff", r"ce_id is not UTF-8: '\\ufffd'"),
        ("ce_time", b"yesterday", "ce_time is not an RFC 3339 instant with a zone: 'yesterday'"),
        ("ce_time", b"2018-12-03T12:00:00", "ce_time is not an RFC 3339 instant with a zone"),
        ("ce_sequence", b"seven", "ce_sequence is not a whole number: 'seven'"),
        ("ce_sequence", b"-1", "ce_sequence is not a whole number: '-1'"),
        ("ce_sequence", b"9" * 5000, "ce_sequence is not a whole number: '9{60}'$"),
        ("content-type", b"text/csv", "content-type 'text/csv' is not application/json in binary mode"),
        ("content-type", b"application/cloudevents+json", "is not application/json in binary mode"),
    ],
)
def test_a_wrong_attribute_is_named_with_what_is_wrong(name: str, content: bytes, told: str) -> None:
    with pytest.raises(Undecodable, match=told):
        decode(with_header(name, content), VALUE)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "audience.sampled: no data"),
        (b"", "audience.sampled: no data"),
        (b"not json", "audience.sampled: JSON is malformed"),
        (b"\xff", "audience.sampled: JSON is malformed"),
        (b"[]", "audience.sampled: Expected `object`, got `array`"),
        (b"{}", "audience.sampled: Object missing required field `show_id`"),
        (VALUE.replace(b"86000", b"-1"), r"audience.sampled: Expected `int` >= 0 - at `\$.viewers`"),
        (b'{"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "audience.sampled: maximum recursion depth"),
    ],
)
def test_wrong_data_are_named_with_the_field(value: bytes | None, told: str) -> None:
    with pytest.raises(Undecodable, match=told):
        decode(HEADERS, value)


@pytest.mark.parametrize(
    "content_type", [b"application/json; charset=utf-8", b"Application/JSON", b"application/x+json"]
)
def test_any_spelling_of_json_is_read(content_type: bytes) -> None:
    assert decode(with_header("content-type", content_type), VALUE).data == SAMPLE


def test_a_fact_that_readers_would_refuse_is_not_published() -> None:
    with pytest.raises(Unfit, match=r"audience.sampled: Expected `int` >= 0 - at `\$.viewers`"):
        record(msgspec.structs.replace(SAMPLE, viewers=-1), source="broadcast", sequence=1, time=NOW)


def test_a_fact_with_a_time_of_no_zone_is_not_published() -> None:
    naive = datetime(2018, 12, 3, 12, 0)  # noqa: DTZ001 - the mistake under test
    with pytest.raises(Unfit, match="sampled_at"):
        record(msgspec.structs.replace(SAMPLE, sampled_at=naive), source="broadcast", sequence=1, time=NOW)
    with pytest.raises(Unfit, match="an event's time has a zone"):
        record(SAMPLE, source="broadcast", sequence=1, time=naive)


def test_a_mistake_inside_a_list_is_named_by_its_place() -> None:
    item = EXAMPLES["item.listed"]
    assert isinstance(item, ItemListed)
    unnamed = msgspec.structs.replace(item.lots[0], lot="")
    with pytest.raises(Unfit, match=r"at `\$.lots\[0\].lot`"):
        record(msgspec.structs.replace(item, lots=(unnamed,)), source="catalog", sequence=1, time=NOW)
