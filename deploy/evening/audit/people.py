"""Checks of whom things belong to: counties, parcels, and who was told what. Pure: evidence in, verdict out."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from contracts.codec import Event
from contracts.events import (
    AllotmentClosed,
    ItemFeatured,
    OrderCancelled,
    OrderPaid,
    OrderReturned,
    ParcelDelivered,
    ParcelFact,
    ParcelPacked,
    ParcelShipped,
    PreorderPlaced,
    StreamEnded,
    StreamStarted,
    WaitlistOffered,
)
from evening.audit.check import Check, Findings
from evening.audit.records import Evidence

# What a parcel may know: how it goes, never who lives where; and the bookkeeping of its document.
PARCEL_FIELDS: Final = frozenset(
    [
        "_id",
        "buyer_id",
        "county",
        "order_ids",
        "hub",
        "weight_g",
        "state",
        "begun_at",
        "packed_at",
        "carrier",
        "tracking_number",
        "shipped_at",
        "scans",
        "delivered_at",
    ]
) | {"version", "outbox"}


def tenancy(evidence: Evidence) -> Check:
    """An order, its allotment, item and parcel belong to one county; a parcel knows no more than a carrier needs."""
    found = Findings("tenancy")
    of_item = {item.item_id: item.county for item in evidence.items}
    of_allotment = {it.allotment_id: it.county for it in evidence.allotments}
    orders = {order.order_id: order for order in evidence.orders}
    for it in evidence.allotments:
        found.expect(
            of_item.get(it.item_id) == it.county,
            f"{it.allotment_id}: is {it.county}'s, its item {of_item.get(it.item_id)}'s",
        )
    for order in evidence.orders:
        owner = of_allotment.get(order.allotment_id)
        found.expect(order.county == owner, f"{order.order_id}: is {order.county}'s, its allotment {owner}'s")
    for parcel in evidence.parcels:
        inside = [orders[key] for key in parcel.order_ids if key in orders]
        whose = {(order.county, order.buyer_id) for order in inside}
        found.expect(
            whose == {(parcel.county, parcel.buyer_id)}, f"{parcel.parcel_id}: holds orders of {sorted(whose)}"
        )
        surplus = parcel.fields - PARCEL_FIELDS
        found.expect(not surplus, f"{parcel.parcel_id}: knows {sorted(surplus)}")
    _expect_event_counties(found, evidence, of_item)
    found.figure(counties=len(set(of_item.values())), orders=len(orders), parcels=len(evidence.parcels))
    return found.check()


def _expect_event_counties(found: Findings, evidence: Evidence, of_item: dict[str, str]) -> None:
    """No event says of an item that it is another county's."""
    for message in evidence.topics.distinct():
        data: Any = message.event.data
        item = getattr(data, "item_id", None)
        if item is not None:
            found.expect(
                of_item.get(item) == data.county,
                f"{message.event.id}: says {data.county}, the item is {of_item.get(item)}'s",
            )


def parcels(evidence: Evidence) -> Check:
    """Every paid order is in one parcel and no other, and what the parcels say is on the topics."""
    found = Findings("parcels")
    times = Counter(order_id for parcel in evidence.parcels for order_id in parcel.order_ids)
    packable = {order.order_id for order in evidence.orders if order.state == "packed"}
    waiting = [order for order in evidence.orders if order.state == "paid" and not order.rehearsal]
    for order_id, number in times.items():
        found.expect(number == 1, f"{order_id}: is in {number} parcels")
        found.expect(order_id in packable, f"{order_id}: is in a parcel and was not packed")
    for order_id in packable:
        found.expect(times[order_id], f"{order_id}: is packed and in no parcel")
    packed = {fact.parcel_id for fact in evidence.topics.facts(ParcelPacked)}
    shipped = {fact.parcel_id for fact in evidence.topics.facts(ParcelShipped)}
    for parcel in evidence.parcels:
        found.expect(parcel.parcel_id in packed, f"{parcel.parcel_id}: has no parcel.packed on its topic")
        gone = parcel.state in {"shipped", "delivered"}
        found.expect(
            gone == (parcel.parcel_id in shipped), f"{parcel.parcel_id}: is {parcel.state}, its topic disagrees"
        )
    found.figure(
        parcels=len(evidence.parcels), shipped=len(shipped), orders_packed=len(times), paid_and_not_packed=len(waiting)
    )
    return found.check()


def notices(evidence: Evidence) -> Check:
    """Everybody whom an event concerns was told of it; nobody of what did not happen."""
    found = Findings("notices")
    told = {(notice.recipient, notice.event_id) for notice in evidence.notices}
    happened = {message.event.id for message in evidence.topics.distinct()}
    imported = {order.order_id for order in evidence.orders if order.imported}
    wanted = 0
    for message in evidence.topics.distinct():
        for recipient in _concerned(message.event, imported):
            wanted += 1
            found.expect((recipient, message.event.id) in told, f"{recipient} was not told of {message.event.id}")
    for recipient, event_id in told:
        found.expect(event_id in happened, f"{recipient} was told of {event_id}, which is on no topic")
    found.figure(notices=len(evidence.notices), wanted=wanted)
    return found.check()


def _concerned(event: Event, imported: set[str]) -> Iterator[str]:
    """Who must be told of an event. Another platform tells its own buyers; of a rehearsal nobody is told."""
    match event.data:
        case fact if getattr(fact, "rehearsal", False):
            return
        case OrderPaid() | OrderCancelled() | OrderReturned() as fact if not fact.imported:
            yield f"buyer:{fact.buyer_id}"
        case WaitlistOffered() | PreorderPlaced() as fact:
            yield f"buyer:{fact.buyer_id}"
        case ParcelShipped() | ParcelDelivered() as fact if not _all_of(fact, imported):
            yield f"buyer:{fact.buyer_id}"
        case AllotmentClosed() as fact:
            yield from (f"producer:{fact.producer_id}", f"county:{fact.county}")
        case ItemFeatured() as fact:
            yield f"producer:{fact.producer_id}"
        case StreamStarted() | StreamEnded() as fact:
            yield from (f"county:{county}" for county in fact.counties)


def _all_of(parcel: ParcelFact, imported: set[str]) -> bool:
    return set(parcel.order_ids) <= imported
