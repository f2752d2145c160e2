"""What may be asked of parcels and what is shown of them: bodies, queries, answers of their routes. Writes nothing."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chassis.http import Paging
from contracts.types import County, Grams, Id, Units
from orders.model import Parcel, Scan

Carrier = Annotated[str, Meta(min_length=1, max_length=200, description="Who carries the parcel.", examples=["YTO"])]
HubCode = Annotated[str, Meta(min_length=1, max_length=64, description="Code of the hub.", examples=["520123-C"])]


class ListParcels(Paging, frozen=True, kw_only=True):
    """Which parcels to list."""

    state: Literal["packed", "shipped", "delivered"] | None = None


class PackOrders(msgspec.Struct, frozen=True, kw_only=True):
    """Whose orders to pack, and how many at most."""

    county: County
    limit: Annotated[int, Meta(ge=1, le=20_000, description="Most orders to pack.")] = 5_000


class ShipParcels(msgspec.Struct, frozen=True, kw_only=True):
    """Whose packed parcels to hand to which carrier."""

    county: County
    carrier: Carrier


class ShipParcel(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier, and its number for the parcel if it gave one."""

    carrier: Carrier
    tracking_number: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class ScanParcel(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parcel was seen."""

    hub: HubCode


class PackedView(msgspec.Struct, frozen=True, kw_only=True):
    """What a packing came to."""

    parcels: Units
    orders: Units


class ShippedView(msgspec.Struct, frozen=True, kw_only=True):
    """How many parcels were handed over."""

    parcels: Units


class ParcelView(msgspec.Struct, frozen=True, kw_only=True):
    """The label and the way: what a carrier needs to know, and nothing of what is inside or what it cost."""

    id: Id
    county: County
    hub: str
    weight_g: Grams
    state: Literal["packing", "packed", "shipped", "delivered"]
    carrier: str | None
    tracking_number: str | None
    packed_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    scans: list[Scan]


def parcel_view(parcel: Parcel) -> ParcelView:
    """A parcel's label and way."""
    return ParcelView(
        id=parcel.id,
        county=parcel.county,
        hub=parcel.hub,
        weight_g=parcel.weight_g,
        state=parcel.state,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        packed_at=parcel.packed_at,
        shipped_at=parcel.shipped_at,
        delivered_at=parcel.delivered_at,
        scans=parcel.scans,
    )
