"""What orders says of orders: placed, paid, ended, returned."""

from typing import Annotated, Literal

from msgspec import Meta

from contracts.facts.fact import Fact
from contracts.types import (
    AllotmentId,
    BuyerId,
    CancelReason,
    Channel,
    County,
    CouponCode,
    Fen,
    Grams,
    ItemId,
    NameEn,
    NameZh,
    OrderId,
    PaymentId,
    ProducerId,
    Rehearsal,
    ShowId,
    Sku,
    SlotNumber,
    SomeUnits,
    UnitPrice,
    Units,
    Utc,
)


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
        Fen,
        Meta(description="What the buyer pays in fen: quantity times unit price, less the discount.", examples=[7980]),
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
    coupon_code: Annotated[CouponCode | None, Meta(description="The coupon that was used; null for none.")] = None
    discount_fen: Annotated[
        Fen, Meta(description="What the coupon takes off the whole order, in fen.", examples=[0])
    ] = 0


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


class OrderCompleted(OrderFact, frozen=True, kw_only=True):
    """An order is over: its buyer confirmed receipt, or the time to send goods back passed."""

    quantity: Annotated[Units, Meta(description="Sales units that the buyer kept.", examples=[2])]
    amount_fen: Annotated[
        Fen, Meta(description="What was paid less what was refunded, in fen (1/100 yuan).", examples=[7980])
    ]
    by: Annotated[Literal["buyer", "time"], Meta(description="Its buyer said so, or the time to send it back passed.")]
    completed_at: Annotated[Utc, Meta(description="When the order was completed, by orders' clock, UTC.")]
