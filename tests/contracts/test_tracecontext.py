"""The context of a trace travels with an event, the same however often it is published, and spoils nothing."""

from datetime import UTC, datetime

import bson
import pytest
from cloudevents.core.bindings import kafka
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contracts import tracecontext
from contracts.codec import Record, decode, from_document, record, to_document, to_message
from contracts.examples import EXAMPLES

NOW = datetime(2018, 12, 3, 12, 0, 20, 250_000, tzinfo=UTC)
MADE_IN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def placed(traceparent: str | None = MADE_IN, sequence: int = 1) -> Record:
    example = EXAMPLES["order.placed"]
    return record(example, source="orders", sequence=sequence, time=NOW, traceparent=traceparent)


def headers_of(item: Record) -> dict[str, bytes]:
    return dict(to_message(item)[3])


def test_both_headers_say_the_span_that_publishes_the_event_in_the_trace_that_made_it() -> None:
    headers = headers_of(placed())
    said = headers["traceparent"].decode()
    assert headers["ce_traceparent"] == headers["traceparent"]
    assert said.split("-")[:2] == MADE_IN.split("-")[:2]
    assert said.split("-")[2] == tracecontext.span_id_of(placed().id) != MADE_IN.split("-")[2]
    assert said.endswith("-01")


def test_opentelemetry_and_the_cloudevents_sdk_read_the_same_context() -> None:
    _, key, value, headers = to_message(placed())
    theirs = kafka.from_binary_event(kafka.KafkaMessage(dict(headers), key, value)).get_extension("traceparent")
    extracted = TraceContextTextMapPropagator().extract({"traceparent": dict(headers)["traceparent"].decode()})
    context = get_current_span(extracted).get_span_context()
    assert theirs == f"00-{context.trace_id:032x}-{context.span_id:016x}-01" == decode(headers, value).traceparent


def test_published_again_from_its_document_it_is_the_same_message() -> None:
    stored = bson.decode(bson.encode(to_document(placed())))
    again = from_document(stored | {"time": NOW})
    assert to_message(again) == to_message(placed())


def test_two_events_made_at_once_are_published_by_two_spans() -> None:
    assert headers_of(placed())["traceparent"] != headers_of(placed(sequence=2))["traceparent"]


def test_where_nobody_traces_neither_document_nor_message_says_anything() -> None:
    assert "traceparent" not in to_document(placed(None))
    assert not {"traceparent", "ce_traceparent"} & headers_of(placed(None)).keys()
    _, _, value, headers = to_message(placed(None))
    assert decode(headers, value).traceparent is None


def test_a_foreign_producer_may_say_it_in_either_header() -> None:
    _, _, value, headers = to_message(placed(None))
    for name in ("ce_traceparent", "traceparent"):
        assert decode([(name, MADE_IN.encode()), *headers], value).traceparent == MADE_IN


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        MADE_IN.upper().encode(),
        MADE_IN.replace("4", "g").encode(),
        b"ff" + MADE_IN[2:].encode(),
        f"{MADE_IN}-more".encode(),
        f"00-{'0' * 32}-00f067aa0ba902b7-01".encode(),
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01".encode(),
    ],
)
def test_a_context_that_is_none_is_passed_over_and_the_event_is_read(spoilt: bytes) -> None:
    _, _, value, headers = to_message(placed(None))
    event = decode([*headers, ("ce_traceparent", spoilt)], value)
    assert event.data == EXAMPLES["order.placed"]
    assert event.traceparent is None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert tracecontext.read(f"cc{MADE_IN[2:]}-what-comes-later") == MADE_IN
    assert tracecontext.read(f"{MADE_IN[:-2]}03") == MADE_IN
    assert not tracecontext.is_sampled(tracecontext.read(f"{MADE_IN[:-2]}02") or "")
