"""Every event that the services tell one another, and the one source of their schemas.

Each is a fact in the past tense; its topic carries its name. `EVENTS` says for each who may publish it, by which field
it is keyed (the aggregate whose order matters) and whether only the last one of a key is kept. Schemas, AsyncAPI and
the table of events are generated from here.
"""

from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from contracts.types import (
    AllotmentId,
    BuyerId,
    CancelReason,
    Channel,
    Channels,
    Counties,
    County,
    Day,
    Fen,
    Grams,
    HubCode,
    HubKind,
    ItemId,
    ItemKind,
    Latitude,
    LivePrice,
    Longitude,
    LotCode,
    MissReason,
    Name,
    NameEn,
    NameZh,
    Offered,
    OrderId,
    ParcelId,
    PaymentId,
    PerBuyerLimit,
    ProducerId,
    Programme,
    Purpose,
    Rehearsal,
    ShowId,
    ShowKey,
    Sku,
    SlotNumber,
    SomeUnits,
    UnitGrams,
    UnitPrice,
    Units,
    Utc,
)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says. Unknown fields are ignored by readers, so a field may be added."""


# --- catalog: what can be sold, and where it comes from ---------------------------------------------------------------


class CountyListed(Fact, frozen=True, kw_only=True):
    """A county, the tenant, with all its public state."""

    county: County
    name_zh: Annotated[NameZh, Meta(description="The county's name in Chinese.", examples=["修文县"])]
    name_en: Annotated[NameEn, Meta(description="The county's name in English.", examples=["Xiuwen"])]
    province_zh: Annotated[Name, Meta(description="The province it lies in, in Chinese.", examples=["贵州"])]
    province_en: Annotated[Name, Meta(description="The province it lies in, in English.", examples=["Guizhou"])]
    latitude: Latitude
    longitude: Longitude
    host_title: Annotated[
        str,
        Meta(
            description="Title of the official who hosts the county's shows, in English.",
            examples=["Magistrate of Xiuwen County"],
        ),
    ]


class HubListed(Fact, frozen=True, kw_only=True):
    """A collection point or logistics centre, with all its public state."""

    hub: HubCode
    county: County
    kind: HubKind
    name_zh: Annotated[NameZh, Meta(description="The hub's name in Chinese.", examples=["谷堡镇收寄点"])]
    latitude: Latitude
    longitude: Longitude
    daily_capacity_parcels: Annotated[
        int, Meta(ge=0, description="Parcels the hub can handle a day, by its county's reckoning.")
    ]
    van_capacity_kg: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="Payload of one of the hub's vans in kilograms; null where none is stationed.", examples=[1500]
        ),
    ] = None


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A harvest batch: where and when the thing was grown, and what vouches for it."""

    lot: LotCode
    origin_village: Annotated[
        str | None,
        Meta(
            description="Village or township where it was grown, in Chinese, as the county states it.",
            examples=["谷堡镇"],
        ),
    ] = None
    harvested_on: Annotated[Day | None, Meta(description="Day of harvest or making, in China (UTC+8), ISO 8601.")] = (
        None
    )
    geographical_indication: Annotated[
        str | None, Meta(description="Registered geographical indication, in Chinese.", examples=["修文猕猴桃"])
    ] = None
    certificate: Annotated[str | None, Meta(description="Number or name of a quality certificate.")] = None
    certificate_expires_on: Annotated[
        Day | None, Meta(description="Last day, in China (UTC+8), on which the certificate holds, ISO 8601.")
    ] = None


class ItemListed(Fact, frozen=True, kw_only=True):
    """An item's whole public state; the last one of an item is the truth."""

    item_id: ItemId
    county: County
    county_name_zh: Annotated[NameZh, Meta(description="The county's name in Chinese.", examples=["修文县"])]
    county_name_en: Annotated[NameEn, Meta(description="The county's name in English.", examples=["Xiuwen"])]
    sku: Sku
    kind: ItemKind
    name_zh: NameZh
    name_en: NameEn
    unit: Annotated[str, Meta(description="Sales unit: what one of a quantity is.", examples=["box", "bag"])]
    weight_g: UnitGrams
    price_fen: UnitPrice
    live_price_fen: LivePrice
    producer_id: ProducerId
    producer_name_zh: Annotated[NameZh, Meta(description="The producer's name in Chinese.", examples=["谷堡镇产户"])]
    producer_name_en: Annotated[
        NameEn, Meta(description="The producer's name in English.", examples=["Growers of 谷堡镇"])
    ]
    shelf_life_days: Annotated[int, Meta(ge=0, description="Days the item keeps after harvest or production.")]
    lots: Annotated[
        tuple[Lot, ...], Meta(description="The harvest batches it is sold from, as far as they are known.")
    ] = ()


class StockAllotted(Fact, frozen=True, kw_only=True):
    """Stock set aside to be sold: orders sell only from allotments."""

    allotment_id: AllotmentId
    item_id: ItemId
    county: County
    sku: Sku
    name_zh: NameZh
    name_en: NameEn
    producer_id: ProducerId
    weight_g: UnitGrams
    purpose: Purpose
    offered: Offered
    price_fen: UnitPrice
    per_buyer_limit: PerBuyerLimit = None
    show_id: Annotated[ShowId | None, Meta(description="The show it is sold in; null for the shelf.")] = None
    slot: Annotated[SlotNumber | None, Meta(description="The show's slot it is sold in; null for the shelf.")] = None
    allotted_at: Annotated[Utc, Meta(description="When the stock was set aside, by catalog's clock, UTC.")]


# --- broadcast: what is on screen now ---------------------------------------------------------------------------------


class StreamStarted(Fact, frozen=True, kw_only=True):
    """A show went live."""

    show_id: ShowId
    show: ShowKey
    programme: Programme
    rehearsal: Rehearsal
    counties: Counties
    channels: Channels
    started_at: Annotated[Utc, Meta(description="When the show went live, by broadcast's clock, UTC.")]


class ItemFeatured(Fact, frozen=True, kw_only=True):
    """A slot's item was put on screen; its live price holds from `opens_at` to `closes_at` or the show's end."""

    show_id: ShowId
    programme: Programme
    rehearsal: Rehearsal
    slot: SlotNumber
    allotment_id: AllotmentId
    item_id: ItemId
    county: County
    sku: Sku
    name_zh: NameZh
    name_en: NameEn
    producer_id: ProducerId
    weight_g: UnitGrams
    price_fen: UnitPrice
    live_price_fen: LivePrice
    offered: Offered
    per_buyer_limit: PerBuyerLimit
    channels: Channels
    opens_at: Annotated[Utc, Meta(description="From when the live price holds, by broadcast's clock, UTC.")]
    closes_at: Annotated[Utc, Meta(description="Until when the live price holds, by broadcast's clock, UTC.")]


class StreamEnded(Fact, frozen=True, kw_only=True):
    """A show ended: its price windows close, and what was not sold goes back to stock."""

    show_id: ShowId
    show: ShowKey
    programme: Programme
    rehearsal: Rehearsal
    counties: Counties
    started_at: Annotated[Utc, Meta(description="When the show went live, by broadcast's clock, UTC.")]
    ended_at: Annotated[Utc, Meta(description="When the show ended, by broadcast's clock, UTC.")]


class AudienceSampled(Fact, frozen=True, kw_only=True):
    """How many were watching a show on a channel at an instant (concurrent viewers, as the channel reports them)."""

    show_id: ShowId
    rehearsal: Rehearsal
    channel: Channel
    viewers: Annotated[int, Meta(ge=0, description="Concurrent viewers.", examples=[86000])]
    sampled_at: Annotated[Utc, Meta(description="When the channel counted them, UTC.")]


# --- orders: nothing oversold, nothing lost ---------------------------------------------------------------------------


class OrderFact(Fact, frozen=True, kw_only=True):
    """What every event of an order carries, so that a reader needs no other one."""

    order_id: OrderId
    buyer_id: BuyerId
    allotment_id: AllotmentId
    item_id: ItemId
    county: County
    sku: Sku
    name_zh: NameZh
    name_en: NameEn
    producer_id: ProducerId
    channel: Channel
    rehearsal: Rehearsal
    imported: Annotated[
        bool, Meta(description="True when another platform took the order, the money and the buyer's questions.")
    ]
    show_id: Annotated[ShowId | None, Meta(description="The show it is sold in; null for the shelf.")] = None
    slot: Annotated[SlotNumber | None, Meta(description="The show's slot it is sold in; null for the shelf.")] = None


class OrderPlaced(OrderFact, frozen=True, kw_only=True):
    """An order was taken, its units are its buyer's; unpaid it lapses at `pay_by`."""

    quantity: SomeUnits
    unit_price_fen: UnitPrice
    total_fen: Annotated[
        Fen, Meta(description="What the buyer pays in fen: quantity times unit price.", examples=[7980])
    ]
    weight_g: Annotated[Grams, Meta(description="Mass of the whole order in grams.", examples=[5000])]
    external_number: Annotated[
        str | None, Meta(description="The other platform's own order number; null for our own.", examples=["536365"])
    ] = None
    placed_at: Annotated[
        Utc, Meta(description="When the order was taken, by orders' clock (imported: by the other platform's), UTC.")
    ]
    pay_by: Annotated[
        Utc | None, Meta(description="When it lapses if still unpaid, UTC; null when it was paid on placing.")
    ] = None


class OrderPaid(OrderFact, frozen=True, kw_only=True):
    """An order's whole amount was paid."""

    quantity: SomeUnits
    amount_fen: Annotated[
        Fen, Meta(description="What was paid in fen (1/100 yuan), the whole of the order.", examples=[7980])
    ]
    provider: Annotated[str, Meta(description="Who took the payment.", examples=["test", "channel"])]
    payment_id: PaymentId
    paid_at: Annotated[Utc, Meta(description="When the payment was confirmed, UTC.")]


class OrderCancelled(OrderFact, frozen=True, kw_only=True):
    """An order ended before it was packed; its units are free again, and what was paid is refunded."""

    quantity: SomeUnits
    reason: CancelReason
    refund_fen: Annotated[
        Fen, Meta(description="What is paid back in fen (1/100 yuan); 0 when nothing was paid.", examples=[0])
    ]
    cancelled_at: Annotated[Utc, Meta(description="When the order ended, by orders' clock, UTC.")]


class OrderReturned(OrderFact, frozen=True, kw_only=True):
    """Goods of a paid order came back, all or part; `restocked` says whether they may be sold again."""

    quantity: SomeUnits
    refund_fen: Annotated[
        Fen, Meta(description="What is paid back in fen (1/100 yuan); 0 when nothing was paid.", examples=[0])
    ]
    restocked: Annotated[bool, Meta(description="True when the goods may be sold again.")]
    returned_at: Annotated[
        Utc, Meta(description="When the goods were booked in, by orders' clock (imported: the other platform's), UTC.")
    ]


class AllotmentClosed(Fact, frozen=True, kw_only=True):
    """An allotment sells no more. Cumulative: a later revision (a late cancellation) replaces an earlier one."""

    allotment_id: AllotmentId
    item_id: ItemId
    county: County
    sku: Sku
    name_zh: NameZh
    name_en: NameEn
    producer_id: ProducerId
    rehearsal: Rehearsal
    show_id: Annotated[ShowId | None, Meta(description="The show it is sold in; null for the shelf.")] = None
    slot: Annotated[SlotNumber | None, Meta(description="The show's slot it is sold in; null for the shelf.")] = None
    offered: Offered
    sold: Annotated[Units, Meta(description="Sales units sold, net of what was cancelled.", examples=[3988])]
    returned: Annotated[Units, Meta(description="Units that go back to stock; offered = sold + returned.")]
    revision: Annotated[int, Meta(ge=1, description="1 at the close, +1 for each later correction.")]
    closed_at: Annotated[Utc, Meta(description="When the allotment closed or was corrected, by orders' clock, UTC.")]


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


class DemandMissed(Fact, frozen=True, kw_only=True):
    """Demand that was seen and not served, added up over a short while for one item."""

    item_id: ItemId
    county: County
    sku: Sku
    quantity: SomeUnits
    reason: MissReason
    allotment_id: AllotmentId | None = None
    show_id: Annotated[ShowId | None, Meta(description="The show it is sold in; null for the shelf.")] = None
    missed_at: Annotated[Utc, Meta(description="When the count was added up, by orders' clock, UTC.")]


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
