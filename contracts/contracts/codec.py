"""Events on the wire: CloudEvents 1.0, Kafka protocol binding, binary mode (attributes in `ce_*` headers, JSON data).

A `Record` is an event about to be published, as it rides in its aggregate's document; an `Event` is one that was
received. Knows bytes and headers, no Kafka client and no database.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from contracts import tracecontext
from contracts.events import EVENTS, EventType, Fact, event_type

Headers = list[tuple[str, bytes]]
_JSON: Final = msgspec.json.Encoder()
_DECODERS: Final = {name: msgspec.json.Decoder(event.cls) for name, event in EVENTS.items()}
_BY_TYPE: Final = {name.encode(): (event, _DECODERS[name]) for name, event in EVENTS.items()}
_INSTANT: Final = msgspec.json.Decoder(Annotated[datetime, msgspec.Meta(tz=True)])
_CONTENT_TYPE: Final = b"application/json"
# What breaks while reading bytes that are not ours; RecursionError is what data nested ten thousand deep end in.
_BROKEN: Final = (msgspec.MsgspecError, ValueError, RecursionError)
# `ce_sequence` sorts as text, which the CloudEvents sequence extension asks for; ten digits outlast any aggregate.
_SEQUENCE_DIGITS: Final = 10
_SEQUENCE_LIMIT: Final = 18  # what surely fits the 64 bits that documents keep it in


class Undecodable(ValueError):
    """The message is no event of ours, or its data break the contract; the text says what and where."""


class Unfit(ValueError):
    """The fact breaks its own contract, so that every reader would refuse it; the text says which field and why."""


class Record(msgspec.Struct, frozen=True):
    """An event about to be published. `id` is made from the fact, so the same fact published twice has the same id.

    `traceparent`: what it was made in, where that is traced.
    """

    id: str
    type: str
    source: str
    key: str
    subject: str
    sequence: int
    time: datetime
    data: bytes
    traceparent: str | None = None


class Event(msgspec.Struct, frozen=True):
    """An event that was received. `subject` is the aggregate's id, `sequence` counts that aggregate's events from 1.

    A `sequence` of 0 says that the producer, not one of ours, does not count. `traceparent`: the context that came with
    it, or for a handler what it is handled in; None where nobody traces.
    """

    id: str
    type: str
    source: str
    subject: str
    sequence: int
    time: datetime
    data: Any
    traceparent: str | None = None


def record(
    data: Fact,
    *,
    source: str,
    sequence: int,
    time: datetime,
    aggregate: str | None = None,
    traceparent: str | None = None,
) -> Record:
    """The event that says `data`, published by service `source` as number `sequence` of its aggregate.

    `aggregate` is the id of the document that counts the sequence, where that is not the field the event is keyed by.
    `traceparent` is the context that the event was made in.
    """
    kind = event_type(type(data))
    key = str(getattr(data, kind.key))
    subject = aggregate or key
    return Record(
        id=f"{kind.name}:{subject}:{sequence}",
        type=kind.name,
        source=f"/shanhuo/{source}",
        key=key,
        subject=subject,
        sequence=sequence,
        time=_whole_milliseconds(time),
        data=_fit(kind, data),
        traceparent=traceparent,
    )


def to_document(item: Record) -> dict[str, Any]:
    """The record as it rides in a document's outbox. Without a trace it says nothing of one: nothing grows by it."""
    document = msgspec.structs.asdict(item)
    if item.traceparent is None:
        del document["traceparent"]
    return document


def from_document(document: dict[str, Any]) -> Record:
    """The inverse of `to_document`. What a later version writes besides is passed over: releases are rolled back."""
    return Record(**{name: document[name] for name in Record.__struct_fields__ if name in document})


def to_message(item: Record) -> tuple[str, bytes, bytes, Headers]:
    """Topic, key, value and headers of the Kafka message that carries the record."""
    key = item.key.encode()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", item.id.encode()),
        ("ce_source", item.source.encode()),
        ("ce_type", item.type.encode()),
        ("ce_subject", item.subject.encode()),
        ("ce_time", item.time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()),
        ("ce_sequence", str(item.sequence).zfill(_SEQUENCE_DIGITS).encode()),
        ("ce_partitionkey", key),
        ("content-type", _CONTENT_TYPE),
    ]
    if item.traceparent is not None:  # for readers of CloudEvents, and for those who know only Kafka: they say the same
        context = tracecontext.of_publishing(item.traceparent, item.id).encode()
        headers += [("ce_traceparent", context), ("traceparent", context)]
    return item.type, key, item.data, headers


def decode(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> Event:
    """The event in a message. Raises `Undecodable` naming the missing attribute or the offending field.

    Reads what any producer of valid CloudEvents may leave out: without `ce_subject` the key field of the data is the
    subject, without `ce_sequence` the sequence is 0. `ce_time` is ours to ask for: ages of events are counted from it.
    """
    attributes = dict(headers)
    if "ce_specversion" not in attributes:  # the official SDK reads names of any case, so we do
        attributes = {name.lower(): content for name, content in attributes.items()}
    kind, decoder = _kind(attributes)
    try:
        data = decoder.decode(value or b"")
    except _BROKEN as broken:
        raise Undecodable(f"{kind.name}: {broken if value else 'no data'}") from broken
    return Event(
        id=_text(attributes, "ce_id"),
        type=kind.name,
        source=_text(attributes, "ce_source"),
        subject=_text(attributes, "ce_subject") if attributes.get("ce_subject") else str(getattr(data, kind.key)),
        sequence=_sequence(attributes.get("ce_sequence") or b"0"),
        time=_time(attributes),
        data=data,
        traceparent=_traceparent(attributes.get("ce_traceparent") or attributes.get("traceparent")),
    )


def _whole_milliseconds(time: datetime) -> datetime:
    """The time as a document gives it back: BSON keeps milliseconds, and a second copy must equal the first."""
    if time.tzinfo is None:
        raise Unfit(f"an event's time has a zone: {time.isoformat()}")
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _fit(kind: EventType, data: Fact) -> bytes:
    """The data in JSON, read back as a reader will: a bug is met where it is made, not in everybody's dead letters."""
    encoded = _JSON.encode(data)
    try:
        _DECODERS[kind.name].decode(encoded)
    except msgspec.ValidationError as broken:
        raise Unfit(f"{kind.name}: {broken}") from broken
    return encoded


def _kind(attributes: Mapping[str, bytes]) -> tuple[EventType, msgspec.json.Decoder[Any]]:
    content_type = attributes.get("content-type") or _CONTENT_TYPE
    if content_type != _CONTENT_TYPE and not _is_json(content_type):
        raise Undecodable(f"content-type {_shown(content_type)} is not application/json in binary mode")
    version = _text(attributes, "ce_specversion")
    if version != "1.0":
        raise Undecodable(f"ce_specversion {version!r} is not '1.0'")
    name = attributes.get("ce_type") or b""
    known = _BY_TYPE.get(name)
    if known is None:
        raise Undecodable(f"no such event type: {_shown(name)}" if name else "no attribute ce_type")
    return known


def _is_json(content_type: bytes) -> bool:
    """Whether a media type says JSON; parameters such as a charset do not matter, JSON is UTF-8 (RFC 8259)."""
    media = content_type.partition(b";")[0].strip().lower()
    structured = media.startswith(b"application/cloudevents")
    return not structured and (media == _CONTENT_TYPE or media.endswith(b"+json"))


def _text(attributes: Mapping[str, bytes], name: str) -> str:
    raw = attributes.get(name)
    if not raw:
        raise Undecodable(f"no attribute {name}")
    try:
        return raw.decode()
    except UnicodeDecodeError as broken:
        raise Undecodable(f"{name} is not UTF-8: {_shown(raw)}") from broken


def _sequence(raw: bytes) -> int:
    if not raw.isdigit() or len(raw) > _SEQUENCE_LIMIT:
        raise Undecodable(f"ce_sequence is not a whole number: {_shown(raw)}")
    return int(raw)


def _time(attributes: Mapping[str, bytes]) -> datetime:
    raw = attributes.get("ce_time")
    if not raw:
        raise Undecodable("no attribute ce_time")
    try:
        instant: datetime = _INSTANT.decode(b'"' + raw + b'"')
    except _BROKEN as broken:
        raise Undecodable(f"ce_time is not an RFC 3339 instant with a zone: {_shown(raw)}") from broken
    return instant


def _traceparent(raw: bytes | None) -> str | None:
    """What cannot be read is left out: no event is lost for a trace."""
    return tracecontext.read(raw.decode("latin-1")) if raw else None


def _shown(raw: bytes) -> str:
    """Foreign bytes as they may stand in a log line or a header: short, and with nothing that does not print."""
    return ascii(raw[:60].decode(errors="replace"))
