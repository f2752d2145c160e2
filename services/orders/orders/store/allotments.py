"""Allotments at rest: batches pushed with the units they take, then tidied away; windows and ended shows beside
them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from orders.model import Allotment, Window
from orders.store.documents import AllotmentDoc, EndedShowDoc, WindowDoc
from orders.store.rows import NEVER, Relays, document_of, encoded, pieces
from orders.store.taking import SourceRows


class AllotmentRows(SourceRows[Allotment]):
    """The collection of allotments."""

    def __init__(self, relay: Relays) -> None:
        super().__init__(AllotmentDoc, Allotment, relay)

    def add(self, allotments: Iterable[Allotment]) -> None:
        """Insert those that are new; the others are as they are."""
        self.insert_new([document_of(allotment) | {"outbox": []} for allotment in allotments])

    def forget_released(self, allotment_id: str, released: Iterable[str]) -> None:
        """The orders owe these units no more, so they need not be remembered."""
        self.collection.update_one({"_id": allotment_id}, {"$pull": {"released": {"$in": list(released)}}})

    def to_attend(self, since_before: datetime) -> list[str]:
        """Allotments where something has been due for those who wait: whoever began it did not get through."""
        return self.ids({"attend_since": {"$gt": NEVER, "$lt": since_before}}, limit=500)

    def forget_recalled(self, allotment_id: str, recalled: Iterable[str]) -> None:
        """The buckets owe these units no more."""
        self.collection.update_one({"_id": allotment_id}, {"$pull": {"recalled": {"$in": list(recalled)}}})

    def of_show(self, show_id: str) -> list[Allotment]:
        """All slots of a show."""
        return self.find({"show_id": show_id})

    def open_shelves(self, skus: Iterable[str]) -> list[Allotment]:
        """Open shelf allotments of these SKUs, the oldest first."""
        query = {"purpose": "shelf", "state": "open"}
        found = [one for piece in pieces(skus) for one in self.find({**query, "sku": {"$in": piece}})]
        return sorted(found, key=lambda one: one.id)

    def of_skus(self, skus: Iterable[str]) -> list[Allotment]:
        """All allotments there ever were of these SKUs."""
        return [one for piece in pieces(skus) for one in self.find({"sku": {"$in": piece}})]

    def page(self, query: Mapping[str, Any], after: str | None, limit: int) -> list[Allotment]:
        """Those that match, in the order of their ids, after a cursor."""
        return self.find({**query, **({"_id": {"$gt": after}} if after else {})}, limit=limit, sort="_id")

    def remember_window(self, window: Window) -> None:
        """Keep the window if no later one is known."""
        fields = encoded(window)
        key = fields.pop("_id")
        windows = WindowDoc._get_collection()
        windows.update_one({"_id": key}, {"$setOnInsert": fields}, upsert=True)
        windows.update_one({"_id": key, "sequence": {"$lt": window.sequence}}, {"$set": fields})

    def windows(self, allotment_ids: Iterable[str]) -> dict[str, Window]:
        """What is known of these allotments' windows."""
        windows = WindowDoc._get_collection()
        found = (row for piece in pieces(allotment_ids) for row in windows.find({"_id": {"$in": piece}}))
        return {row["_id"]: msgspec.convert(row, Window) for row in found}

    def remember_end(self, show_id: str, ended_at: datetime) -> None:
        """Keep that the show ended."""
        shows = EndedShowDoc._get_collection()
        shows.update_one({"_id": show_id}, {"$setOnInsert": {"ended_at": ended_at}}, upsert=True)

    def open_windows(self, now: datetime, limit: int) -> list[Window]:
        """Price windows that are open now, those that close first before the others."""
        query = {"closes_at": {"$gt": now}, "opens_at": {"$lte": now}}
        found = WindowDoc._get_collection().find(query).sort("closes_at", 1).limit(limit)
        return [msgspec.convert(row, Window) for row in found]

    def ended_shows(self, show_ids: Iterable[str]) -> set[str]:
        """Those of these shows that ended."""
        shows = EndedShowDoc._get_collection()
        return {row["_id"] for piece in pieces(show_ids) for row in shows.find({"_id": {"$in": piece}}, {"_id": 1})}
