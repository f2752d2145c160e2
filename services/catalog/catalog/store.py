"""The catalog at rest: all reads and writes of MongoDB.

Decides nothing about stock. Whoever changes a document names the `stamp` it was read with; who comes second changes
nothing, is told so, and decides again on what is there now. What a change causes rides in the document's outbox.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from mongoengine import Document
from msgspec.structs import replace
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from catalog.documents import (
    CountyDoc,
    HubDoc,
    ItemDoc,
    ProducerDoc,
    RequestDoc,
    Row,
    SignalDoc,
    from_row,
    item_from,
    listing_row,
    signal_from,
    signal_row,
    to_row,
)
from catalog.domain import Allotment, Change, Item, allotted
from catalog.signals import Signal
from catalog.stamped import NO_OUTBOX, Operation, find, operation, page, parts, write
from chassis import tracing
from chassis.mongo import Store
from contracts.codec import record, to_document
from contracts.events import CountyListed, Fact, HubListed, ItemListed
from contracts.ids import new_id

L = TypeVar("L", CountyListed, HubListed)
Key = tuple[str, str]


class Listing(NamedTuple):
    """Where a county or hub is kept, and which field of its listing is its key."""

    document: type[Document]
    fact: type[Fact]
    key: str


COUNTIES: Final = Listing(CountyDoc, CountyListed, "county")
HUBS: Final = Listing(HubDoc, HubListed, "hub")


class Request(msgspec.Struct, frozen=True):
    """A request for an allotment, as it was first made with this key."""

    id: str
    fingerprint: str
    allotment_id: str
    at: datetime


class CatalogStore(Store):
    """Counties, hubs, producers, items with their stock, signals."""

    documents = (CountyDoc, HubDoc, ProducerDoc, ItemDoc, SignalDoc, RequestDoc)

    # --- items ---

    def item(self, item_id: str) -> Item | None:
        """The item with this id."""
        row = ItemDoc._get_collection().find_one({"_id": item_id}, NO_OUTBOX)
        return item_from(row) if row else None

    def items_by_id(self, ids: Iterable[str]) -> list[Item]:
        """The items with these ids, as far as they are known."""
        return [item_from(row) for part in parts(ids) for row in find(ItemDoc, {"_id": {"$in": part}})]

    def items_by_sku(self, keys: Iterable[Key]) -> list[Item]:
        """The items of these (county, sku), as far as they are known."""
        skus: dict[str, set[str]] = defaultdict(set)
        for county, sku in keys:
            skus[county].add(sku)
        found = (
            find(ItemDoc, {"county": county, "sku": {"$in": part}})
            for county, wanted in skus.items()
            for part in parts(sorted(wanted))
        )
        return [item_from(row) for rows in found for row in rows]

    def items_page(self, county: str | None, after: str | None, limit: int) -> list[Item]:
        """Items in order of their ids, one more than `limit` when there are more."""
        return [item_from(row) for row in page(ItemDoc, county, after, limit)]

    def items_named_otherwise(self, county: CountyListed) -> list[Item]:
        """Items of the county that carry other names of it than it has now."""
        other = [{f"details.county_{name}": {"$ne": getattr(county, name)}} for name in ("name_zh", "name_en")]
        return [item_from(row) for row in find(ItemDoc, {"county": county.county, "$or": other})]

    def commit(self, changes: Sequence[Change], now: datetime) -> set[str]:
        """Write these changes and their events; the ids of those that lost to somebody else, to be decided again."""
        self._meet_producers(changes)
        stamp = new_id()
        lost = write(ItemDoc, {change.after.id: _item_operation(change, stamp, now) for change in changes}, stamp)
        self.relay.publish(ItemDoc, [c.after.id for c in changes if c.facts and c.after.id not in lost])
        return lost

    def set_aside(self, item: Item, allotment: Allotment, now: datetime) -> bool:
        """Take the allotment from what is on hand, in one conditional update; False when it no longer can be."""
        guard: Row = {
            "_id": item.id,
            "on_hand": {"$gte": allotment.offered},
            "allotments.id": {"$ne": allotment.id},
        }
        if allotment.placement is not None:
            guard["allotments.placement"] = {"$ne": allotment.placement}
        push = {"allotments": to_plain(allotment), "outbox": _event(allotted(item, allotment), 1, now)}
        update = {"$inc": {"on_hand": -allotment.offered}, "$set": {"stamp": new_id()}, "$push": push}
        done = ItemDoc._get_collection().update_one(guard, update).matched_count == 1
        if done:
            self.relay.publish(ItemDoc, [item.id])
        return done

    def remember(self, request: Request) -> Request:
        """Keep the request; the one that came first with its key."""
        collection = RequestDoc._get_collection()
        try:
            collection.insert_one(to_row(request))
            return request
        except DuplicateKeyError:
            return from_row(collection.find_one({"_id": request.id}) or {}, Request)

    def _meet_producers(self, changes: Sequence[Change]) -> None:
        producers = {
            after.details.producer_id: {
                "county": after.county,
                "name_zh": after.details.producer_name_zh,
                "name_en": after.details.producer_name_en,
            }
            for before, after, _ in changes
            if before is None or before.details != after.details
        }
        if producers:
            ProducerDoc._get_collection().bulk_write(
                [UpdateOne({"_id": key}, {"$set": names}, upsert=True) for key, names in producers.items()]
            )

    # --- counties and hubs ---

    def counties(self, codes: Iterable[str]) -> dict[str, CountyListed]:
        """The counties with these codes, as far as they are known."""
        return {row["_id"]: from_row(row, CountyListed, "county") for row in self._listings(COUNTIES, codes)}

    def list_anew(
        self,
        listing: Listing,
        codes: Iterable[str],
        decide: Callable[[Mapping[str, Any]], dict[str, Fact]],
        now: datetime,
    ) -> bool:
        """Load the listings with these codes, let `decide` say how they are to read, write that; False: once more."""
        rows = {row["_id"]: row for row in self._listings(listing, codes)}
        told = decide({code: from_row(row, listing.fact, listing.key) for code, row in rows.items()})
        stamp = new_id()
        operations = {
            code: _listing_operation(listing, rows.get(code), fact, stamp, now) for code, fact in told.items()
        }
        lost = write(listing.document, operations, stamp)
        self.relay.publish(listing.document, told.keys() - lost)
        return not lost

    def _listings(self, listing: Listing, codes: Iterable[str]) -> list[Row]:
        return [row for part in parts(codes) for row in find(listing.document, {"_id": {"$in": part}})]

    # --- signals ---

    def signals(self, ids: Iterable[str]) -> dict[str, Signal]:
        """The signals with these ids, as far as there are any."""
        return {row["_id"]: signal_from(row) for part in parts(ids) for row in find(SignalDoc, {"_id": {"$in": part}})}

    def signals_page(self, county: str | None, after: str | None, limit: int) -> list[Signal]:
        """Signals in order of their ids, one more than `limit` when there are more."""
        return [signal_from(row) for row in page(SignalDoc, county, after, limit)]

    def keep_signals(self, changes: Mapping[str, tuple[Signal | None, Signal]]) -> set[str]:
        """Write signals that were (before) and are to be (after); the ids of those that lost to somebody else."""
        stamp = new_id()
        operations: dict[str, Operation] = {}
        for key, (before, after) in changes.items():
            row = signal_row(replace(after, stamp=stamp))
            operations[key] = operation(before.stamp if before else None, row, [])
        return write(SignalDoc, operations, stamp)


def to_plain(allotment: Allotment) -> Row:
    """The allotment as it stands in its item's document."""
    row: Row = msgspec.to_builtins(allotment, builtin_types=(datetime,))
    return row


def _event(fact: Fact, sequence: int, now: datetime) -> Row:
    return to_document(record(fact, source="catalog", sequence=sequence, time=now, traceparent=tracing.here()))


def _item_operation(change: Change, stamp: str, now: datetime) -> Operation:
    # An allotment's aggregate is the allotment itself, told of once; an item's listings are counted by its version.
    events = [_event(fact, change.after.version if isinstance(fact, ItemListed) else 1, now) for fact in change.facts]
    row = to_row(replace(change.after, stamp=stamp))
    if change.before is None:
        return operation(None, row, events)
    before = to_row(change.before)
    return operation(
        change.before.stamp, {"_id": row["_id"]} | {k: v for k, v in row.items() if v != before[k]}, events
    )


def _listing_operation(listing: Listing, before: Row | None, fact: Fact, stamp: str, now: datetime) -> Operation:
    version = before["version"] + 1 if before else 1
    row = {**listing_row(fact, listing.key), "version": version, "stamp": stamp}
    return operation(before["stamp"] if before else None, row, [_event(fact, version, now)])
