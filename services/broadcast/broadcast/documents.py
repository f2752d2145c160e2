"""What broadcast keeps: its own aggregates (shows, audience samples) and copies of what others told. No behaviour."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, DictField, Document, IntField, ListField, StringField

from chassis.mongo import Aggregate

_ALIAS = "broadcast"


class ShowDoc(Aggregate):
    """A show. `revision` counts its writes and guards them, `version` counts its events; slots are `shows.Slot`."""

    id = StringField(primary_key=True)
    show = StringField(required=True)
    programme = StringField(required=True)
    rehearsal = BooleanField(required=True)
    take = IntField(required=True)
    state = StringField(required=True)
    slots = ListField(DictField())
    starts_at = DateTimeField()
    started_at = DateTimeField()
    ended_at = DateTimeField()
    audience = DictField()
    revision = IntField(required=True)
    meta: ClassVar[dict[str, Any]] = {
        "collection": "shows",
        "db_alias": _ALIAS,
        "indexes": [{"fields": ["show", "rehearsal", "take"], "unique": True}, ["rehearsal", "state"]],
    }


class SampleDoc(Aggregate):
    """One report of how many watched; an aggregate of its own, so that counting viewers never waits for the show."""

    id = StringField(primary_key=True)
    show_id = StringField(required=True)
    channel = StringField(required=True)
    viewers = IntField(required=True)
    sampled_at = DateTimeField(required=True)
    minute = DateTimeField(required=True)
    meta: ClassVar[dict[str, Any]] = {"collection": "samples", "db_alias": _ALIAS, "indexes": ["show_id"]}


class SaleDoc(Document):
    """One event of an order of a show, under the event's id: counted once however often it comes."""

    id = StringField(primary_key=True)
    show_id = StringField(required=True)
    slot = IntField(required=True)
    county = StringField(required=True)
    kind = StringField(required=True)
    units = IntField(required=True)
    fen = IntField(required=True)
    minute = DateTimeField(required=True)
    meta: ClassVar[dict[str, Any]] = {"collection": "sales", "db_alias": _ALIAS, "indexes": ["show_id"]}


class AllotmentDoc(Document):
    """A copy of stock that catalog set aside for a slot; kept apart too, for the line-up may come to fit it later."""

    id = StringField(primary_key=True)
    show_id = StringField(required=True)
    slot = IntField(required=True)
    item_id = StringField(required=True)
    county = StringField(required=True)
    sku = StringField(required=True)
    offered = IntField(required=True)
    price_fen = IntField(required=True)
    per_buyer_limit = IntField()
    allotted_at = DateTimeField(required=True)
    meta: ClassVar[dict[str, Any]] = {"collection": "allotments", "db_alias": _ALIAS, "indexes": ["show_id"]}


class ItemDoc(Document):
    """A copy of an item that catalog listed; `sequence` is the number of the event it is from."""

    id = StringField(primary_key=True)
    county = StringField(required=True)
    sku = StringField(required=True)
    name_zh = StringField()
    name_en = StringField()
    unit = StringField()
    weight_g = IntField()
    price_fen = IntField()
    live_price_fen = IntField()
    producer_id = StringField()
    producer_name_zh = StringField()
    producer_name_en = StringField()
    sequence = IntField(required=True)
    meta: ClassVar[dict[str, Any]] = {"collection": "items", "db_alias": _ALIAS, "indexes": ["sku"]}


class HostDoc(Document):
    """A copy of a county that catalog listed, with the title of the official who hosts its slots."""

    id = StringField(primary_key=True)
    name_zh = StringField()
    name_en = StringField()
    host_title = StringField()
    sequence = IntField(required=True)
    meta: ClassVar[dict[str, Any]] = {"collection": "hosts", "db_alias": _ALIAS}
