"""Buckets at rest."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from orders.model import Allotment, Bucket
from orders.store.documents import BucketDoc
from orders.store.rows import NEVER, Relays, document_of, pieces
from orders.store.taking import SourceRows

_WITHOUT_BATCHES: Final = {"outbox": 0, "batches": 0, "pending": 0}


class BucketRows(SourceRows[Bucket]):
    """The collection of buckets."""

    def __init__(self, relay: Relays) -> None:
        super().__init__(BucketDoc, Bucket, relay)

    def add(self, buckets: Iterable[Bucket]) -> None:
        """Open those that are new; the others are as they are."""
        self.insert_new([document_of(bucket) | {"outbox": []} for bucket in buckets])

    def of(self, allotment_ids: Iterable[str]) -> list[Bucket]:
        """All buckets that these allotments ever had."""
        return [one for piece in pieces(allotment_ids) for one in self.find({"allotment_id": {"$in": piece}})]

    def unsettled(self, allotment_ids: Iterable[str]) -> list[Bucket]:
        """Those that hold units, or owe them to their allotment."""
        return [one for one in self.of(allotment_ids) if one.state != "settled"]

    def lent(self, allotments: Iterable[Allotment]) -> list[Bucket]:
        """Those that say what remains of these allotments as they were read, without the batches in them.

        Settled ones hold and owe nothing; but one whose batch the allotment still has is read, for it would be taken
        for a new one.
        """
        return [bucket for piece in pieces(one for one in allotments if one.loans) for bucket in self._lent(piece)]

    def _lent(self, allotments: Sequence[Allotment]) -> list[Bucket]:
        unfinished = [batch_id for one in allotments for batch_id in one.batches]
        query = {
            "allotment_id": {"$in": [one.id for one in allotments]},
            "$or": [{"state": {"$ne": "settled"}}, {"_id": {"$in": unfinished}}],
        }
        return [msgspec.convert(row, Bucket) for row in self.collection.find(query, _WITHOUT_BATCHES)]

    def owing(self, since_before: datetime) -> list[Bucket]:
        """Those that have owed units for a while: whoever closed them did not get to settle it."""
        return self.find({"owed.since": {"$gt": NEVER, "$lt": since_before}}, limit=500)

    def settled(self, bucket_ids: Iterable[str], owed_ids: Sequence[str]) -> None:
        """These debts were given; a closed bucket without any is done with."""
        for piece in pieces(bucket_ids):
            closed = {"_id": {"$in": piece}, "state": "closed"}
            self.collection.update_many(closed, {"$pull": {"owed": {"id": {"$in": list(owed_ids)}}}})
            self.collection.update_many(closed | {"owed": []}, {"$set": {"state": "settled"}})
