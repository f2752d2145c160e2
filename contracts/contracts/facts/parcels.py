"""What orders says of parcels on their way."""

from typing import Annotated

from msgspec import Meta

from contracts.facts.fact import Fact
from contracts.types import BuyerId, County, Grams, HubCode, Name, OrderId, ParcelId, Utc


class ParcelFact(Fact, frozen=True, kw_only=True):
    """What every event of a parcel carries. No name or address: the label alone has what a carrier needs."""

    parcel_id: ParcelId
    buyer_id: BuyerId
    county: County
    order_ids: Annotated[
        tuple[OrderId, ...], Meta(description="The orders in the parcel, all of one buyer and county.")
    ]


class ParcelPacked(ParcelFact, frozen=True, kw_only=True):
    """A buyer's paid orders of one county were put into one parcel at a hub."""

    hub: HubCode
    weight_g: Annotated[Grams, Meta(description="Mass of the goods in the parcel in grams.", examples=[5000])]
    packed_at: Annotated[Utc, Meta(description="When the parcel was packed, by orders' clock, UTC.")]


class ParcelShipped(ParcelFact, frozen=True, kw_only=True):
    """A parcel was handed to its carrier."""

    hub: HubCode
    carrier: Annotated[Name, Meta(description="Name of the trunk carrier that took it.", examples=["China Post"])]
    tracking_number: Annotated[str, Meta(description="The carrier's or our own number for following the parcel.")]
    shipped_at: Annotated[Utc, Meta(description="When the carrier took it, by orders' clock, UTC.")]


class ParcelScanned(ParcelFact, frozen=True, kw_only=True):
    """A parcel was seen at a hub or by a carrier on its way."""

    hub: HubCode
    scanned_at: Annotated[Utc, Meta(description="When it was scanned, by orders' clock, UTC.")]


class ParcelDelivered(ParcelFact, frozen=True, kw_only=True):
    """A parcel reached its buyer."""

    delivered_at: Annotated[Utc, Meta(description="When it was handed over, by orders' clock, UTC.")]
