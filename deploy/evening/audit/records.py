"""What the services hold at rest, in the audit's own words: the one shape that checks and report are written against.

Data only. `databases` fills it from MongoDB; tests fill it by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from evening.audit.topics import Topics


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the orders service keeps it. `live` is false once it was cancelled, by whomever."""

    order_id: str
    buyer_id: str
    allotment_id: str
    item_id: str
    county: str
    channel: str
    quantity: int
    unit_price_fen: int
    total_fen: int
    live: bool
    state: str
    placed_at: datetime
    key: str = ""
    show_id: str | None = None
    slot: int | None = None
    rehearsal: bool = False
    imported: bool = False
    paid: bool = False
    paid_fen: int = 0
    refunded_fen: int = 0
    returns: int = 0
    returned: int = 0
    restocked: int = 0
    parcel_id: str | None = None
    version: int = 0


class Allotment(msgspec.Struct, frozen=True, kw_only=True):
    """An allotment as the orders service keeps it. `returned` is what went back to stock when it closed."""

    allotment_id: str
    item_id: str
    county: str
    offered: int
    sold: int
    remaining: int
    returned: int
    closed: bool
    rehearsal: bool = False
    per_buyer_limit: int | None = None
    show_id: str | None = None
    slot: int | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item's stock as the catalog keeps it."""

    item_id: str
    county: str
    sku: str
    on_hand: int
    harvested: int


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """An allotment as the catalog keeps it: what it gave away and what came back."""

    allotment_id: str
    item_id: str
    county: str
    offered: int
    returned: int


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel as the orders service keeps it. `fields` are the names of all that it knows."""

    parcel_id: str
    buyer_id: str
    county: str
    order_ids: tuple[str, ...]
    state: str
    fields: frozenset[str] = frozenset()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A message that somebody was sent, and the event it is about."""

    recipient: str
    event_id: str


class Stray(msgspec.Struct, frozen=True, kw_only=True):
    """A value at rest that breaks the rules of money, mass and time: where it is and what it is."""

    where: str
    what: str


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """What a buyer was told with a 201: this order is yours."""

    order_id: str
    key: str
    buyer_id: str
    allotment_id: str
    quantity: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the outside world was told while it happened; what is not known is left out and not checked.

    `skew_seconds`: how far clocks of services were apart at most.
    """

    promises: Sequence[Promise] = ()
    imported: dict[str, int] = {}
    imported_rows: int | None = None
    revenue_fen: int | None = None
    metrics: dict[str, float] = {}
    skew_seconds: float = 0.0


@dataclass
class Evidence:
    """Everything that the audit looks at, read once."""

    topics: Topics
    orders: list[Order] = field(default_factory=list)
    allotments: list[Allotment] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    sales: frozenset[str] = frozenset()  # events that broadcast counts on report cards
    missed: dict[str, int] = field(default_factory=dict)  # units of each item that catalog knows to have been missed
    copies: dict[str, int] = field(default_factory=dict)  # the number of the listing that broadcast has of each item
    rehearsal_shows: frozenset[str] = frozenset()
    documents: dict[str, int] = field(default_factory=dict)
    numbers: int = 0
    strays: list[Stray] = field(default_factory=list)
    unpublished: dict[str, int] = field(default_factory=dict)
    unsettled: dict[str, int] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
