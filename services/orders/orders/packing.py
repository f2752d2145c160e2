"""The rules of parcels: what goes into one, where it starts, how it goes on. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from chassis.refusals import Conflict
from contracts.ids import new_id
from orders import announcing
from orders.model import Change, Hub, Order, Parcel, Scan


def weight_g(order: Order) -> int:
    """The mass of what is left of an order."""
    return order.weight_g * (order.quantity - order.returned_quantity) // order.quantity


def group(orders: Iterable[Order], county: str, hub: str, now: datetime) -> list[Parcel]:
    """One parcel for each buyer."""
    by_buyer: defaultdict[str, list[Order]] = defaultdict(list)
    for order in orders:
        by_buyer[order.buyer_id].append(order)
    return [
        Parcel(
            id=new_id(),
            buyer_id=buyer,
            county=county,
            order_ids=[order.id for order in theirs],
            hub=hub,
            weight_g=sum(map(weight_g, theirs)),
            state="packing",
            begun_at=now,
        )
        for buyer, theirs in by_buyer.items()
    ]


def choose_hub(hubs: Sequence[Hub], county: str) -> str:
    """Where a county's parcels start: its logistics centre, or else its first village point.

    Raises `Conflict` if it has none.
    """
    for hub in sorted(hubs, key=lambda hub: (hub.kind != "county_centre", hub.id)):
        return hub.id
    raise Conflict("no-hub", f"County {county} has no hub yet: import its hubs first.", county=county)


def pack(parcel: Parcel, claimed: Sequence[Order], now: datetime) -> Change:
    """The parcel is closed over the orders that are really in it."""
    order_ids, weight = [order.id for order in claimed], sum(map(weight_g, claimed))
    return Change(
        id=parcel.id,
        version=parcel.version,
        fields={"state": "packed", "order_ids": order_ids, "weight_g": weight, "packed_at": now},
        facts=(announcing.packed(parcel, order_ids, weight, now),),
        at=now,
    )


def ship(parcel: Parcel, carrier: str, tracking_number: str | None, now: datetime) -> Change | None:
    """It is handed to its carrier, under the carrier's number or our own. Twice is once."""
    if parcel.state in ("shipped", "delivered"):
        return None
    _require(parcel, "packed")
    number = tracking_number or f"SH{parcel.id.replace('-', '')[-16:].upper()}"
    return Change(
        id=parcel.id,
        version=parcel.version,
        fields={"state": "shipped", "carrier": carrier, "tracking_number": number, "shipped_at": now},
        facts=(announcing.shipped(parcel, carrier=carrier, tracking_number=number, now=now),),
        at=now,
    )


def scan(parcel: Parcel, hub: str, now: datetime) -> Change | None:
    """It was seen at a hub. Seen again where it was last seen: nothing new."""
    if parcel.scans and parcel.scans[-1].hub == hub:
        return None
    if parcel.state not in ("packed", "shipped"):
        raise Conflict("parcel-not-on-its-way", f"The parcel is {parcel.state}.", state=parcel.state)
    seen = Scan(hub=hub, scanned_at=now)
    return Change(
        id=parcel.id,
        version=parcel.version,
        append={"scans": [seen]},
        facts=(announcing.scanned(parcel, seen),),
        at=now,
    )


def deliver(parcel: Parcel, complete_after: timedelta, now: datetime) -> Change | None:
    """It reached its buyer, who has a while to send goods back. Twice is once."""
    if parcel.state == "delivered":
        return None
    _require(parcel, "shipped")
    return Change(
        id=parcel.id,
        version=parcel.version,
        fields={"state": "delivered", "delivered_at": now, "complete_at": now + complete_after},
        facts=(announcing.delivered(parcel, now),),
        at=now,
    )


def _require(parcel: Parcel, state: str) -> None:
    if parcel.state != state:
        raise Conflict(f"parcel-not-{state}", f"The parcel is {parcel.state}.", state=parcel.state)
