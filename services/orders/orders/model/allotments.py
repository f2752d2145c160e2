"""What orders are sold from, and who waits for it. No rule."""

from datetime import date, datetime
from typing import Literal

import msgspec

from orders.model.changes import Owed

EntryState = Literal["waiting", "called", "offered", "preordered", "missed", "passed", "left"]


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
    sold_before_window: int = 0
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
