"""Whatever a fact says, within its contract: it comes back whole from the wire and from a document."""

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from contracts.codec import Undecodable, decode, from_document, record, to_document, to_message
from contracts.events import EVENTS, Fact
from contracts.examples import EXAMPLES

NOW = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
# As the store sets the driver: times come back with a zone.
AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds have no zone here


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:  # noqa: C901 - one case a type is the clearest
    """Any value that a field's type allows."""
    match kind:
        case inspect.Metadata(type=inner):
            return values(inner)
        case inspect.StrType(pattern=str() as pattern):
            return st.from_regex(pattern.removesuffix("$") + r"\Z")
        case inspect.StrType(min_length=least, max_length=most):
            return st.text(min_size=least or 0, max_size=min(most or 200, 200))
        case inspect.IntType(ge=least):
            return st.integers(least, 2**53)
        case inspect.FloatType(ge=least, le=most):
            return st.floats(least, most)
        case inspect.BoolType():
            return st.booleans()
        case inspect.DateTimeType():
            return INSTANTS
        case inspect.DateType():
            return st.dates(date(1700, 1, 1))
        case inspect.LiteralType(values=allowed):
            return st.sampled_from(allowed)
        case inspect.VarTupleType(item_type=item):
            return st.lists(values(item), max_size=5).map(tuple)
        case inspect.UnionType(types=kinds):
            return st.one_of(*map(values, kinds))
        case inspect.NoneType():
            return st.none()
        case inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: values(field.type) for field in fields})
    raise AssertionError(f"an event uses a type that this test does not know: {kind}")


def facts(event: str) -> st.SearchStrategy[Any]:
    """Any fact of the kind."""
    return values(inspect.type_info(EVENTS[event].cls))


@pytest.mark.parametrize("event", EVENTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data(), sequence=st.integers(1, 2**53), time=INSTANTS)
def test_every_record_comes_back_from_the_wire(event: str, data: st.DataObject, sequence: int, time: datetime) -> None:
    fact: Fact = data.draw(facts(event))
    sent = record(fact, source=EVENTS[event].owner, sequence=sequence, time=time)
    topic, key, value, headers = to_message(sent)
    read = decode(headers, value)
    assert read.data == fact
    assert (read.id, read.type, read.source, read.subject, read.sequence, read.time) == (
        sent.id,
        sent.type,
        sent.source,
        sent.subject,
        sequence,
        sent.time,
    )
    assert (topic, key.decode()) == (event, getattr(fact, EVENTS[event].key))


@pytest.mark.parametrize("event", EVENTS)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), sequence=st.integers(1, 2**53), time=INSTANTS)
def test_every_record_comes_back_from_a_document(
    event: str, data: st.DataObject, sequence: int, time: datetime
) -> None:
    sent = record(data.draw(facts(event)), source=EVENTS[event].owner, sequence=sequence, time=time)
    stored = bson.decode(bson.encode({"outbox": [to_document(sent)]}), AWARE)["outbox"][0]
    again = from_document(stored)
    assert again == sent
    assert to_message(again) == to_message(sent)
    assert from_document(stored | {"written_by_a_later_version": 1}) == sent


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=60), place=st.integers(0, 400), event=st.sampled_from(sorted(EVENTS)))
def test_a_damaged_message_is_read_or_refused_but_breaks_nothing(noise: bytes, place: int, event: str) -> None:
    _, _, value, headers = to_message(record(EXAMPLES[event], source="x", sequence=1, time=NOW))
    damaged = value[:place] + noise + value[place + len(noise) :]
    spoilt = dict(headers) | {headers[place % len(headers)][0]: noise}
    for attributes, content in ((dict(headers), damaged), (spoilt, value)):
        with suppress(Undecodable):
            decode(attributes.items(), content)
