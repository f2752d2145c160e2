"""What broadcast says: what is on screen now, and who is watching."""

from typing import Annotated

from msgspec import Meta

from contracts.facts.fact import Fact
from contracts.types import (
    AllotmentId,
    Channel,
    Channels,
    Counties,
    County,
    ItemId,
    LivePrice,
    NameEn,
    NameZh,
    Offered,
    PerBuyerLimit,
    ProducerId,
    Programme,
    Rehearsal,
    ShowId,
    ShowKey,
    Sku,
    SlotNumber,
    UnitGrams,
    UnitPrice,
    Utc,
)


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
