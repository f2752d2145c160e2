"""Which event tells whom what, and who may read it: pure rules. Knows no language, no database, no broker and no
clock.

A telling is a kind of notice, its recipient and the figures its text needs; `texts.py` turns it into words. A
rehearsal and what another platform tells its own buyers give no telling at all. To give an event notices, add one
function to `_TELLERS`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args

from chassis.refusals import Forbidden, Invalid
from contracts.codec import Event
from contracts.events import (
    AllotmentClosed,
    Fact,
    ItemFeatured,
    OrderCancelled,
    OrderFact,
    OrderPaid,
    OrderReturned,
    ParcelDelivered,
    ParcelShipped,
    PreorderPlaced,
    StreamEnded,
    StreamStarted,
    WaitlistOffered,
)

Kind = Literal[
    "order-paid",
    "order-cancelled",
    "order-returned",
    "waitlist-offered",
    "preorder-placed",
    "parcel-shipped",
    "parcel-delivered",
    "allotment-closed",
    "allotment-corrected",
    "item-on-screen",
    "show-started",
    "show-ended",
]
Language = Literal["zh", "en"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
Figures = dict[str, str | int]
Params = Mapping[str, str | int]


class Telling(NamedTuple):
    """Somebody is to be told something: the kind, the recipient (`buyer:…`, `producer:…`, `county:…`) and the
    figures of the text.
    """

    kind: Kind
    recipient: str
    params: Params


class Identity(Protocol):
    """Who asks: the parts of a principal these rules look at."""

    @property
    def subject(self) -> str: ...
    @property
    def roles(self) -> Iterable[str]: ...
    @property
    def county(self) -> str | None: ...
    @property
    def producer(self) -> str | None: ...


# --- which event tells whom ---


def tell(event: Event) -> tuple[Telling, ...]:
    """Everyone the event is to be told to, each once; nobody for a rehearsal."""
    if getattr(event.data, "rehearsal", False):
        return ()
    return _TELLERS[type(event.data)](event.data)


def _of_order(kind: Kind, fact: OrderFact, **figures: str | int) -> tuple[Telling, ...]:
    """The buyer is told, unless another platform took the order and answers its buyers itself."""
    if fact.imported:
        return ()
    return (Telling(kind, f"buyer:{fact.buyer_id}", {**_named(fact), "order": fact.order_id, **figures}),)


def _order_paid(fact: OrderPaid) -> tuple[Telling, ...]:
    return _of_order("order-paid", fact, units=fact.quantity, amount_fen=fact.amount_fen, at=fact.paid_at.isoformat())


def _order_cancelled(fact: OrderCancelled) -> tuple[Telling, ...]:
    figures: Figures = {"units": fact.quantity, "reason": fact.reason, "refund_fen": fact.refund_fen}
    return _of_order("order-cancelled", fact, **figures, at=fact.cancelled_at.isoformat())


def _order_returned(fact: OrderReturned) -> tuple[Telling, ...]:
    figures: Figures = {"units": fact.quantity, "refund_fen": fact.refund_fen}
    return _of_order("order-returned", fact, **figures, at=fact.returned_at.isoformat())


def _waitlist_offered(fact: WaitlistOffered) -> tuple[Telling, ...]:
    """Whichever channel they saw it on: it is us whom they asked to wait."""
    params: Figures = {
        **_named(fact),
        "order": fact.order_id,
        "units": fact.quantity,
        "amount_fen": fact.unit_price_fen * fact.quantity,
        "until": fact.offer_until.isoformat(),
    }
    return (Telling("waitlist-offered", f"buyer:{fact.buyer_id}", params),)


def _preorder_placed(fact: PreorderPlaced) -> tuple[Telling, ...]:
    params: Figures = {**_named(fact), "units": fact.quantity, "expected_on": fact.expected_on.isoformat()}
    return (Telling("preorder-placed", f"buyer:{fact.buyer_id}", params),)


def _parcel_shipped(fact: ParcelShipped) -> tuple[Telling, ...]:
    params: Figures = {
        "parcel": fact.parcel_id,
        "orders": len(fact.order_ids),
        "carrier": fact.carrier,
        "tracking_number": fact.tracking_number,
        "at": fact.shipped_at.isoformat(),
    }
    return (Telling("parcel-shipped", f"buyer:{fact.buyer_id}", params),)


def _parcel_delivered(fact: ParcelDelivered) -> tuple[Telling, ...]:
    params: Figures = {"parcel": fact.parcel_id, "orders": len(fact.order_ids), "at": fact.delivered_at.isoformat()}
    return (Telling("parcel-delivered", f"buyer:{fact.buyer_id}", params),)


def _allotment_closed(fact: AllotmentClosed) -> tuple[Telling, ...]:
    kind: Kind = "allotment-closed" if fact.revision == 1 else "allotment-corrected"
    figures: Figures = {
        "offered": fact.offered,
        "sold": fact.sold,
        "returned": fact.returned,
        "revision": fact.revision,
    }
    params: Figures = {**_named(fact), **figures, "slot": fact.slot or 0, "at": fact.closed_at.isoformat()}
    return tuple(
        Telling(kind, recipient, params) for recipient in (f"producer:{fact.producer_id}", f"county:{fact.county}")
    )


def _item_featured(fact: ItemFeatured) -> tuple[Telling, ...]:
    figures: Figures = {"price_fen": fact.live_price_fen, "offered": fact.offered, "at": fact.opens_at.isoformat()}
    params: Figures = {**_named(fact), **figures, "programme": fact.programme, "until": fact.closes_at.isoformat()}
    return (Telling("item-on-screen", f"producer:{fact.producer_id}", params),)


def _stream_started(fact: StreamStarted) -> tuple[Telling, ...]:
    return _to_counties("show-started", fact.counties, {"programme": fact.programme, "at": fact.started_at.isoformat()})


def _stream_ended(fact: StreamEnded) -> tuple[Telling, ...]:
    params: Figures = {
        "programme": fact.programme,
        "started": fact.started_at.isoformat(),
        "at": fact.ended_at.isoformat(),
    }
    return _to_counties("show-ended", fact.counties, params)


def _to_counties(kind: Kind, counties: Iterable[str], params: Params) -> tuple[Telling, ...]:
    return tuple(Telling(kind, f"county:{county}", params) for county in dict.fromkeys(counties))


def _named(fact: OrderFact | AllotmentClosed | ItemFeatured | WaitlistOffered | PreorderPlaced) -> dict[str, str]:
    return {"item_zh": fact.name_zh, "item_en": fact.name_en}


_TELLERS: Final[dict[type[Fact], Callable[[Any], tuple[Telling, ...]]]] = {
    OrderPaid: _order_paid,
    OrderCancelled: _order_cancelled,
    OrderReturned: _order_returned,
    WaitlistOffered: _waitlist_offered,
    PreorderPlaced: _preorder_placed,
    ParcelShipped: _parcel_shipped,
    ParcelDelivered: _parcel_delivered,
    AllotmentClosed: _allotment_closed,
    ItemFeatured: _item_featured,
    StreamStarted: _stream_started,
    StreamEnded: _stream_ended,
}
TOLD: Final = tuple(_TELLERS)


# --- who is who ---

_RECIPIENTS: Final = ("buyer:", "producer:", "county:")
_VALID: Final = "buyer:<id>, producer:<id> or county:<code>"


def recipients_of(who: Identity) -> tuple[str, ...]:
    """Everyone the caller is, the office before the person: an office's token asks for the office unless it says
    otherwise.
    """
    roles = set(who.roles)
    offices = [f"county:{who.county}"] if who.county and roles & {"county", "host"} else []
    producers = [f"producer:{who.producer}"] if who.producer and "producer" in roles else []
    persons = [f"buyer:{who.subject}"] if "buyer" in roles else []
    return (*offices, *producers, *persons)


def recipient_for(who: Identity, wanted: str | None) -> str:
    """Whose notices the caller asks for. Raises Forbidden for somebody else's; the platform may name anybody, and
    must.
    """
    own = recipients_of(who)
    if "platform" in who.roles:
        return _named_recipient(wanted or next(iter(own), None))
    if wanted is None and own:
        return own[0]
    if wanted not in own:
        raise Forbidden("not-yours", "These notices are somebody else's.")
    return wanted


def may_read(who: Identity, recipient: str) -> bool:
    """Whether the recipient's notices are the caller's to read."""
    return "platform" in who.roles or recipient in recipients_of(who)


def _named_recipient(wanted: str | None) -> str:
    if wanted is None or not any(wanted.startswith(prefix) and wanted != prefix for prefix in _RECIPIENTS):
        raise Invalid("no-recipient", "Say whose notices.", field="recipient", valid=_VALID)
    return wanted
