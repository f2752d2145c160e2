"""The nouns of orders, as they are at rest: field names are the documents' own. No rule, no clock, no database.

`Change` is how a rule says what is to be written: fields to set, facts to append, events to announce, in one guarded
write.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from contracts.events import Fact, OrderDeclined

OrderState = Literal["placed", "paid", "packed", "completed", "cancelled", "returned"]
ParcelState = Literal["packing", "packed", "shipped", "delivered"]
EntryState = Literal["waiting", "called", "offered", "preordered", "missed", "passed", "left"]


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


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one write decided: orders, and units lent to a bucket, which has the batch's id."""

    lines: list[Line] = []
    loan: int = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's place on the waitlist of an allotment. Lower tickets come first; what waited for a lot comes before."""

    id: str = msgspec.field(name="_id")
    allotment_id: str
    item_id: str
    buyer_id: str
    channel: str
    quantity: int
    unit_price_fen: int
    request_key: str
    joined_at: datetime
    ticket: int
    state: EntryState
    order_id: str | None = None
    offer_until: datetime | None = None
    preorder_of: str | None = None  # the item, while a lot of it is waited for
    lot: str | None = None
    expected_on: date | None = None
    version: int = 1


class Allotment(msgspec.Struct, frozen=True, kw_only=True):
    """Stock set aside to be sold. Always, at rest: sold + remaining + returned = offered."""

    id: str = msgspec.field(name="_id")
    item_id: str
    county: str
    sku: str
    name_zh: str
    name_en: str
    producer_id: str
    weight_g: int
    purpose: Literal["slot", "shelf"]
    show_id: str | None = None
    slot: int | None = None
    rehearsal: bool = False
    price_fen: int
    per_buyer_limit: int | None = None
    least_waiting: int = 0  # units of the smallest waiting entry; 0 when nobody waits
    tickets: int = 0  # the last number that was given to one who waits
    joining: list[Entry] = []  # they have their tickets, but are perhaps not at rest on the waitlist yet
    attend_since: datetime | None = None  # something is to be done for those who wait
    live_price_fen: int | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    window_sequence: int = 0
    offered: int
    sold: int = 0
    remaining: int
    returned: int = 0
    state: Literal["open", "closed"] = "open"
    revision: int = 0
    version: int = 0
    batches: dict[str, str] = {}  # each a `Batch` as text, see `batches.py`
    pending: list[str] = []
    released: list[str] = []
    loans: int = 0  # buckets ever opened; what they hold counts as sold here
    recalled: list[str] = []


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an allotment that a replica sells from a document of its own.

    Always, at rest: sold + remaining + returned = units; of what was returned the allotment may still be owed some.
    """

    id: str = msgspec.field(name="_id")
    allotment_id: str
    units: int
    remaining: int
    sold: int = 0
    returned: int = 0
    state: Literal["open", "closed", "settled"] = "open"
    version: int = 0
    batches: dict[str, str] = {}
    pending: list[str] = []
    owed: list["Owed"] = []


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon's money set aside for a batch: for which orders, and on which state of which document."""

    batch_id: str
    source_id: str
    source_version: int
    orders: dict[str, int]
    at: datetime

    @property
    def amount_fen(self) -> int:
        """All of it."""
        return sum(self.orders.values())


class Coupon(msgspec.Struct, frozen=True, kw_only=True):
    """An amount off orders of one show and county, once for each buyer.

    Always, at rest: left + held + used = budget.
    """

    code: str = msgspec.field(name="_id")
    show_id: str
    county: str
    discount_fen: int
    least_fen: int
    budget_fen: int
    left_fen: int
    used_fen: int = 0
    opens_at: datetime
    closes_at: datetime
    holds: dict[str, Hold] = {}
    held_since: datetime | None = None
    released: list[str] = []
    version: int = 0


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


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """What an order still owes after a change: units to its allotment, or money to its buyer. Cleared when given."""

    id: str
    kind: Literal["units", "refund", "coupon"]
    amount: int
    since: datetime
    payment_id: str | None = None  # the payment that goes back, where it is not the order's own


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
    version: int = 0

    @property
    def request_key(self) -> str:
        """What makes the same request the same order."""
        return self.keys[0]


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel was seen somewhere on its way."""

    hub: str
    scanned_at: datetime


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One or more orders of one buyer from one county. `packing` is a parcel whose orders are still being claimed."""

    id: str = msgspec.field(name="_id")
    buyer_id: str
    county: str
    order_ids: list[str]
    hub: str
    weight_g: int
    state: ParcelState
    begun_at: datetime
    packed_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    shipped_at: datetime | None = None
    scans: list[Scan] = []
    delivered_at: datetime | None = None
    complete_at: datetime | None = None  # delivered, and its orders are not completed yet: then they will be
    version: int = 0


class Declined(msgspec.Struct, frozen=True, kw_only=True):
    """Another platform's order that is not served. `number_key` is its line's; `said` is what its platform is told."""

    id: str = msgspec.field(name="_id")
    number_key: str
    declined_at: datetime
    said: OrderDeclined


class Hub(msgspec.Struct, frozen=True, kw_only=True):
    """A collection point or logistics centre, as catalog listed it."""

    id: str = msgspec.field(name="_id")
    county: str
    kind: Literal["village_point", "county_centre"]
    name_zh: str
    sequence: int


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """When a slot's live price holds. `sequence` orders the windows of a slot: featured again, the later one counts."""

    allotment_id: str = msgspec.field(name="_id")
    show_id: str
    live_price_fen: int
    per_buyer_limit: int | None
    opens_at: datetime
    closes_at: datetime
    sequence: int


class NextLot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot of an item that is still to be harvested or made."""

    lot: str
    expected_on: date


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One write to a document, guarded by `version`: set `fields`, append to lists, announce `facts`."""

    id: str
    version: int
    fields: Mapping[str, Any] = {}
    append: Mapping[str, list[Any]] = {}
    facts: tuple[Fact, ...] = ()
    at: datetime

    @property
    def new_version(self) -> int:
        """The document's version after the write: one more for each event, and at least one more."""
        return self.version + max(1, len(self.facts))
