"""Events on the wire: CloudEvents 1.0, Kafka protocol binding, binary mode (attributes in `ce_*` headers, JSON data).

A `Record` is an event about to be published, as it rides in its aggregate's document; an `Event` is one that was received.
Knows bytes and headers, no Kafka client and no database.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from contracts.events import EVENTS, Fact, event_type

Headers = list[tuple[str, bytes]]
_JSON: Final = msgspec.json.Encoder()
_DECODERS: Final = {name: msgspec.json.Decoder(event.cls) for name, event in EVENTS.items()}
_CONTENT_TYPE: Final = b"application/json"


class Undecodable(ValueError):
    """The message is no event of ours, or its data break the contract; the text says what and where."""


class Record(msgspec.Struct, frozen=True):
    """An event about to be published. `id` is made from the fact, so the same fact published twice has the same id."""

    id: str
    type: str
    source: str
    key: str
    subject: str
    sequence: int
    time: datetime
    data: bytes


class Event(msgspec.Struct, frozen=True):
    """An event that was received. `subject` is the aggregate's id, `sequence` counts that aggregate's events from 1."""

    id: str
    type: str
    source: str
    subject: str
    sequence: int
    time: datetime
    data: Any


def record(data: Fact, *, source: str, sequence: int, time: datetime, aggregate: str | None = None) -> Record:
    """The event that says `data`, published by service `source` as number `sequence` of its aggregate.

    `aggregate` is the id of the document that counts the sequence, where that is not the field the event is keyed by.
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
        time=time,
        data=_JSON.encode(data),
    )


def to_document(item: Record) -> dict[str, Any]:
    """The record as it rides in a document's outbox."""
    return msgspec.structs.asdict(item)


def from_document(document: dict[str, Any]) -> Record:
    """The inverse of `to_document`."""
    return Record(**document)


def to_message(item: Record) -> tuple[str, bytes, bytes, Headers]:
    """Topic, key, value and headers of the Kafka message that carries the record."""
    attributes = {
        "specversion": "1.0",
        "id": item.id,
        "source": item.source,
        "type": item.type,
        "subject": item.subject,
        "time": item.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "sequence": str(item.sequence),
        "partitionkey": item.key,
    }
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    headers.append(("content-type", _CONTENT_TYPE))
    return item.type, item.key.encode(), item.data, headers


def decode(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> Event:
    """The event in a message. Raises `Undecodable` naming the missing attribute or the offending field."""
    attributes = dict(headers)
    try:
        name = attributes["ce_type"].decode()
        data = _DECODERS[name].decode(value or b"")
        return Event(
            id=attributes["ce_id"].decode(),
            type=name,
            source=attributes["ce_source"].decode(),
            subject=attributes["ce_subject"].decode(),
            sequence=int(attributes["ce_sequence"]),
            time=datetime.fromisoformat(attributes["ce_time"].decode()),
            data=data,
        )
    except KeyError as missing:
        raise Undecodable(f"no such attribute or event type: {missing}") from missing
    except (msgspec.MsgspecError, ValueError) as broken:
        raise Undecodable(str(broken)) from broken
