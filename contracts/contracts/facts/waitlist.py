"""What orders says of those who came too late: offers from the waitlist, pre-orders of the next lot."""

from typing import Annotated

from msgspec import Meta

from contracts.facts.fact import Fact
from contracts.types import (
    AllotmentId,
    BuyerId,
    Channel,
    County,
    Day,
    EntryId,
    ItemId,
    LotCode,
    NameEn,
    NameZh,
    OrderId,
    PreorderId,
    ShowId,
    Sku,
    SlotNumber,
    SomeUnits,
    UnitPrice,
    Utc,
)


class WaitlistFact(Fact, frozen=True, kw_only=True):
    """What both say: who waited for what."""

    buyer_id: BuyerId
    allotment_id: AllotmentId
    item_id: ItemId
    county: County
    sku: Sku
    name_zh: NameZh
    name_en: NameEn
    channel: Channel
    quantity: SomeUnits
    show_id: Annotated[ShowId | None, Meta(description="The show it is sold in; null for the shelf.")] = None
    slot: Annotated[SlotNumber | None, Meta(description="The show's slot it is sold in; null for the shelf.")] = None


class WaitlistOffered(WaitlistFact, frozen=True, kw_only=True):
    """Released units were set aside for who waited longest, as an order to be paid until `offer_until`."""

    entry_id: EntryId
    order_id: OrderId
    unit_price_fen: UnitPrice
    offered_at: Annotated[Utc, Meta(description="When the offer was made, by orders' clock, UTC.")]
    offer_until: Annotated[Utc, Meta(description="Until when it is to be paid, by orders' clock, UTC.")]


class PreorderPlaced(WaitlistFact, frozen=True, kw_only=True):
    """What a waitlist could not get is ordered ahead from the item's next lot; nothing is to be paid yet."""

    preorder_id: PreorderId
    lot: LotCode
    expected_on: Annotated[Day, Meta(description="Day the lot is harvested or made, in China (UTC+8), ISO 8601.")]
    preordered_at: Annotated[Utc, Meta(description="When the pre-order was taken, by orders' clock, UTC.")]
