"""Allotments at rest: batches pushed with the units they take, then tidied away; windows and ended shows beside
them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from pymongo import UpdateMany, UpdateOne

from orders.model import Allotment, Change, Line, Window
from orders.store.documents import AllotmentDoc, EndedShowDoc, WindowDoc
from orders.store.rows import NEVER, Relays, Rows, document_of, encoded, guard, pieces, update_of


class Taking(NamedTuple):
    """Units to take from an allotment as it was read, the lines they are for, finished batches to tidy by the way."""

    allotment: Allotment
    batch_id: str
    lines: list[Line]
    finished: frozenset[str] = frozenset()


class AllotmentRows(Rows[Allotment]):
    """The collection of allotments."""

    def __init__(self, relay: Relays) -> None:
        super().__init__(AllotmentDoc, Allotment, relay)

    def add(self, allotments: Iterable[Allotment]) -> None:
        """Insert those that are new; the others are as they are."""
        self.insert_new([document_of(allotment) | {"outbox": []} for allotment in allotments])

    def take(self, takings: Sequence[Taking]) -> set[str]:
        """Take units and leave batches that say for whom, each in one write guarded by the version.

        The ids that took.
        """
        if len(takings) == 1:
            key, update = _taking(takings[0])
            return {takings[0].allotment.id} if self.collection.update_one(key, update).matched_count else set()
        writes = [UpdateOne(*_taking(taking)) for taking in takings]
        everyone = {taking.allotment.id: taking.batch_id for taking in takings}
        if self.collection.bulk_write(writes, ordered=False).matched_count == len(takings):
            return set(everyone)
        # A batch that somebody settled before we look counts as not taken: decided again, its orders are known.
        return {one.id for one in self.many(everyone) if everyone[one.id] in one.batches}

    def tidy(self, finished: Mapping[str, Iterable[str]]) -> None:
        """Remove finished batches ({batch id: allotment ids}).

        No decision rests on them any more: no guard is needed.
        """
        writes = [
            UpdateMany({"_id": {"$in": piece}}, {"$unset": {f"batches.{batch}": ""}, "$pull": {"pending": batch}})
            for batch, ids in finished.items()
            for piece in pieces(ids)
        ]
        if writes:
            self.collection.bulk_write(writes, ordered=False)

    def finish(self, change: Change, batch_id: str) -> bool:
        """Remove a batch and take back units of it in one write."""
        key = guard(change) | {f"batches.{batch_id}": {"$exists": True}}
        update = update_of(change)
        update["$unset"] = update.get("$unset", {}) | {f"batches.{batch_id}": ""}
        update["$pull"] = {"pending": batch_id}
        if not self.collection.update_one(key, update).matched_count:
            return False
        self._relay.publish(AllotmentDoc, [change.id])
        return True

    def forget_released(self, allotment_id: str, released: Iterable[str]) -> None:
        """The orders owe these units no more, so they need not be remembered."""
        self.collection.update_one({"_id": allotment_id}, {"$pull": {"released": {"$in": list(released)}}})

    def left_behind(self, before_batch: str) -> list[Allotment]:
        """Allotments with batches older than this batch id."""
        return self.find({"pending": {"$gt": "", "$lt": before_batch}}, limit=500)

    def to_attend(self, since_before: datetime) -> list[str]:
        """Allotments where something has been due for those who wait: whoever began it did not get through."""
        return self.ids({"attend_since": {"$gt": NEVER, "$lt": since_before}}, limit=500)

    def of_show(self, show_id: str) -> list[Allotment]:
        """All slots of a show."""
        return self.find({"show_id": show_id})

    def open_shelves(self, skus: Iterable[str]) -> list[Allotment]:
        """Open shelf allotments of these SKUs, the oldest first."""
        query = {"purpose": "shelf", "state": "open"}
        found = [one for piece in pieces(skus) for one in self.find({**query, "sku": {"$in": piece}})]
        return sorted(found, key=lambda one: one.id)

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

    def ended_shows(self, show_ids: Iterable[str]) -> set[str]:
        """Those of these shows that ended."""
        shows = EndedShowDoc._get_collection()
        return {row["_id"] for piece in pieces(show_ids) for row in shows.find({"_id": {"$in": piece}}, {"_id": 1})}


def _taking(taking: Taking) -> tuple[dict[str, Any], dict[str, Any]]:
    allotment, units = taking.allotment, sum(line.quantity for line in taking.lines)
    pending = [batch for batch in allotment.pending if batch not in taking.finished] + [taking.batch_id]
    update: dict[str, Any] = {
        "$inc": {"remaining": -units, "sold": units, "version": 1},
        "$set": {f"batches.{taking.batch_id}": encoded(taking.lines), "pending": pending},
    }
    if gone := taking.finished & set(allotment.batches):
        update["$unset"] = {f"batches.{batch}": "" for batch in gone}
    # Whatever changes the state or what remains changes the version, so guarding the version guards them all.
    return {"_id": allotment.id, "version": allotment.version}, update
