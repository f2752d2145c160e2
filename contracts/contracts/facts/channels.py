"""What other platforms say to us, orders taken elsewhere to be served from our allotments; and the answer no."""

from typing import Annotated

from msgspec import Meta

from contracts.facts.fact import Fact
from contracts.types import (
    AllotmentId,
    BuyerId,
    Channel,
    County,
    ExternalNumber,
    OrderId,
    Sku,
    SomeUnits,
    UnitPrice,
    Units,
    Utc,
)


class ChannelOrderReceived(Fact, frozen=True, kw_only=True):
    """Another platform sold an item of ours and was paid for it. Answered by `order.placed` or `order.declined`."""

    channel: Channel
    external_number: ExternalNumber
    line: Annotated[int, Meta(ge=1, description="Which line of that order, from 1.", examples=[1])] = 1
    sku: Sku
    county: Annotated[
        County | None, Meta(description="The county whose SKU it is; null where only one county uses the SKU.")
    ] = None
    allotment_id: Annotated[
        AllotmentId | None,
        Meta(description="What it was sold from; null: the oldest open shelf of the SKU that has enough."),
    ] = None
    customer: Annotated[BuyerId, Meta(description="The other platform's own pseudonym of its customer.")]
    quantity: SomeUnits
    unit_price_fen: UnitPrice
    placed_at: Annotated[Utc, Meta(description="When it was sold, by the other platform's clock, UTC.")]


class OrderDeclined(Fact, frozen=True, kw_only=True):
    """Another platform's order cannot be served: the platform has to give its customer the money back."""

    order_id: Annotated[OrderId, Meta(description="The id that the order would have had, given by orders.")]
    channel: Channel
    external_number: ExternalNumber
    line: Annotated[int, Meta(ge=1, description="Which line of that order, from 1.", examples=[1])]
    sku: Sku
    quantity: SomeUnits
    reason: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            description="Why, as a word that does not change.",
            examples=["sold-out", "no-such-allotment", "allotment-closed", "number-reused"],
        ),
    ]
    detail: Annotated[str, Meta(description="Why, in a sentence.", examples=["Only 3 remain."])]
    remaining: Annotated[Units | None, Meta(description="Units that remained; null where none was sold there.")] = None
    declined_at: Annotated[Utc, Meta(description="When it was decided, by orders' clock, UTC.")]
