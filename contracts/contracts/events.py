"""Every event that the services tell one another, and the one source of their schemas.

Each is a fact in the past tense; its topic carries its name. `REGISTRY` says for each who may publish it, by which field it is keyed
(the aggregate whose order matters) and whether only the last one of a key is kept. Schemas, AsyncAPI and docs are generated from here.
"""

from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from contracts.types import (
    CancelReason,
    Channel,
    County,
    Day,
    Fen,
    Grams,
    HubKind,
    Id,
    ItemKind,
    Latitude,
    Longitude,
    MissReason,
    Name,
    Purpose,
    Rehearsal,
    Sku,
    SlotNumber,
    SomeUnits,
    Units,
    Utc,
)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says. Unknown fields are ignored by readers, so a field may be added."""


# --- catalog: what can be sold, and where it comes from ------------------------------------------------------------------


class CountyListed(Fact, frozen=True, kw_only=True):
    """A county, the tenant, with all its public state."""

    county: County
    name_zh: Name
    name_en: Name
    province_zh: Name
    province_en: Name
    latitude: Latitude
    longitude: Longitude
    host_title: Annotated[str, Meta(description="Title of the official who hosts the county's shows, in English.")]


class HubListed(Fact, frozen=True, kw_only=True):
    """A collection point or logistics centre, with all its public state."""

    hub: Annotated[str, Meta(description="Code of the hub.", examples=["520123-V1"])]
    county: County
    kind: HubKind
    name_zh: Name
    latitude: Latitude
    longitude: Longitude
    daily_capacity_parcels: Annotated[int, Meta(ge=0, description="Parcels the hub can handle a day.")]
    van_capacity_kg: Annotated[int, Meta(ge=0, description="Payload of one van in kilograms.")] | None = None


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A harvest batch: where and when the thing was grown, and what vouches for it."""

    lot: Annotated[str, Meta(min_length=1, max_length=128, description="The lot's code, unique within the item.")]
    origin_village: str | None = None
    harvested_on: Day | None = None
    geographical_indication: Annotated[str, Meta(description="Registered geographical indication, Chinese.")] | None = None
    certificate: Annotated[str, Meta(description="Number or name of a quality certificate.")] | None = None
    certificate_expires_on: Day | None = None


class ItemListed(Fact, frozen=True, kw_only=True):
    """An item's whole public state; the last one of an item is the truth."""

    item_id: Id
    county: County
    county_name_zh: Name
    county_name_en: Name
    sku: Sku
    kind: ItemKind
    name_zh: Name
    name_en: Name
    unit: Annotated[str, Meta(description="Sales unit.", examples=["box", "bag"])]
    weight_g: Grams
    price_fen: Fen
    live_price_fen: Fen
    producer_id: Id
    producer_name_zh: Name
    producer_name_en: Name
    shelf_life_days: Annotated[int, Meta(ge=0, description="Days the item keeps after harvest or production.")]
    lots: tuple[Lot, ...] = ()


class StockAllotted(Fact, frozen=True, kw_only=True):
    """Stock set aside to be sold: orders sell only from allotments."""

    allotment_id: Id
    item_id: Id
    county: County
    sku: Sku
    name_zh: Name
    name_en: Name
    producer_id: Id
    weight_g: Grams
    purpose: Purpose
    offered: SomeUnits
    price_fen: Fen
    per_buyer_limit: SomeUnits | None = None
    show_id: Id | None = None
    slot: SlotNumber | None = None
    allotted_at: Utc


# --- broadcast: what is on screen now ------------------------------------------------------------------------------------


class StreamStarted(Fact, frozen=True, kw_only=True):
    """A show went live."""

    show_id: Id
    show: Annotated[str, Meta(description="The show's key in its line-up.", examples=["2018-12-03-township-sweet"])]
    programme: Name
    rehearsal: Rehearsal
    counties: tuple[County, ...]
    channels: tuple[Channel, ...]
    started_at: Utc


class ItemFeatured(Fact, frozen=True, kw_only=True):
    """A slot's item was put on screen; its live price holds from `opens_at` until `closes_at`, or the show's end if sooner."""

    show_id: Id
    programme: Name
    rehearsal: Rehearsal
    slot: SlotNumber
    allotment_id: Id
    item_id: Id
    county: County
    sku: Sku
    name_zh: Name
    name_en: Name
    producer_id: Id
    weight_g: Grams
    price_fen: Fen
    live_price_fen: Fen
    offered: SomeUnits
    per_buyer_limit: SomeUnits | None
    channels: tuple[Channel, ...]
    opens_at: Utc
    closes_at: Utc


class StreamEnded(Fact, frozen=True, kw_only=True):
    """A show ended: its price windows close, and what was not sold goes back to stock."""

    show_id: Id
    show: str
    programme: Name
    rehearsal: Rehearsal
    counties: tuple[County, ...]
    started_at: Utc
    ended_at: Utc


class AudienceSampled(Fact, frozen=True, kw_only=True):
    """How many were watching a show on a channel at an instant (concurrent viewers, as the channel reports them)."""

    show_id: Id
    rehearsal: Rehearsal
    channel: Channel
    viewers: Annotated[int, Meta(ge=0, description="Concurrent viewers.", examples=[86000])]
    sampled_at: Utc


# --- orders: nothing oversold, nothing lost ------------------------------------------------------------------------------


class OrderFact(Fact, frozen=True, kw_only=True):
    """What every event of an order carries, so that a reader needs no other one."""

    order_id: Id
    buyer_id: Id
    allotment_id: Id
    item_id: Id
    county: County
    sku: Sku
    name_zh: Name
    name_en: Name
    producer_id: Id
    channel: Channel
    rehearsal: Rehearsal
    imported: Annotated[bool, Meta(description="True when another platform took the order, the money and the buyer's questions.")]
    show_id: Id | None = None
    slot: SlotNumber | None = None


class OrderPlaced(OrderFact, frozen=True, kw_only=True):
    """An order was taken, its units are its buyer's; unpaid it lapses at `pay_by`."""

    quantity: SomeUnits
    unit_price_fen: Fen
    total_fen: Fen
    weight_g: Grams
    external_number: Annotated[str, Meta(description="The other platform's own order number.")] | None = None
    placed_at: Utc
    pay_by: Utc | None = None


class OrderPaid(OrderFact, frozen=True, kw_only=True):
    """An order's whole amount was paid."""

    quantity: SomeUnits
    amount_fen: Fen
    provider: Annotated[str, Meta(description="Who took the payment.", examples=["test", "channel"])]
    payment_id: Id
    paid_at: Utc


class OrderCancelled(OrderFact, frozen=True, kw_only=True):
    """An order ended before it was packed; its units are free again, and what was paid is refunded."""

    quantity: SomeUnits
    reason: CancelReason
    refund_fen: Fen
    cancelled_at: Utc


class OrderReturned(OrderFact, frozen=True, kw_only=True):
    """Goods of a paid order came back, all or part; `restocked` says whether they may be sold again."""

    quantity: SomeUnits
    refund_fen: Fen
    restocked: bool
    returned_at: Utc


class AllotmentClosed(Fact, frozen=True, kw_only=True):
    """An allotment sells no more. Cumulative: a later revision (a late cancellation) replaces an earlier one."""

    allotment_id: Id
    item_id: Id
    county: County
    sku: Sku
    name_zh: Name
    name_en: Name
    producer_id: Id
    rehearsal: Rehearsal
    show_id: Id | None = None
    slot: SlotNumber | None = None
    offered: SomeUnits
    sold: Units
    returned: Annotated[Units, Meta(description="Units that go back to stock; offered = sold + returned.")]
    revision: Annotated[int, Meta(ge=1, description="1 at the close, +1 for each later correction.")]
    closed_at: Utc


class ParcelFact(Fact, frozen=True, kw_only=True):
    """What every event of a parcel carries. No name or address: the label alone has what a carrier needs."""

    parcel_id: Id
    buyer_id: Id
    county: County
    order_ids: tuple[Id, ...]


class ParcelPacked(ParcelFact, frozen=True, kw_only=True):
    """A buyer's paid orders of one county were put into one parcel at a hub."""

    hub: str
    weight_g: Grams
    packed_at: Utc


class ParcelShipped(ParcelFact, frozen=True, kw_only=True):
    """A parcel was handed to its carrier."""

    hub: str
    carrier: Name
    tracking_number: Annotated[str, Meta(description="The carrier's or our own number for following the parcel.")]
    shipped_at: Utc


class ParcelScanned(ParcelFact, frozen=True, kw_only=True):
    """A parcel was seen at a hub or by a carrier on its way."""

    hub: str
    scanned_at: Utc


class ParcelDelivered(ParcelFact, frozen=True, kw_only=True):
    """A parcel reached its buyer."""

    delivered_at: Utc


class DemandMissed(Fact, frozen=True, kw_only=True):
    """Demand that was seen and not served, added up over a short while for one item."""

    item_id: Id
    county: County
    sku: Sku
    quantity: SomeUnits
    reason: MissReason
    allotment_id: Id | None = None
    show_id: Id | None = None
    missed_at: Utc


class EventType(NamedTuple):
    """An event's place in the system. Its topic is its name."""

    name: str
    cls: type[Fact]
    key: str
    owner: str
    compacted: bool = False


_ALL: Final = (
    EventType("county.listed", CountyListed, "county", "catalog", compacted=True),
    EventType("hub.listed", HubListed, "hub", "catalog", compacted=True),
    EventType("item.listed", ItemListed, "item_id", "catalog", compacted=True),
    EventType("stock.allotted", StockAllotted, "allotment_id", "catalog"),
    EventType("stream.started", StreamStarted, "show_id", "broadcast"),
    EventType("item.featured", ItemFeatured, "show_id", "broadcast"),
    EventType("stream.ended", StreamEnded, "show_id", "broadcast"),
    EventType("audience.sampled", AudienceSampled, "show_id", "broadcast"),
    EventType("order.placed", OrderPlaced, "order_id", "orders"),
    EventType("order.paid", OrderPaid, "order_id", "orders"),
    EventType("order.cancelled", OrderCancelled, "order_id", "orders"),
    EventType("order.returned", OrderReturned, "order_id", "orders"),
    EventType("allotment.closed", AllotmentClosed, "allotment_id", "orders"),
    EventType("parcel.packed", ParcelPacked, "parcel_id", "orders"),
    EventType("parcel.shipped", ParcelShipped, "parcel_id", "orders"),
    EventType("parcel.scanned", ParcelScanned, "parcel_id", "orders"),
    EventType("parcel.delivered", ParcelDelivered, "parcel_id", "orders"),
    EventType("demand.missed", DemandMissed, "item_id", "orders"),
)
EVENTS: Final[dict[str, EventType]] = {event.name: event for event in _ALL}
_BY_CLASS: Final[dict[type[Fact], EventType]] = {event.cls: event for event in _ALL}


def event_type(cls: type[Fact]) -> EventType:
    """The registry's entry of an event class; KeyError for a class that is no event."""
    return _BY_CLASS[cls]
