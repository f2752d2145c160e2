"""The nouns of `model/` as documents: the guarded write with the outbox in it, lists of ids in digestible pieces."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from mongoengine import Document
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from chassis import tracing
from chassis.refusals import Unavailable
from contracts.codec import Record, record, to_document
from contracts.events import Fact
from orders.model import Change

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
DUPLICATE: Final = 11000
GIVEN_UP: Final = "given_up"  # a document with this is none: it keeps its id from ever being one
AT_ONCE: Final = 50  # ids in one $in: longer lists were slower on the embedded engine, and no faster on others
WRITTEN_AT_ONCE: Final = 250  # others write too, and a command is one transaction in the database's cache
# A search for what is old has a lower bound too: without it the embedded engine reads all that have no such field.
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SOURCE: Final = "orders"
_TRIES: Final = 50


class Relays(Protocol):
    """What a store needs of the outbox relay."""

    @property
    def behind(self) -> bool: ...

    def precede(self, document: type[Document], first: Callable[[Sequence[str]], None]) -> None: ...

    def publish(self, document: type[Document], ids: Iterable[str]) -> None: ...

    def send(self, boxes: Sequence[Sequence[Record]], then: Callable[[], None]) -> None: ...


def pieces(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """The items, at most `size` at a time."""
    everything = list(items)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def encoded(value: Any) -> Any:
    """A noun, or lists and dicts of them, as MongoDB takes it."""
    return msgspec.to_builtins(value, builtin_types=(datetime,))


def document_of(noun: msgspec.Struct) -> dict[str, Any]:
    """A noun as a new document; what it does not have is left out."""
    return {name: value for name, value in encoded(noun).items() if value not in (None, [], {})}


def records_of(
    aggregate: str, facts: Sequence[Fact], last_version: int, at: datetime, traceparent: str | None
) -> list[Record]:
    """The facts as events made in that context, the last of them numbered as the document's version."""
    first = last_version - len(facts) + 1
    return [
        record(fact, source=_SOURCE, sequence=first + n, time=at, aggregate=aggregate, traceparent=traceparent)
        for n, fact in enumerate(facts)
    ]


def outbox_of(
    aggregate: str, facts: Sequence[Fact], last_version: int, at: datetime, traceparent: str | None = None
) -> list[dict[str, Any]]:
    """The events as they ride in their document, made in that context or in what is being done."""
    trace = traceparent or (tracing.here() if facts else None)
    return [to_document(item) for item in records_of(aggregate, facts, last_version, at, trace)]


def update_of(change: Change) -> dict[str, Any]:
    """The update that a change is: one write with its events. A field that is set to None is taken away."""
    fields = encoded(dict(change.fields)) | {"version": change.new_version}
    update: dict[str, Any] = {"$set": {name: value for name, value in fields.items() if value is not None}}
    if gone := {name: "" for name, value in fields.items() if value is None}:
        update["$unset"] = gone
    append = {name: encoded(values) for name, values in change.append.items()}
    append["outbox"] = outbox_of(change.id, change.facts, change.new_version, change.at, change.traceparent)
    if pushed := {name: {"$each": values} for name, values in append.items() if values}:
        update["$push"] = pushed
    return update


def guard(change: Change) -> dict[str, Any]:
    """Only if nobody else has changed the document since it was read."""
    return {"_id": change.id, "version": change.version}


def pause(attempt: int) -> None:
    """Wait a little, longer each time and never the same, so that those who collided do not collide again."""
    time.sleep(random.uniform(0.001, min(0.004 * (attempt + 1), 0.05)))


class Applied(NamedTuple, Generic[S]):
    """A noun after a rule was applied to it (None: there is none), and the change, if there was any."""

    noun: S | None
    change: Change | None


class Rows(Generic[S]):
    """One collection of one kind of noun."""

    def __init__(self, document: type[Document], noun: type[S], relay: Relays) -> None:
        self._document = document
        self._noun = noun
        self._relay = relay

    @property
    def collection(self) -> Collection[dict[str, Any]]:
        """The collection itself, for the hot paths."""
        collection: Collection[dict[str, Any]] = self._document._get_collection()
        return collection

    def get(self, key: str) -> S | None:
        """The one with this id."""
        found = self.collection.find_one({"_id": key}, {"outbox": 0})
        return None if found is None or GIVEN_UP in found else msgspec.convert(found, self._noun)

    def many(self, keys: Iterable[str]) -> list[S]:
        """Those of these ids that exist."""
        return [one for piece in pieces(keys) for one in self.find({"_id": {"$in": piece}})]

    def find(self, query: Mapping[str, Any], limit: int = 0, sort: str | None = None) -> list[S]:
        """All that match, or the first `limit`."""
        cursor = self.collection.find(query, {"outbox": 0})
        if sort:
            cursor = cursor.sort(sort, 1)
        return [msgspec.convert(found, self._noun) for found in cursor.limit(limit) if GIVEN_UP not in found]

    def ids(self, query: Mapping[str, Any], limit: int = 0) -> list[str]:
        """The ids of all that match, or of the first `limit`."""
        return [found["_id"] for found in self.collection.find(query, {"_id": 1}).limit(limit)]

    def existing(self, keys: Iterable[str]) -> set[str]:
        """Those of these ids that exist."""
        return {key for piece in pieces(keys) for key in self.ids({"_id": {"$in": piece}, GIVEN_UP: None})}

    def change(self, change: Change) -> bool:
        """Write it if nobody else has changed the document meanwhile; says whether it was written."""
        if not self.collection.update_one(guard(change), update_of(change)).matched_count:
            return False
        if change.facts:
            self._relay.publish(self._document, [change.id])
        return True

    def apply(self, key: str, rule: Callable[[S], Change | None]) -> "Applied[S]":
        """Read, let the rule decide, write; again when somebody was faster. What it is then and what was done."""
        for attempt in range(_TRIES):
            found = self.get(key)
            change = rule(found) if found is not None else None
            if change is None:
                return Applied(found, None)
            if self.change(change):
                return Applied(self.get(key), change)
            pause(attempt)
        raise Unavailable("busy", "Too many are changing this at once; try again.")

    def change_all(self, changes: Sequence[Change]) -> int:
        """Write many in one command, each guarded by itself; how many took. Which did not, a new reading tells."""
        if not changes:
            return 0
        writes = (UpdateOne(guard(change), update_of(change)) for change in changes)
        written = sum(
            self.collection.bulk_write(piece, ordered=False).matched_count for piece in pieces(writes, WRITTEN_AT_ONCE)
        )
        self._relay.publish(self._document, [change.id for change in changes if change.facts])
        return written

    def insert_new(self, documents: Sequence[dict[str, Any]]) -> bool:
        """Insert those whose id (and other unique fields) nobody has; says whether that was all of them."""
        inserted = [self._insert(piece) for piece in pieces(documents, WRITTEN_AT_ONCE)]
        return all(inserted)

    def _insert(self, documents: list[dict[str, Any]]) -> bool:
        try:
            self.collection.insert_many(documents, ordered=False)
        except BulkWriteError as broken:
            unpromised = broken.details.get("writeConcernErrors")
            if unpromised or any(error["code"] != DUPLICATE for error in broken.details["writeErrors"]):
                raise
            return False
        return True
