"""Copies of what other services told: items, hosts, stock set aside. Part of the store; it keeps the newest of each."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from mongoengine import Document
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from broadcast.documents import AllotmentDoc, HostDoc, ItemDoc
from broadcast.domain import whole_milliseconds
from broadcast.lineup import Known, LineupRow
from broadcast.shows import Allotment, Item, Show
from contracts.codec import Event

_DUPLICATE_KEY: Final = 11000
_HOST: Final = ("name_zh", "name_en", "host_title")


class Copies:
    """The part of the store that keeps others' facts."""

    def remember_items(self, events: Iterable[Event]) -> None:
        """Keep the items as listed."""
        _keep_newest(ItemDoc, [(event.data.item_id, event.sequence, _item(event.data)) for event in events])

    def remember_hosts(self, events: Iterable[Event]) -> None:
        """Keep the counties and the titles of their hosts."""
        _keep_newest(
            HostDoc,
            [
                (event.data.county, event.sequence, {name: getattr(event.data, name) for name in _HOST})
                for event in events
            ],
        )

    def remember_allotments(self, events: Iterable[Event]) -> set[str]:
        """Keep the stock set aside for slots; the shows it is meant for."""
        documents = [
            {"_id": data.allotment_id, **_allotment(data)}
            for data in (event.data for event in events)
            if data.purpose == "slot" and data.show_id and data.slot
        ]
        insert_new(AllotmentDoc, documents)
        return {document["show_id"] for document in documents}

    def allotments(self, show_id: str) -> list[Allotment]:
        """All stock set aside for the show."""
        found = AllotmentDoc._get_collection().find({"show_id": show_id})
        return [msgspec.convert({**document, "allotment_id": document["_id"]}, Allotment) for document in found]

    def known(self, rows: Iterable[LineupRow]) -> Known:
        """What was heard of that the rows name."""
        counties = frozenset(document["_id"] for document in HostDoc._get_collection().find({}, {"_id": 1}))
        skus = sorted({row.sku for row in rows})
        found = map(_of_item, ItemDoc._get_collection().find({"sku": {"$in": skus}}).sort("_id", 1))  # the newest wins
        return Known(counties, {(item.county, item.sku): item for item in found})

    def items_of(self, show: Show) -> dict[str, Item]:
        """The show's items as they are listed now, by id."""
        ids = [slot.item.item_id for slot in show.slots]
        return {item.item_id: item for item in map(_of_item, ItemDoc._get_collection().find({"_id": {"$in": ids}}))}

    def host_titles(self, counties: Iterable[str]) -> dict[str, str]:
        """Who hosts the counties' slots, by county."""
        found = HostDoc._get_collection().find({"_id": {"$in": sorted(set(counties))}})
        return {document["_id"]: document["host_title"] for document in found}


def insert_new(kind: type[Document], documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Insert those whose `_id` is new; they are returned. The fastest way to do a thing once."""
    if not documents:
        return []
    known: set[int] = set()
    try:
        kind._get_collection().insert_many(documents, ordered=False)
    except BulkWriteError as partly:
        errors = partly.details["writeErrors"]
        if partly.details.get("writeConcernErrors") or any(error["code"] != _DUPLICATE_KEY for error in errors):
            raise
        known = {error["index"] for error in errors}
    return [document for index, document in enumerate(documents) if index not in known]


def _keep_newest(kind: type[Document], facts: Iterable[tuple[str, int, dict[str, Any]]]) -> None:
    """Keep the fact of the highest sequence under each id: new ids by one insert, known ones if the fact is newer."""
    newest = {key: (sequence, fields) for key, sequence, fields in sorted(facts, key=lambda fact: fact[1])}
    documents = [{"_id": key, "sequence": sequence, **fields} for key, (sequence, fields) in newest.items()]
    inserted = {document["_id"] for document in insert_new(kind, documents)}
    updates = [
        UpdateOne({"_id": key, "sequence": {"$lt": sequence}}, {"$set": {"sequence": sequence, **fields}})
        for key, (sequence, fields) in newest.items()
        if key not in inserted
    ]
    if updates:
        kind._get_collection().bulk_write(updates, ordered=False)


def _item(listed: Any) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(msgspec.convert(listed, Item, from_attributes=True))
    del fields["item_id"]
    return fields


def _of_item(document: dict[str, Any]) -> Item:
    return msgspec.convert({**document, "item_id": document["_id"]}, Item)


def _allotment(allotted: Any) -> dict[str, Any]:
    fields = msgspec.structs.asdict(msgspec.convert(allotted, Allotment, from_attributes=True))
    del fields["allotment_id"]
    return {**fields, "allotted_at": whole_milliseconds(fields["allotted_at"])}
