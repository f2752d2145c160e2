"""Checks of stock and rehearsals: the catalog's books agree with orders, and a rehearsal is in neither. Pure."""

from collections import Counter

from contracts.events import (
    AllotmentClosed,
    ItemFeatured,
    OrderPaid,
    OrderPlaced,
    ParcelPacked,
    StockAllotted,
    StreamStarted,
)
from evening.audit.check import Check, Findings
from evening.audit.records import Evidence


def stock(evidence: Evidence) -> Check:
    """sum(lots) = on hand + offered − returned for every item, and both services tell the same of every allotment."""
    found = Findings("stock")
    out = Counter[str]()
    for share in evidence.shares:
        out[share.item_id] += share.offered - share.returned
    for item in evidence.items:
        whole = item.on_hand + out[item.item_id]
        found.expect(
            item.harvested == whole,
            f"{item.sku}: {item.harvested} in lots, {item.on_hand} on hand and {out[item.item_id]} out",
        )
        found.expect(item.on_hand >= 0, f"{item.sku}: {item.on_hand} on hand")
    _expect_same_allotments(found, evidence)
    found.figure(items=len(evidence.items), in_lots=sum(item.harvested for item in evidence.items))
    found.figure(on_hand=sum(item.on_hand for item in evidence.items), out=sum(out.values()))
    return found.check()


def _expect_same_allotments(found: Findings, evidence: Evidence) -> None:
    sold_from = {it.allotment_id: it for it in evidence.allotments if not it.rehearsal}
    shares = {share.allotment_id: share for share in evidence.shares}
    for key in sorted(
        set(sold_from) | set(shares) | {fact.allotment_id for fact in evidence.topics.facts(StockAllotted)}
    ):
        selling, share = sold_from.get(key), shares.get(key)
        if selling is None or share is None:
            found.expect(
                False, f"{key}: is in the {'catalog' if share else 'orders'} database only, or only on the topic"
            )
            continue
        found.expect(
            selling.item_id == share.item_id,
            f"{key}: is of {share.item_id} for one and {selling.item_id} for the other",
        )
        found.expect(selling.offered == share.offered, f"{key}: {share.offered} given, {selling.offered} to be sold")
        back = selling.returned if selling.closed else 0
        found.expect(share.returned == back, f"{key}: {back} were sent back, {share.returned} were taken back")


def rehearsal(evidence: Evidence) -> Check:
    """Nothing of a rehearsal is in stock, money, parcels or notices, though its events took the same way."""
    found = Findings("rehearsal")
    shows = {fact.show_id for fact in evidence.topics.facts(StreamStarted) if fact.rehearsal} | evidence.rehearsal_shows
    allotments = {it.allotment_id for it in evidence.allotments if it.rehearsal or it.show_id in shows}
    allotments |= {fact.allotment_id for fact in evidence.topics.facts(ItemFeatured) if fact.rehearsal}
    orders = {order.order_id for order in evidence.orders if order.rehearsal or order.allotment_id in allotments}
    _expect_marked(found, evidence, allotments, orders)
    for fact in evidence.topics.facts(StockAllotted):
        found.expect(
            fact.allotment_id not in allotments and fact.show_id not in shows, f"{fact.allotment_id}: took stock"
        )
    for share in evidence.shares:
        found.expect(share.allotment_id not in allotments, f"{share.allotment_id}: took stock in the catalog")
    for parcel in evidence.parcels:
        found.expect(not orders & set(parcel.order_ids), f"{parcel.parcel_id}: holds a rehearsal's order")
    for packed in evidence.topics.facts(ParcelPacked):
        found.expect(not orders & set(packed.order_ids), f"{packed.parcel_id}: a rehearsal's order was packed")
    played = {
        message.event.id for message in evidence.topics.distinct() if getattr(message.event.data, "rehearsal", False)
    }
    for notice in evidence.notices:
        found.expect(notice.event_id not in played, f"{notice.recipient} was told of {notice.event_id}")
    _expect_metrics(found, evidence)
    found.figure(shows=len(shows), orders=len(orders), events=len(played))
    return found.check()


def _expect_marked(found: Findings, evidence: Evidence, allotments: set[str], orders: set[str]) -> None:
    """Whatever comes of a rehearsal says so: only then can a reader leave it out."""
    for order in evidence.orders:
        found.expect(
            order.rehearsal == (order.allotment_id in allotments), f"{order.order_id}: rehearsal is {order.rehearsal}"
        )
    for kind in (OrderPlaced, OrderPaid):
        for fact in evidence.topics.facts(kind):
            found.expect(
                fact.rehearsal == (fact.order_id in orders),
                f"{fact.order_id}: its {kind.__name__} says rehearsal {fact.rehearsal}",
            )
    for closed in evidence.topics.facts(AllotmentClosed):
        found.expect(
            closed.rehearsal == (closed.allotment_id in allotments),
            f"{closed.allotment_id}: its close says {closed.rehearsal}",
        )


def _expect_metrics(found: Findings, evidence: Evidence) -> None:
    """What Prometheus was told is what the real orders come to, where somebody read it before the services ended."""
    placed = [fact for fact in evidence.topics.facts(OrderPlaced) if not fact.rehearsal]
    paid = [fact for fact in evidence.topics.facts(OrderPaid) if not fact.rehearsal]
    expected = {
        "orders_placed_total": len(placed),
        "orders_units_total": sum(fact.quantity for fact in placed),
        "orders_paid_total": len(paid),
        "orders_revenue_fen_total": sum(fact.amount_fen for fact in paid),
    }
    for name, value in expected.items():
        told = evidence.told.metrics.get(name)
        found.expect(told is None or told == value, f"{name} is {told}, the real orders come to {value}")
