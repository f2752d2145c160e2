"""Parcels and hubs at rest."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo import UpdateMany, UpdateOne

from orders.model import Hub, Order, Parcel
from orders.store.documents import HubDoc, OrderDoc, ParcelDoc
from orders.store.rows import NEVER, Relays, Rows, document_of, encoded, pieces


class ParcelRows(Rows[Parcel]):
    """The collection of parcels."""

    def __init__(self, relay: Relays) -> None:
        super().__init__(ParcelDoc, Parcel, relay)

    def add(self, parcels: Sequence[Parcel]) -> None:
        """Begin parcels."""
        self.insert_new([document_of(parcel) | {"outbox": []} for parcel in parcels])

    def claim(self, parcels: Sequence[Parcel]) -> None:
        """Put into each parcel those of its orders that are still paid and unpacked. Done twice it changes nothing."""
        claims = [
            UpdateMany(
                {"_id": {"$in": piece}, "state": "paid"},
                {"$set": {"state": "packed", "parcel_id": parcel.id}, "$inc": {"version": 1}},
            )
            for parcel in parcels
            for piece in pieces(parcel.order_ids)
        ]
        if claims:
            OrderDoc._get_collection().bulk_write(claims, ordered=False)

    def drop_empty(self, parcel_ids: Iterable[str]) -> None:
        """Remove begun parcels that got no order."""
        for piece in pieces(parcel_ids):
            self.collection.delete_many({"_id": {"$in": piece}, "state": "packing"})

    def left_behind(self, begun_before: datetime) -> list[Parcel]:
        """Parcels whose packing was begun and not ended."""
        return self.find({"state": "packing", "begun_at": {"$lt": begun_before}}, limit=500)

    def count(self, state: str, most: int) -> int:
        """How many are in that state; more than `most` are not counted."""
        return self.collection.count_documents({"state": state, "begun_at": {"$gt": NEVER}}, limit=most)

    def oldest_packed(self) -> datetime | None:
        """When that one was begun that has been packed and not shipped for longest."""
        packed = {"state": "packed", "begun_at": {"$gt": NEVER}}
        found = self.collection.find(packed, {"_id": 0, "begun_at": 1}).sort("begun_at", 1).limit(1)
        return next((row["begun_at"] for row in found), None)

    def to_complete(self, now: datetime, limit: int) -> list[Parcel]:
        """Delivered parcels whose orders nobody may send back any more."""
        return self.find({"complete_at": {"$gt": NEVER, "$lte": now}}, limit=limit)

    def completed(self, parcel_ids: Iterable[str]) -> None:
        """No order of these is open any more. Nobody decides by it, so no version is counted."""
        for piece in pieces(parcel_ids):
            self.collection.update_many({"_id": {"$in": piece}}, {"$unset": {"complete_at": ""}})

    def of(self, order: Order) -> Parcel | None:
        """The parcel that an order travels in."""
        return self.get(order.parcel_id) if order.parcel_id else None

    def of_orders(self, parcel_ids: Iterable[str | None]) -> dict[str, Parcel]:
        """Parcels by id."""
        return {parcel.id: parcel for parcel in self.many({key for key in parcel_ids if key})}

    def page(self, query: Mapping[str, Any], after: str | None, limit: int) -> list[Parcel]:
        """Those that match, in the order of their ids, after a cursor."""
        return self.find({**query, **({"_id": {"$gt": after}} if after else {})}, limit=limit, sort="_id")

    def remember_hubs(self, hubs: Iterable[Hub]) -> None:
        """Keep each hub's latest state."""
        for hub in hubs:
            fields = encoded(hub)
            key = fields.pop("_id")
            writes = [
                UpdateOne({"_id": key}, {"$setOnInsert": fields}, upsert=True),
                UpdateOne({"_id": key, "sequence": {"$lt": hub.sequence}}, {"$set": fields}),
            ]
            HubDoc._get_collection().bulk_write(writes)

    def hubs(self, county: str) -> list[Hub]:
        """A county's hubs."""
        return [msgspec.convert(row, Hub) for row in HubDoc._get_collection().find({"county": county}).sort("_id", 1)]
