"""Documents that units are sold from, allotments and buckets: batches are laid into them with the units they take, and
removed when everything in them was done and said."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
from pymongo import UpdateMany, UpdateOne

from orders import batches
from orders.model import Allotment, Batch, Bucket, Change
from orders.store.rows import Rows, guard, pieces, update_of

T = TypeVar("T", Allotment, Bucket)
_WITHOUT_BATCHES: Final = {"outbox": 0, "batches": 0, "joining": 0, "released": 0, "recalled": 0}


class Taking(NamedTuple):
    """Units to take from a document as it was read, for whom, and finished batches whose text may go by the way."""

    source: Allotment | Bucket
    batch_id: str
    batch: Batch
    finished: frozenset[str] = frozenset()


class SourceRows(Rows[T], Generic[T]):
    """A collection of documents that units are sold from."""

    def take(self, takings: Sequence[Taking]) -> set[str]:
        """Take units and leave batches that say for whom, each in one write guarded by the version.

        The ids that took.
        """
        if len(takings) == 1:
            key, update = _taking(takings[0])
            return {takings[0].source.id} if self.collection.update_one(key, update).matched_count else set()
        writes = [UpdateOne(*_taking(taking)) for taking in takings]
        everyone = {taking.source.id: taking.batch_id for taking in takings}
        if self.collection.bulk_write(writes, ordered=False).matched_count == len(takings):
            return set(everyone)
        # A batch that somebody settled before we look counts as not taken: decided again, its orders are known.
        return {one.id for one in self.many(everyone) if everyone[one.id] in one.batches}

    def tidy(self, finished: Mapping[str, Collection[str]]) -> None:
        """Remove finished batches ({id of the document: its batches}).

        No decision rests on them any more: no guard is needed.
        """
        writes = _removals(finished)
        for piece in pieces(writes):
            self.collection.bulk_write(piece, ordered=False)

    def amend(self, change: Change, batch_id: str, kept: Batch) -> bool:
        """Give units back that the batch took for orders that did not come into being; it keeps the others, if any."""
        update, place = update_of(change), f"batches.{batch_id}"
        if kept.lines or kept.loan:
            update["$set"][place] = batches.written(kept)
        else:
            update |= {"$unset": update.get("$unset", {}) | {place: ""}, "$pull": {"pending": batch_id}}
        if not self.collection.update_one(guard(change) | {"pending": batch_id}, update).matched_count:
            return False
        if change.facts:
            self._relay.publish(self._document, [change.id])
        return True

    def figures_after(self, after: str, limit: int) -> list[T]:
        """All there are, in the order of their ids, after a cursor, without the batches in them.

        For who adds up each by itself: what buckets hold of an allotment is not to be told from these.
        """
        found = self.collection.find({"_id": {"$gt": after}}, _WITHOUT_BATCHES).sort("_id", 1).limit(limit)
        return [msgspec.convert(row, self._noun) for row in found]

    def left_behind(self, before_batch: str) -> list[T]:
        """Those with batches older than this batch id."""
        return self.find({"pending": {"$gt": "", "$lt": before_batch}}, limit=500)


def _removals(finished: Mapping[str, Collection[str]]) -> list[UpdateOne | UpdateMany]:
    """Few documents with many batches: a write for each document. Many that share a batch: for each such batch."""
    by_batch: defaultdict[str, list[str]] = defaultdict(list)
    for key, batch_ids in finished.items():
        for batch in batch_ids:
            by_batch[batch].append(key)
    if len(finished) <= len(by_batch):
        return [UpdateOne({"_id": key}, _removal(batch_ids)) for key, batch_ids in finished.items() if batch_ids]
    shared = [(batch, piece) for batch, keys in by_batch.items() for piece in pieces(keys)]
    return [UpdateMany({"_id": {"$in": piece}}, _removal([batch])) for batch, piece in shared]


def _removal(batch_ids: Collection[str]) -> dict[str, Any]:
    gone = list(batch_ids)
    return {"$unset": {f"batches.{batch}": "" for batch in gone}, "$pull": {"pending": {"$in": gone}}}


def _taking(taking: Taking) -> tuple[dict[str, Any], dict[str, Any]]:
    source, batch = taking.source, taking.batch
    units = sum(line.quantity for line in batch.lines) + batch.loan
    update: dict[str, Any] = {
        "$inc": {"remaining": -units, "sold": units, "version": 1} | ({"loans": 1} if batch.loan else {}),
        "$set": {f"batches.{taking.batch_id}": batches.written(batch)},
        "$push": {"pending": taking.batch_id},
    }
    if gone := taking.finished & set(source.batches):
        update["$unset"] = {f"batches.{known}": "" for known in gone}
    # Whatever changes the state or what remains changes the version, so guarding the version guards them all.
    return {"_id": source.id, "version": source.version}, update
