"""Writing to MongoDB when others do, too: a document is changed only if it still has the stamp it was read with.

Knows documents, no goods. For `store.py` alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from mongoengine import Document
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from catalog.documents import Row

T = TypeVar("T")
Operation = InsertOne[Any] | UpdateOne

NO_OUTBOX: Final = {"outbox": 0}
_ALREADY_THERE: Final = 11000
_AT_ONCE: Final = 500
_WRITTEN_AT_ONCE: Final = 250  # others write too, and a command is one transaction in the database's cache


def operation(read_as: str | None, row: Row, events: list[Row]) -> Operation:
    """Insert the row, or set its fields on the document that still has the stamp it was read with."""
    if read_as is None:
        return InsertOne(row | ({"outbox": events} if events else {}))
    fields = {name: value for name, value in row.items() if name != "_id"}
    update: Row = {"$set": fields} | ({"$push": {"outbox": {"$each": events}}} if events else {})
    return UpdateOne({"_id": row["_id"], "stamp": read_as}, update)


def write(document: type[Document], operations: Mapping[str, Operation], stamp: str) -> set[str]:
    """Carry out the operations that still apply; the ids of the others."""
    pieces = (dict(part) for part in parts(operations.items(), _WRITTEN_AT_ONCE))
    return {lost for piece in pieces for lost in _write(document, piece, stamp)}


def _write(document: type[Document], operations: Mapping[str, Operation], stamp: str) -> set[str]:
    collection = document._get_collection()
    try:
        result = collection.bulk_write(list(operations.values()), ordered=False)
        if result.inserted_count + result.matched_count == len(operations):
            return set()
    except BulkWriteError as wrong:
        unpromised = wrong.details.get("writeConcernErrors")
        if unpromised or any(error["code"] != _ALREADY_THERE for error in wrong.details["writeErrors"]):
            raise
    ours = (find(document, {"_id": {"$in": part}, "stamp": stamp}) for part in parts(operations))
    return set(operations) - {row["_id"] for rows in ours for row in rows}


def find(document: type[Document], query: Row) -> Iterator[Row]:
    """What the query finds, without the outbox: that is the relay's."""
    found: Iterator[Row] = document._get_collection().find(query, NO_OUTBOX)
    return found


def page(document: type[Document], county: str | None, after: str | None, limit: int) -> Iterator[Row]:
    """In order of ids, after that one, at most one more than `limit`, which tells of a next page."""
    query: Row = ({"county": county} if county else {}) | ({"_id": {"$gt": after}} if after else {})
    found: Iterator[Row] = document._get_collection().find(query, NO_OUTBOX).sort("_id", 1).limit(limit + 1)
    return found


def parts(values: Iterable[T], size: int = _AT_ONCE) -> Iterator[list[T]]:
    """The values in lists short enough for one query."""
    whole = list(values)
    return (whole[start : start + size] for start in range(0, len(whole), size))
