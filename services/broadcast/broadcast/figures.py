"""Counts at rest: who watched, what was ordered. Part of the store; rows are inserted once and added up when read."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from broadcast.audience import sample_id
from broadcast.copies import insert_new
from broadcast.documents import SaleDoc, SampleDoc, ShowDoc
from chassis import tracing
from chassis.outbox import Relay
from contracts.codec import Event, record, to_document
from contracts.events import AudienceSampled

# What an order's event counts as on the report card, and where it says how much money moved and when.
_KINDS: Final = {
    "order.placed": ("placed", "total_fen", "placed_at"),
    "order.paid": ("paid", "amount_fen", "paid_at"),
    "order.cancelled": ("cancelled", "refund_fen", "cancelled_at"),
    "order.returned": ("returned", "refund_fen", "returned_at"),
}


class Sum(Struct, frozen=True, kw_only=True):
    """Orders of one kind of one slot, added up."""

    slot: int
    kind: str
    orders: int
    units: int
    fen: int


class Watched(Struct, frozen=True, kw_only=True):
    """A channel's samples of one minute, added up."""

    minute: datetime
    channel: str
    peak: int
    viewers: int
    samples: int


class Figures:
    """The part of the store that counts."""

    relay: Relay

    def count_viewers(self, show_id: str, facts: Sequence[AudienceSampled], now: datetime) -> int:
        """Keep samples with their events; returns how many were new. The show learns them past its revision."""
        documents = [_sample(fact, now) for fact in facts]
        new = insert_new(SampleDoc, documents)
        if new:
            self.relay.publish(SampleDoc, [document["_id"] for document in new])
            latest = {
                document["channel"]: document["viewers"]
                for document in sorted(new, key=lambda each: each["sampled_at"])
            }
            peaks = {channel: max(each["viewers"] for each in new if each["channel"] == channel) for channel in latest}
            ShowDoc._get_collection().update_one(
                {"_id": show_id},
                {
                    "$set": {f"audience.{channel}.viewers": viewers for channel, viewers in latest.items()},
                    "$max": {f"audience.{channel}.peak": peak for channel, peak in peaks.items()},
                },
            )
        return len(new)

    def watched(self, show_id: str) -> list[Watched]:
        """The show's samples by minute and channel, in order of time."""
        group = {
            "_id": {"minute": "$minute", "channel": "$channel"},
            "peak": {"$max": "$viewers"},
            "viewers": {"$sum": "$viewers"},
            "samples": {"$sum": 1},
        }
        found = SampleDoc._get_collection().aggregate([{"$match": {"show_id": show_id}}, {"$group": group}])
        sums = [
            Watched(**row["_id"], peak=row["peak"], viewers=row["viewers"], samples=row["samples"]) for row in found
        ]
        return sorted(sums, key=lambda each: (each.minute, each.channel))

    def count_sales(self, events: Iterable[Event]) -> None:
        """Keep what orders of real shows did; each event is kept under its id, and so counted once."""
        insert_new(
            SaleDoc,
            [_sale(event) for event in events if event.data.show_id and event.data.slot and not event.data.rehearsal],
        )

    def sales(self, show_id: str, county: str | None = None) -> list[Sum]:
        """The show's orders by slot and kind; of one county's slots only, if one is given."""
        group = {
            "_id": {"slot": "$slot", "kind": "$kind"},
            "orders": {"$sum": 1},
            "units": {"$sum": "$units"},
            "fen": {"$sum": "$fen"},
        }
        found = SaleDoc._get_collection().aggregate([{"$match": _of(show_id, county)}, {"$group": group}])
        return [Sum(**row["_id"], orders=row["orders"], units=row["units"], fen=row["fen"]) for row in found]

    def orders_a_minute(self, show_id: str, county: str | None = None) -> list[tuple[datetime, int]]:
        """How many orders were placed in each minute that had any, in order of time."""
        group = {"_id": "$minute", "orders": {"$sum": 1}}
        chosen = {**_of(show_id, county), "kind": "placed"}
        found = SaleDoc._get_collection().aggregate([{"$match": chosen}, {"$group": group}])
        return sorted((row["_id"], row["orders"]) for row in found)


def _of(show_id: str, county: str | None) -> dict[str, Any]:
    return {"show_id": show_id} if county is None else {"show_id": show_id, "county": county}


def _sample(fact: AudienceSampled, now: datetime) -> dict[str, Any]:
    key = sample_id(fact)
    event = record(fact, source="broadcast", sequence=1, time=now, aggregate=key, traceparent=tracing.here())
    return {
        "_id": key,
        "show_id": fact.show_id,
        "channel": fact.channel,
        "viewers": fact.viewers,
        "sampled_at": fact.sampled_at,
        "minute": _minute(fact.sampled_at),
        "version": 1,
        "outbox": [to_document(event)],
    }


def _sale(event: Event) -> dict[str, Any]:
    kind, money, at = _KINDS[event.type]
    return {
        "_id": event.id,
        "show_id": event.data.show_id,
        "slot": event.data.slot,
        "county": event.data.county,
        "kind": kind,
        "units": event.data.quantity,
        "fen": getattr(event.data, money),
        "minute": _minute(getattr(event.data, at)),
    }


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
