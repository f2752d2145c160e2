"""What the catalog keeps, as documents: collections, indexes, and the way between document and meaning.

Declarations and translation only: reads and writes are `store.py`'s.
"""

from datetime import datetime
from typing import Any, ClassVar, TypeVar

import msgspec
from mongoengine import DateTimeField, DictField, Document, FloatField, IntField, ListField, StringField

from catalog.domain import Item
from catalog.signals import Signal
from chassis.mongo import Aggregate
from contracts.events import Fact

T = TypeVar("T", bound=msgspec.Struct)
Row = dict[str, Any]


class CountyDoc(Aggregate):
    """A county as it was last imported. `stamp` changes with every write: who writes names the one that was read."""

    id = StringField(primary_key=True)
    name_zh = StringField()
    name_en = StringField()
    province_zh = StringField()
    province_en = StringField()
    latitude = FloatField()
    longitude = FloatField()
    host_title = StringField()
    stamp = StringField()
    meta: ClassVar[Row] = {"collection": "counties", "db_alias": "catalog"}


class HubDoc(Aggregate):
    """A hub as it was last imported."""

    id = StringField(primary_key=True)
    county = StringField()
    kind = StringField()
    name_zh = StringField()
    latitude = FloatField()
    longitude = FloatField()
    daily_capacity_parcels = IntField()
    van_capacity_kg = IntField()
    stamp = StringField()
    meta: ClassVar[Row] = {"collection": "hubs", "db_alias": "catalog"}


class ProducerDoc(Document):
    """Who is paid for an item. Items carry a copy of the names."""

    id = StringField(primary_key=True)
    county = StringField()
    name_zh = StringField()
    name_en = StringField()
    meta: ClassVar[Row] = {"collection": "producers", "db_alias": "catalog", "indexes": ["county"]}


class ItemDoc(Aggregate):
    """An item with its lots and allotments, so that its stock, what was set aside and its events are one write."""

    id = StringField(primary_key=True)
    county = StringField()
    sku = StringField()
    details = DictField()
    lots = ListField(DictField())
    allotments = ListField(DictField())
    on_hand = IntField()
    stamp = StringField()
    meta: ClassVar[Row] = {
        "collection": "items",
        "db_alias": "catalog",
        # It also finds a county's page of items: an index more would cost every change of stock more than it saves.
        "indexes": [{"fields": ["county", "sku"], "unique": True}],
    }


class SignalDoc(Document):
    """Demand not served: an item's, in a week, for a reason. `seen` keeps which events were counted."""

    id = StringField(primary_key=True)
    item_id = StringField()
    county = StringField()
    sku = StringField()
    week = StringField()
    reason = StringField()
    quantity = IntField()
    seen = ListField(DictField())
    stamp = StringField()
    meta: ClassVar[Row] = {"collection": "signals", "db_alias": "catalog", "indexes": [("county", "id")]}


class RequestDoc(Document):
    """A request for an allotment by its idempotency key, so that it is granted once; forgotten after 30 days."""

    id = StringField(primary_key=True)
    fingerprint = StringField()
    allotment_id = StringField()
    at = DateTimeField()
    meta: ClassVar[Row] = {
        "collection": "requests",
        "db_alias": "catalog",
        "indexes": [{"fields": ["at"], "expireAfterSeconds": 30 * 86_400}],
    }


def from_row(row: Row, cls: type[T], key: str = "id") -> T:
    """What the document stands for; `key` is the name that `_id` has there."""
    return msgspec.convert({**row, key: row["_id"]}, cls)


def to_row(value: msgspec.Struct, key: str = "id") -> Row:
    """The document that stands for the value. Days are kept as ISO text: BSON knows instants only."""
    row: Row = msgspec.to_builtins(value, builtin_types=(datetime,))
    row["_id"] = row.pop(key)
    return row


def item_from(row: Row) -> Item:
    """The item in a document."""
    return from_row(row, Item)


def signal_from(row: Row) -> Signal:
    """The signal in a document. Tellers are kept as a list, since their names may hold what field names may not.

    Documents of earlier versions know the last number of each teller alone: all before it were heard.
    """
    seen = {told["teller"]: told.get("runs") or [[1, told["sequence"]]] for told in row["seen"]}
    return from_row({**row, "seen": seen}, Signal)


def signal_row(signal: Signal) -> Row:
    """The document of a signal."""
    seen = [{"teller": teller, "runs": [list(run) for run in runs]} for teller, runs in signal.seen.items()]
    return {**to_row(signal), "seen": seen}


def listing_row(fact: Fact, key: str) -> Row:
    """The document of a county or hub: its listing is all there is to it."""
    return to_row(fact, key)
