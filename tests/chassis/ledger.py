"""A sample service for the chassis' tests: writes down every event it is given, chokes on what it is told to choke on.

Started as a process of its own: `python -m chassis.run ledger:LedgerService` in this folder.
"""

import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

import eventlet
import msgspec
from mongoengine import Document, IntField, StringField
from pymongo.errors import BulkWriteError

from chassis.config import Settings
from chassis.http import PUBLIC, Call, http
from chassis.kafka import consume
from chassis.mongo import Aggregate, Store, Stored
from contracts.codec import record, to_document
from contracts.events import (
    AudienceSampled,
    DemandMissed,
    ItemFeatured,
    ParcelScanned,
    StreamEnded,
    StreamStarted,
)

_log = logging.getLogger(__name__)


class LedgerSettings(Settings, frozen=True, kw_only=True):
    slow_seconds: float = 0.0
    slow_channel: str = ""
    poison_channel: str = "poison"


class EntryDoc(Document):
    """One event as it was handed to a handler; `nth` counts how often."""

    id = StringField(primary_key=True)
    handler = StringField()
    together = IntField()
    meta: ClassVar[dict[str, Any]] = {"collection": "entries", "db_alias": "ledger"}


class SampleDoc(Aggregate):
    """An aggregate with an outbox."""

    id = StringField(primary_key=True)
    meta: ClassVar[dict[str, Any]] = {"collection": "samples", "db_alias": "ledger"}


class LedgerStore(Store):
    documents = (EntryDoc, SampleDoc)

    def write_down(self, events: list[Any], handler: str) -> None:
        for event in events:
            EntryDoc._get_collection().update_one(
                {"_id": f"{handler} {event.id}"},
                {
                    "$set": {"handler": handler, "together": len(events)},
                    "$inc": {"times": 1},
                },
                upsert=True,
            )

    def write_down_many(self, events: list[Any]) -> None:
        with suppress(BulkWriteError):  # those that came before
            EntryDoc._get_collection().insert_many(
                [{"_id": f"scanned {event.id}", "handler": "scanned"} for event in events], ordered=False
            )

    def sample(self, fact: AudienceSampled, now: Any) -> None:
        item = record(fact, source="ledger", sequence=1, time=now)
        SampleDoc._get_collection().insert_one({"_id": fact.show_id, "version": 1, "outbox": [to_document(item)]})
        self.relay.publish(SampleDoc, [fact.show_id])


class Sample(msgspec.Struct):
    show_id: str


class LedgerService:
    name = "ledger"
    version = "0.1.0"
    settings_class = LedgerSettings
    store = Stored(LedgerStore)

    @http(
        "POST",
        "/samples",
        who=PUBLIC,
        body=Sample,
        returns=None,
        summary="Publish an audience sample",
    )
    def sample(self, call: Call[Sample]) -> None:
        fact = AudienceSampled(
            show_id=call.body.show_id,
            rehearsal=False,
            channel="web",
            viewers=1,
            sampled_at=call.now,
        )
        self.store.sample(fact, call.now)

    @consume(AudienceSampled, batch=100)
    def sampled(self, events: list[Any]) -> None:
        if any(event.data.channel == self.store.settings.slow_channel for event in events):
            _log.warning("sleeping over %s", [event.id for event in events])
            eventlet.sleep(self.store.settings.slow_seconds)
        if any(event.data.channel == self.store.settings.poison_channel for event in events):
            raise ValueError("cannot digest a poisonous channel")
        self.store.write_down(events, "batch")

    @consume(ParcelScanned, batch=500)
    def scanned(self, events: list[Any]) -> None:
        self.store.write_down_many(events)

    @consume(ItemFeatured, StreamStarted)
    def one_by_one(self, event: Any) -> None:
        self.store.write_down([event], "single")

    @consume(StreamEnded, DemandMissed, fanout=True, rewind=timedelta(minutes=10))
    def everywhere(self, delivery: Any) -> None:
        self.store.write_down([delivery.event], f"fanout-{delivery.topic}")
