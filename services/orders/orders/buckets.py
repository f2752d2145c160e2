"""Buckets of allotments: opens one when this replica keeps losing an allotment's document to others, sells from it, and
brings back what buckets hold when the allotment itself runs dry or closes. Decides nothing; `lending.py` does.

So one replica never opens a bucket, several stop fighting after a moment, and the last units are sold from the
allotment itself: nobody is refused while a bucket holds units.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from orders import lending
from orders.model import Allotment, Bucket, Change
from orders.settings import OrdersSettings
from orders.store import OrdersStore

_FIGHT: Final = 4  # losses, less a part for each win, after which a bucket is opened


class Buckets:
    """One for each process: it remembers its own bucket of each allotment, and how often it was too slow."""

    def __init__(self, store: OrdersStore, settings: OrdersSettings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._least = settings.bucket_least_units
        self._settle_after = timedelta(seconds=settings.settle_after_seconds)
        self._own: dict[str, str] = {}
        self._losses: Counter[str] = Counter()

    def own(self, allotment_ids: Iterable[str]) -> dict[str, Bucket]:
        """This process's open buckets, by their allotments."""
        known = {self._own[key]: key for key in allotment_ids if key in self._own}
        found = self._store.buckets.many(known) if known else []
        open_ones = {one.allotment_id: one for one in found if one.state == "open" and one.remaining}
        for key in set(known.values()) - set(open_ones):
            self.leave(key)
        return open_ones

    def lost(self, allotment_id: str) -> None:
        """Somebody else was faster at the allotment's document."""
        self._losses[allotment_id] += 2

    def won(self, allotment_id: str) -> None:
        """This process was."""
        if self._losses.get(allotment_id):
            self._losses[allotment_id] -= 1

    def loan(self, allotment: Allotment, wanted: int) -> int:
        """Units to lend to a bucket of this process, with the `wanted` ones that are sold at once."""
        return lending.loan(allotment, wanted, self._least) if self._losses[allotment.id] >= 2 * _FIGHT else 0

    def opened(self, allotment_id: str, bucket_id: str) -> None:
        """Sell from this one next."""
        self._own[allotment_id] = bucket_id
        del self._losses[allotment_id]

    def leave(self, allotment_id: str) -> None:
        """Sell from the allotment itself again; what the bucket still holds is brought back when it is needed."""
        self._own.pop(allotment_id, None)

    def gather(self, allotment: Allotment) -> bool:
        """Bring back what buckets hold.

        True: nothing was out and nothing has changed since the allotment was read, so what it says remains is all
        there is.
        """
        self._store.buckets.add(lending.opened(allotment))
        out = self._store.buckets.unsettled([allotment.id])
        if out:
            self._recall(allotment.id, out)
            return False
        now = self._store.allotments.get(allotment.id)
        return now is None or now.version == allotment.version

    def _recall(self, allotment_id: str, buckets: Sequence[Bucket]) -> None:
        for bucket in buckets:
            if bucket.state == "open":
                self._store.buckets.apply(bucket.id, lambda found: lending.recall(found, self._clock()))
        self._give_back(allotment_id)

    def _give_back(self, allotment_id: str) -> None:
        """Each debt is read after the allotment was, and the allotment's write is guarded: see `aftercare.py`."""
        owing: list[Bucket] = []

        def rule(allotment: Allotment) -> Change | None:
            owing[:] = [bucket for bucket in self._store.buckets.unsettled([allotment_id]) if bucket.owed]
            return lending.take_back(allotment, [one for bucket in owing for one in bucket.owed], self._clock())

        allotment = self._store.allotments.apply(allotment_id, rule).noun
        if owing and allotment is not None:
            given = [one.id for bucket in owing for one in bucket.owed]
            self._store.buckets.settled([bucket.id for bucket in owing], given)
            self._store.allotments.forget_recalled(allotment_id, given)

    def settle_left_behind(self) -> int:
        """Give back what buckets have owed for a while; how many owed."""
        owing = self._store.buckets.owing(self._clock() - self._settle_after)
        for allotment_id in {bucket.allotment_id for bucket in owing}:
            self._give_back(allotment_id)
        return len(owing)

    def whole(self, allotments: Sequence[Allotment]) -> list[Allotment]:
        """The allotments as their buyers see them."""
        by_allotment: defaultdict[str, list[Bucket]] = defaultdict(list)
        for bucket in self._store.buckets.lent(allotments):
            by_allotment[bucket.allotment_id].append(bucket)
        return [lending.whole(one, by_allotment[one.id]) if one.loans else one for one in allotments]
