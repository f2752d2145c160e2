"""Orders, as they are decided and as they are at rest. No rule."""

from datetime import datetime
from typing import Literal

import msgspec

from contracts.events import OrderDeclined
from orders.model.changes import Owed

OrderState = Literal["placed", "paid", "packed", "completed", "cancelled", "returned"]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order as decided: what differs from order to order. With its allotment it makes the order, whoever does so."""

    id: str
    buyer_id: str
    quantity: int
    channel: str
    request_key: str
    unit_price_fen: int
    placed_at: datetime
    recorded_at: datetime
    pay_by: datetime | None = None
    imported: bool = False
    external_number: str | None = None
    places: tuple[int, ...] = ()  # of its buyer's limit, where that is kept by more than one document
    coupon_code: str | None = None
    discount_fen: int = 0
    traceparent: str | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one write decided: orders, and units lent to a bucket, which has the batch's id."""

    lines: list[Line] = []
    loan: int = 0


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """The whole amount of an order, taken."""

    provider: str
    payment_id: str
    amount_fen: int
    paid_at: datetime


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """Goods of an order that came back. `id` makes the same return known when it is reported twice."""

    id: str
    quantity: int
    refund_fen: int
    restocked: bool
    returned_at: datetime


class Astray(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came for an order and cannot pay it. It is known by its id when it is heard of again."""

    provider: str
    payment_id: str
    amount: int
    currency: str
    why: Literal["mismatch", "too-late", "twice", "refunded"]
    came_at: datetime


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One buyer, one allotment, a quantity. `shipped` and `delivered` are its parcel's to say."""

    id: str = msgspec.field(name="_id")
    buyer_id: str
    allotment_id: str
    item_id: str
    county: str
    sku: str
    name_zh: str
    name_en: str
    producer_id: str
    channel: str
    rehearsal: bool
    imported: bool
    show_id: str | None = None
    slot: int | None = None
    quantity: int
    unit_price_fen: int
    total_fen: int
    weight_g: int
    keys: list[str]  # its request's; after it the places it takes of its buyer's limit
    external_number: str | None = None
    coupon_code: str | None = None
    discount_fen: int = 0
    placed_at: datetime
    pay_by: datetime | None = None  # while there is something to pay
    state: OrderState
    payment: Payment | None = None
    asked: list[str] = []  # providers that were asked for its money, so that they can be asked what became of it
    astray: list[Astray] = []
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    returned_quantity: int = 0
    refunded_fen: int = 0
    returns: list[Return] = []
    parcel_id: str | None = None
    completed_at: datetime | None = None
    completed_by: Literal["buyer", "time"] | None = None
    owed: list[Owed] = []
    traceparent: str | None = None  # what it was placed in, where that was traced
    version: int = 0

    @property
    def request_key(self) -> str:
        """What makes the same request the same order."""
        return self.keys[0]


class Declined(msgspec.Struct, frozen=True, kw_only=True):
    """Another platform's order that is not served. `number_key` is its line's; `said` is what its platform is told."""

    id: str = msgspec.field(name="_id")
    number_key: str
    declined_at: datetime
    said: OrderDeclined
