"""What may be asked and what is shown: bodies, queries and answers of the routes. Reads nouns, writes nothing."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chassis.http import Paging
from contracts.types import Channel, County, CouponCode, Fen, Grams, Id, Purpose, SomeUnits, Units
from orders import domain, lifecycle
from orders.model import Allotment, Order, Parcel

Quantity = Annotated[int, Meta(ge=1, le=domain.MOST_PER_ORDER, description="Units wanted.", examples=[2])]


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a buyer wants, and where they saw it."""

    allotment_id: Id
    quantity: Quantity
    channel: Channel
    coupon_code: CouponCode | None = None


class PayOrder(msgspec.Struct, frozen=True, kw_only=True):
    """How a buyer pays. The test provider takes token `ok` and declines token `declined`."""

    method: (
        Annotated[str, Meta(max_length=40, description="Payment provider; left out, the first that is on.")] | None
    ) = None
    token: (
        Annotated[str, Meta(max_length=512, description="What the provider gave the buyer's page, if anything.")] | None
    ) = None


class ToPay(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyer must do so that the order is paid."""

    provider: str
    kind: Annotated[
        Literal["url", "qr", "client-secret", "wait"],
        Meta(description="Open a page, show a QR code, hand a secret to the provider's own page script, or just wait."),
    ]
    value: str


class ReturnGoods(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that came back. `restock`: they may be sold again."""

    quantity: Annotated[int, Meta(ge=1, description="Units that came back.")]
    restock: bool


class ListOrders(Paging, frozen=True, kw_only=True):
    """Which orders to list."""

    state: Literal["placed", "paid", "packed", "completed", "cancelled", "returned"] | None = None


class ListAllotments(Paging, frozen=True, kw_only=True):
    """Which allotments to list."""

    show_id: Id | None = None
    county: County | None = None
    purpose: Purpose | None = None


class AllotmentView(msgspec.Struct, frozen=True, kw_only=True):
    """What can be bought here, until when, for how much, and how many are left."""

    id: Id
    item_id: Id
    county: County
    sku: str
    name_zh: str
    name_en: str
    purpose: Purpose
    show_id: Id | None
    slot: int | None
    rehearsal: bool
    state: Literal["open", "closed"]
    price_fen: Annotated[int, Meta(ge=0, description="Price of a unit now, in fen.")]
    list_price_fen: Annotated[int, Meta(ge=0, description="Everyday price of a unit, in fen.")]
    opens_at: datetime | None
    closes_at: datetime | None
    per_buyer_limit: int | None
    offered: Units
    sold: Units
    remaining: Units
    returned: Units


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its buyer and its county see it."""

    id: Id
    buyer_id: str
    allotment_id: Id
    item_id: Id
    county: County
    sku: str
    name_zh: str
    name_en: str
    channel: str
    show_id: Id | None
    slot: int | None
    rehearsal: bool
    imported: bool
    external_number: str | None
    quantity: SomeUnits
    unit_price_fen: Fen
    total_fen: Fen
    weight_g: Grams
    state: Literal["placed", "paid", "packed", "shipped", "delivered", "completed", "cancelled", "returned"]
    placed_at: datetime
    pay_by: datetime | None
    paid_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    coupon_code: CouponCode | None
    discount_fen: Fen
    returned_quantity: Units
    refunded_fen: Fen
    parcel_id: Id | None
    tracking_number: str | None
    completed_at: datetime | None
    to_pay: Annotated[ToPay | None, Meta(description="Only in the answer to a payment that waits for its buyer.")] = (
        None
    )
    version: Annotated[int, Meta(ge=1, description="Counts the order's changes; the answer's ETag is this number.")]


def allotment_view(allotment: Allotment) -> AllotmentView:
    """An allotment as everyone may see it."""
    return AllotmentView(
        id=allotment.id,
        item_id=allotment.item_id,
        county=allotment.county,
        sku=allotment.sku,
        name_zh=allotment.name_zh,
        name_en=allotment.name_en,
        purpose=allotment.purpose,
        show_id=allotment.show_id,
        slot=allotment.slot,
        rehearsal=allotment.rehearsal,
        state=allotment.state,
        price_fen=domain.price_fen(allotment),
        list_price_fen=allotment.price_fen,
        opens_at=allotment.opens_at,
        closes_at=allotment.closes_at,
        per_buyer_limit=allotment.per_buyer_limit,
        offered=allotment.offered,
        sold=allotment.sold,
        remaining=allotment.remaining,
        returned=allotment.returned,
    )


def order_view(order: Order, parcel: Parcel | None = None) -> OrderView:
    """An order; once it is packed its parcel says how far it is."""
    return OrderView(
        id=order.id,
        buyer_id=order.buyer_id,
        allotment_id=order.allotment_id,
        item_id=order.item_id,
        county=order.county,
        sku=order.sku,
        name_zh=order.name_zh,
        name_en=order.name_en,
        channel=order.channel,
        show_id=order.show_id,
        slot=order.slot,
        rehearsal=order.rehearsal,
        imported=order.imported,
        external_number=order.external_number,
        quantity=order.quantity,
        unit_price_fen=order.unit_price_fen,
        total_fen=order.total_fen,
        weight_g=order.weight_g,
        state=lifecycle.state_of(order, parcel),  # type: ignore[arg-type]  # one of them
        placed_at=order.placed_at,
        pay_by=order.pay_by,
        paid_at=order.payment.paid_at if order.payment else None,
        cancelled_at=order.cancelled_at,
        cancel_reason=order.cancel_reason,
        coupon_code=order.coupon_code,
        discount_fen=order.discount_fen,
        returned_quantity=order.returned_quantity,
        refunded_fen=order.refunded_fen,
        parcel_id=order.parcel_id,
        tracking_number=parcel.tracking_number if parcel else None,
        completed_at=order.completed_at,
        version=order.version,
    )
