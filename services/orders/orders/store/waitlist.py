"""The waitlist at rest: entries in the order of their tickets, and beside them the lots that items will have."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from pymongo import UpdateOne

from orders.model import Entry, NextLot
from orders.store.documents import NextLotsDoc, WaitlistDoc
from orders.store.rows import Relays, Rows, document_of, encoded, pieces

_QUEUED: Final = {"$in": ["waiting", "called"]}


class WaitlistRows(Rows[Entry]):
    """The collection of those who wait."""

    def __init__(self, relay: Relays) -> None:
        super().__init__(WaitlistDoc, Entry, relay)

    def add(self, entries: Iterable[Entry]) -> None:
        """Insert those that are new; the others are as they are."""
        self.insert_new([document_of(entry) | {"outbox": []} for entry in entries])

    def of_buyers(self, allotment_id: str, buyers: Iterable[str]) -> list[Entry]:
        """What these buyers have or had on an allotment's waitlist."""
        asked = ({"buyer_id": {"$in": piece}, "allotment_id": allotment_id} for piece in pieces(buyers))
        return [entry for query in asked for entry in self.find(query)]

    def waiting(self, allotment_id: str) -> Iterator[Entry]:
        """Those who wait, in order, read as far as somebody looks."""
        query = {"allotment_id": allotment_id, "state": "waiting"}
        with self.collection.find(query, {"outbox": 0}).sort("ticket", 1).batch_size(100) as rows:
            for row in rows:
                yield msgspec.convert(row, Entry)

    def call(self, allotment_id: str, entry_ids: Iterable[str]) -> None:
        """It is the turn of these, as far as they still wait here."""
        for piece in pieces(entry_ids):
            waiting = {"_id": {"$in": piece}, "allotment_id": allotment_id, "state": "waiting"}
            self.collection.update_many(waiting, {"$set": {"state": "called"}, "$inc": {"version": 1}})

    def called(self, allotment_id: str) -> list[Entry]:
        """Those whose turn it is, in order."""
        return self.find({"allotment_id": allotment_id, "state": "called"}, sort="ticket")

    def queued(self, allotment_id: str, limit: int) -> list[Entry]:
        """Some of those who wait or are called."""
        return self.find({"allotment_id": allotment_id, "state": _QUEUED}, limit=limit)

    def least_and_units(self, allotment_id: str) -> tuple[int, int]:
        """The smallest quantity that somebody waits for, and all that is waited for; zeros when nobody waits."""
        figures = {"_id": None, "least": {"$min": "$quantity"}, "units": {"$sum": "$quantity"}}
        queued = {"$match": {"allotment_id": allotment_id, "state": _QUEUED}}
        found = next(iter(self.collection.aggregate([queued, {"$group": figures}])), None)
        return (0, 0) if found is None else (found["least"], found["units"])

    def count(self, allotment_id: str, most: int) -> int:
        """How many wait or are called; more than `most` are not counted."""
        return self.collection.count_documents({"allotment_id": allotment_id, "state": _QUEUED}, limit=most)

    def ahead(self, entry: Entry) -> int:
        """How many wait with lower tickets."""
        query = {"allotment_id": entry.allotment_id, "state": _QUEUED, "ticket": {"$lt": entry.ticket}}
        return self.collection.count_documents(query)

    def preorders(self, item_ids: Iterable[str]) -> dict[str, list[Entry]]:
        """Those who wait for a lot of these items, in their order."""
        found: dict[str, list[Entry]] = {}
        for piece in pieces(item_ids):
            for entry in self.find({"preorder_of": {"$in": piece}}, sort="ticket"):
                found.setdefault(entry.preorder_of or "", []).append(entry)
        return found

    def page(self, buyer_id: str, after: str | None, limit: int) -> list[Entry]:
        """A buyer's own, in the order of their ids, after a cursor."""
        query = {"buyer_id": buyer_id, **({"_id": {"$gt": after}} if after else {})}
        return self.find(query, limit=limit, sort="_id")

    def remember_lots(self, listed: Mapping[str, tuple[int, Sequence[NextLot]]]) -> None:
        """Keep the lots of each item ({item: (sequence, lots)}) unless later ones are known."""
        if not listed:
            return
        lots = NextLotsDoc._get_collection()
        born = [UpdateOne({"_id": key}, {"$setOnInsert": {"sequence": -1}}, upsert=True) for key in listed]
        told = [
            UpdateOne(
                {"_id": key, "sequence": {"$lt": sequence}}, {"$set": {"sequence": sequence, "lots": encoded(of_item)}}
            )
            for key, (sequence, of_item) in listed.items()
        ]
        lots.bulk_write(born, ordered=False)
        lots.bulk_write(told, ordered=False)

    def lots(self, item_id: str) -> list[NextLot]:
        """The lots of an item whose days are known."""
        found: dict[str, Any] = NextLotsDoc._get_collection().find_one({"_id": item_id}) or {}
        return msgspec.convert(found.get("lots", []), list[NextLot])
