"""What is asked and shown of the waitlist. Reads nouns, writes nothing."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.types import Channel, County, Fen, Id, SomeUnits
from orders.model import Allotment, Entry, Order
from orders.views import Quantity

PlaceState = Literal["waiting", "offered", "taken", "lapsed", "preordered", "missed", "passed", "left"]


class JoinWaitlist(msgspec.Struct, frozen=True, kw_only=True):
    """What a buyer would take if it came back, and where they saw it."""

    quantity: Quantity
    channel: Channel


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's place on a waitlist: how far in front, what was offered, or which lot is waited for."""

    id: Id
    allotment_id: Id
    item_id: Id
    county: County
    sku: str
    name_zh: str
    name_en: str
    show_id: Id | None
    slot: int | None
    channel: str
    quantity: SomeUnits
    unit_price_fen: Fen
    joined_at: datetime
    state: Annotated[
        PlaceState,
        Meta(
            description="`offered`: an order to be paid; `taken`: it was paid; `lapsed`: it was not, or was cancelled; "
            "`preordered`: first when the next lot is sold; `missed`: nothing came back and no lot is known; "
            "`passed`: its buyer had bought their limit meanwhile; `left`: given up."
        ),
    ]
    position: Annotated[int | None, Meta(description="1 is served next; null unless it waits.")]
    order_id: Annotated[Id | None, Meta(description="The order that was placed for it.")]
    offer_until: Annotated[datetime | None, Meta(description="Until when that order is to be paid.")]
    lot: Annotated[str | None, Meta(description="The lot that is ordered ahead.")]
    expected_on: Annotated[date | None, Meta(description="Day that lot is harvested or made, in China.")]


def place_view(entry: Entry, allotment: Allotment, position: int | None, order: Order | None = None) -> PlaceView:
    """An entry as its buyer sees it."""
    return PlaceView(
        id=entry.id,
        allotment_id=entry.allotment_id,
        item_id=entry.item_id,
        county=allotment.county,
        sku=allotment.sku,
        name_zh=allotment.name_zh,
        name_en=allotment.name_en,
        show_id=allotment.show_id,
        slot=allotment.slot,
        channel=entry.channel,
        quantity=entry.quantity,
        unit_price_fen=entry.unit_price_fen,
        joined_at=entry.joined_at,
        state=_state(entry, order),
        position=position,
        order_id=entry.order_id,
        offer_until=entry.offer_until,
        lot=entry.lot,
        expected_on=entry.expected_on,
    )


def _state(entry: Entry, order: Order | None) -> PlaceState:
    """Called is waiting to who waits; what became of an offer, its order says."""
    if entry.state == "called":
        return "waiting"
    if entry.state != "offered" or order is None or order.state == "placed":
        return entry.state
    return "lapsed" if order.state == "cancelled" else "taken"
