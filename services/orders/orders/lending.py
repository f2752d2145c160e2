"""The rules of buckets: units of an allotment lent to a document of their own, so that replicas do not fight for one.

To the allotment, what it lends is sold: its own arithmetic never changes. A bucket that is closed owes what it did not
sell; the allotment takes it back once, as it takes back what a cancelled order owes. Pure.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from orders import batches, stock
from orders.model import Allotment, Bucket, Change, Owed

_SHARE = 4  # a bucket gets this part of what remains: what is lent last is little, and soon back


def loan(allotment: Allotment, wanted: int, least: int) -> int:
    """Units to lend beside `wanted` ones that are sold at once; none where fewer than `least` would remain, and none
    while anybody waits for what is still together."""
    free = 0 if allotment.least_waiting else allotment.remaining - wanted
    return free // _SHARE if 0 < least <= free else 0


def opened(allotment: Allotment) -> list[Bucket]:
    """The buckets that the allotment's unfinished batches open, whether they are at rest already or not."""
    loans = {batch: batches.read(text).loan for batch, text in allotment.batches.items()}
    return [bucket(allotment.id, batch, units) for batch, units in loans.items() if units]


def bucket(allotment_id: str, batch_id: str, units: int) -> Bucket:
    """What a loan opens: the same, whoever opens it."""
    return Bucket(id=batch_id, allotment_id=allotment_id, units=units, remaining=units)


def recall(bucket: Bucket, now: datetime) -> Change | None:
    """Sell no more from it; what remains is owed to the allotment."""
    if bucket.state != "open":
        return None
    return Change(
        id=bucket.id,
        version=bucket.version,
        fields={
            "remaining": 0,
            "returned": bucket.returned + bucket.remaining,
            "state": "closed" if bucket.remaining else "settled",
        },
        append={"owed": _owed(bucket, bucket.remaining, now)},
        at=now,
    )


def unsell(bucket: Bucket, units: int, now: datetime) -> Change:
    """Take back units of decided lines that became no order."""
    fields: dict[str, object] = {"sold": bucket.sold - units}
    if bucket.state == "open":
        return Change(
            id=bucket.id, version=bucket.version, fields=fields | {"remaining": bucket.remaining + units}, at=now
        )
    return Change(
        id=bucket.id,
        version=bucket.version,
        fields=fields | {"state": "closed", "returned": bucket.returned + units},
        append={"owed": _owed(bucket, units, now)},
        at=now,
    )


def _owed(bucket: Bucket, units: int, now: datetime) -> list[Owed]:
    return [Owed(id=f"{bucket.id}:{bucket.version}", kind="units", amount=units, since=now)] if units else []


def take_back(allotment: Allotment, owed: Iterable[Owed], now: datetime) -> Change | None:
    """The allotment has what buckets owe it again, each debt once."""
    fresh = [one for one in owed if one.id not in allotment.recalled]
    if not fresh:
        return None
    change = stock.unsell(allotment, sum(one.amount for one in fresh), now)
    return Change(
        id=change.id,
        version=change.version,
        fields=change.fields,
        append={"recalled": [one.id for one in fresh]},
        facts=change.facts,
        at=now,
    )


def whole(allotment: Allotment, buckets: Iterable[Bucket]) -> Allotment:
    """The allotment as its buyers see it: what buckets hold or owe is not sold but remains.

    `buckets`: all at rest, but for settled ones of finished batches, which hold and owe nothing.
    """
    known = {bucket.id: bucket for bucket in (*opened(allotment), *buckets)}
    held = sum(bucket.remaining for bucket in known.values())
    owed = sum(one.amount for bucket in known.values() for one in bucket.owed if one.id not in allotment.recalled)
    back = "remaining" if allotment.state == "open" else "returned"
    fields = {"sold": allotment.sold - held - owed, back: getattr(allotment, back) + held + owed}
    return msgspec.structs.replace(allotment, **fields)
