"""The evening in figures: evidence and answers in, plain numbers out, to be written as JSON, printed or drawn. Pure.

Sold, paid and returned are counted from databases and topics; refusals and placing times from the crowd's answers.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from contracts.codec import Event
from contracts.events import (
    AudienceSampled,
    CountyListed,
    ItemFeatured,
    OrderCancelled,
    OrderPlaced,
    ParcelShipped,
    StreamEnded,
    StreamStarted,
)
from evening.audit.books import revenue
from evening.audit.records import Allotment, Evidence, Order
from evening.crowd import Answer

Figures = dict[str, Any]
_BUCKET = 0.5


def figures(evidence: Evidence, answers: Sequence[Answer]) -> Figures:
    """Everything that the report shows and the picture draws."""
    features = sorted(
        (fact for fact in evidence.topics.facts(ItemFeatured) if not fact.rehearsal), key=lambda fact: fact.opens_at
    )
    slots = [_slot(evidence, answers, fact) for fact in features]
    return {
        "shows": [_show(evidence, fact, slots) for fact in _real(evidence.topics.facts(StreamStarted))],
        "slots": slots,
        "counties": _counties(evidence),
        "channels": _channels(evidence, answers),
        "orders": _orders(evidence),
        "parcels": {"packed": len(evidence.parcels), "shipped": len(evidence.topics.facts(ParcelShipped))},
        "notices": dict(Counter(notice.recipient.split(":")[0] for notice in evidence.notices)),
        "revenue_fen": revenue(evidence),
        "placing": placing(answers),
        "crowd": dict(Counter(str(answer.behaviour) for answer in answers)),
        "refused": refused(answers),
        "rehearsal": {"orders": sum(order.rehearsal for order in evidence.orders)},
        "timeline": _timeline(evidence, slots),
    }


def placing(answers: Sequence[Answer]) -> Figures:
    """How long placing an order took, over all answers that came."""
    took = sorted(answer.seconds * 1000 for answer in answers if answer.status)
    if len(took) < 2:
        return {"requests": len(took)}
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    seconds = Counter(int(answer.at.timestamp()) for answer in answers)
    return {
        "requests": len(took),
        "p50_ms": round(cuts[49], 1),
        "p95_ms": round(cuts[94], 1),
        "p99_ms": round(cuts[98], 1),
        "max_ms": round(took[-1], 1),
        "busiest_second": max(seconds.values()),
    }


def refused(answers: Iterable[Answer]) -> dict[str, int]:
    """How many requests were refused, by reason, the commonest first."""
    return dict(Counter(answer.problem for answer in answers if answer.problem).most_common())


def _real(facts: Iterable[StreamStarted]) -> list[StreamStarted]:
    return sorted((fact for fact in facts if not fact.rehearsal), key=lambda fact: (fact.started_at, fact.show))


def _slot(evidence: Evidence, answers: Iterable[Answer], fact: ItemFeatured) -> Figures:
    it = next(it for it in evidence.allotments if it.allotment_id == fact.allotment_id)
    orders = [order for order in evidence.orders if order.allotment_id == fact.allotment_id]
    asked = [answer for answer in answers if answer.allotment_id == fact.allotment_id]
    sold_out = _sold_out(evidence, it)
    return {
        "show_id": fact.show_id,
        "programme": fact.programme,
        "slot": fact.slot,
        "county": fact.county,
        "sku": fact.sku,
        "name_en": fact.name_en,
        "name_zh": fact.name_zh,
        "featured_at": fact.opens_at.isoformat(),
        "price_fen": fact.live_price_fen,
        "offered": it.offered,
        "sold": it.sold,
        "returned": it.returned,
        "orders": sum(order.live for order in orders),
        "sold_out_at": sold_out.isoformat() if sold_out else None,
        "sold_out_after_seconds": round((sold_out - fact.opens_at).total_seconds(), 2) if sold_out else None,
        "refused": refused(asked),
        "revenue_fen": _taken(orders),
    }


def _sold_out(evidence: Evidence, it: Allotment) -> datetime | None:
    """When the last unit went for the first time, by the order of what was said."""
    changes = [
        *((event.time, event.data.quantity) for event in _about(evidence.topics.events(OrderPlaced), it)),
        *((event.time, -event.data.quantity) for event in _about(evidence.topics.events(OrderCancelled), it)),
    ]
    taken = 0
    for time, units in sorted(changes):
        taken += units
        if taken >= it.offered:
            return time
    return None


def _about(events: Iterable[Event], it: Allotment) -> Iterable[Event]:
    return (event for event in events if event.data.allotment_id == it.allotment_id)


def _show(evidence: Evidence, fact: StreamStarted, slots: Iterable[Figures]) -> Figures:
    own = [slot for slot in slots if slot["show_id"] == fact.show_id]
    ended = next((it.ended_at for it in evidence.topics.facts(StreamEnded) if it.show_id == fact.show_id), None)
    return {
        "show_id": fact.show_id,
        "show": fact.show,
        "programme": fact.programme,
        "channels": list(fact.channels),
        "started_at": fact.started_at.isoformat(),
        "seconds": round((ended - fact.started_at).total_seconds(), 1) if ended else None,
        "viewers": sum(_peaks(evidence, fact.show_id).values()),
        "featured": len(own),
        **{name: sum(slot[name] for slot in own) for name in ("offered", "sold", "returned", "orders", "revenue_fen")},
    }


def _peaks(evidence: Evidence, show_id: str | None = None) -> Counter[str]:
    """The most viewers at once of each channel, added up over the shows."""
    peaks: dict[tuple[str, str], int] = defaultdict(int)
    for fact in evidence.topics.facts(AudienceSampled):
        if not fact.rehearsal and show_id in {None, fact.show_id}:
            room = fact.show_id, fact.channel
            peaks[room] = max(peaks[room], fact.viewers)
    total = Counter[str]()
    for (_, channel), viewers in peaks.items():
        total[channel] += viewers
    return total


def _counties(evidence: Evidence) -> list[Figures]:
    names = {fact.county: fact.name_en for fact in evidence.topics.facts(CountyListed)}
    orders, parcels = defaultdict(list), Counter(parcel.county for parcel in evidence.parcels)
    for order in evidence.orders:
        if not order.rehearsal:
            orders[order.county].append(order)
    real = [it for it in evidence.allotments if not it.rehearsal]
    return [
        {
            "county": county,
            "name_en": name,
            "offered": sum(it.offered for it in real if it.county == county),
            "sold": sum(it.sold for it in real if it.county == county),
            "orders": sum(order.live for order in orders[county]),
            "parcels": parcels[county],
            "revenue_fen": _taken(orders[county]),
        }
        for county, name in sorted(names.items())
    ]


def _channels(evidence: Evidence, answers: Sequence[Answer]) -> list[Figures]:
    orders, peaks = defaultdict(list), _peaks(evidence)
    for order in evidence.orders:
        if not order.rehearsal:
            orders[order.channel].append(order)
    return [
        {
            "channel": channel,
            "viewers": peaks.get(channel, 0),
            "asked": sum(answer.channel == channel for answer in answers),
            "orders": sum(order.live for order in orders[channel]),
            "units": sum(order.quantity - order.restocked for order in orders[channel] if order.live),
            "refused": refused(answer for answer in answers if answer.channel == channel),
            "revenue_fen": _taken(orders[channel]),
        }
        for channel in sorted(set(orders) | set(peaks))
    ]


def _orders(evidence: Evidence) -> Figures:
    real = [order for order in evidence.orders if not order.rehearsal]
    cancelled = Counter(fact.reason for fact in evidence.topics.facts(OrderCancelled) if not fact.rehearsal)
    return {
        "placed": len(real),
        "imported": sum(order.imported for order in real),
        "paid": sum(order.paid for order in real),
        "returned": sum(order.returns > 0 for order in real),
        "cancelled": dict(cancelled.most_common()),
    }


def _taken(orders: Iterable[Order]) -> int:
    return sum(order.paid_fen - order.refunded_fen for order in orders)


def _timeline(evidence: Evidence, slots: Iterable[Figures]) -> Figures:
    """Orders a second on every channel, and what was on screen, in seconds from the first show's start."""
    starts = [fact.started_at for fact in _real(evidence.topics.facts(StreamStarted))]
    if not starts:
        return {}
    zero = min(starts)
    placed: dict[str, Counter[int]] = defaultdict(Counter)
    for event in evidence.topics.events(OrderPlaced):
        if not event.data.rehearsal:
            placed[event.data.channel][int((event.time - zero).total_seconds() // _BUCKET)] += 1
    every = [bucket for counts in placed.values() for bucket in counts]
    first, last = min([0, *every]), max([0, *every])
    imported = {order.channel for order in evidence.orders if order.imported}
    return {
        "seconds": [number * _BUCKET for number in range(first, last + 1)],
        "orders_a_second": {
            channel: [counts[number] / _BUCKET for number in range(first, last + 1)]
            for channel, counts in sorted(placed.items())
        },
        "imported": sorted(imported),
        "featured": [_mark(slot, "featured_at", zero) for slot in slots],
        "sold_out": [_mark(slot, "sold_out_at", zero) for slot in slots if slot["sold_out_at"]],
        "viewers": [
            {
                "at": round((fact.sampled_at - zero).total_seconds(), 2),
                "channel": fact.channel,
                "show_id": fact.show_id,
                "viewers": fact.viewers,
            }
            for fact in evidence.topics.facts(AudienceSampled)
            if not fact.rehearsal
        ],
    }


def _mark(slot: Figures, when: str, zero: datetime) -> Figures:
    at = (datetime.fromisoformat(slot[when]) - zero).total_seconds()
    return {"at": round(at, 2), "programme": slot["programme"], "slot": slot["slot"], "name_en": slot["name_en"]}
