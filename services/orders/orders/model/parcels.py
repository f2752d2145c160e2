"""Parcels and hubs, as they are at rest. No rule."""

from datetime import datetime
from typing import Literal

import msgspec

ParcelState = Literal["packing", "packed", "shipped", "delivered"]


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel was seen somewhere on its way."""

    hub: str
    scanned_at: datetime


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One or more orders of one buyer from one county. `packing` is a parcel whose orders are still being claimed."""

    id: str = msgspec.field(name="_id")
    buyer_id: str
    county: str
    order_ids: list[str]
    hub: str
    weight_g: int
    state: ParcelState
    begun_at: datetime
    packed_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    shipped_at: datetime | None = None
    scans: list[Scan] = []
    delivered_at: datetime | None = None
    complete_at: datetime | None = None  # delivered, and its orders are not completed yet: then they will be
    traceparent: str | None = None  # what it was packed in, where that was traced
    version: int = 0


class Hub(msgspec.Struct, frozen=True, kw_only=True):
    """A collection point or logistics centre, as catalog listed it."""

    id: str = msgspec.field(name="_id")
    county: str
    kind: Literal["village_point", "county_centre"]
    name_zh: str
    sequence: int
