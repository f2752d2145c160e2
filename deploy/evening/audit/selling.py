"""Checks of selling: nothing oversold, nothing lost, twice is once, the live price and the limit. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from contracts.events import AllotmentClosed, ItemFeatured, OrderPlaced, StreamEnded
from evening.audit.check import Check, Findings
from evening.audit.records import Allotment, Evidence, Order, Promise

# MongoDB keeps milliseconds, events microseconds: the same instant may differ by less than one.
_MILLISECOND: Final = 0.001


def no_oversell(evidence: Evidence) -> Check:
    """sold + remaining + returned = offered for every allotment, and sold is what its orders say."""
    found = Findings("no-oversell")
    sold = _sold(evidence.orders)
    closed = {fact.allotment_id: fact for fact in _last_closes(evidence)}
    for it in evidence.allotments:
        whole = it.sold + it.remaining + it.returned
        found.expect(
            whole == it.offered,
            f"{it.allotment_id}: {it.sold} + {it.remaining} + {it.returned} is not {it.offered} offered",
        )
        found.expect(min(it.sold, it.remaining, it.returned) >= 0, f"{it.allotment_id}: something is below nought")
        asked = sold.get(it.allotment_id, 0)
        found.expect(asked == it.sold, f"{it.allotment_id}: says {it.sold} sold, its orders hold {asked}")
        _expect_close(found, it, closed.get(it.allotment_id))
    real = [it for it in evidence.allotments if not it.rehearsal]
    found.figure(allotments=len(real), offered=sum(it.offered for it in real), sold=sum(it.sold for it in real))
    found.figure(remaining=sum(it.remaining for it in real), returned=sum(it.returned for it in real))
    return found.check()


def no_lost_order(evidence: Evidence) -> Check:
    """Every order somebody was told of is in the database, and every order in the database is on its topic."""
    found = Findings("no-lost-order")
    orders = {order.order_id: order for order in evidence.orders}
    placed = {fact.order_id: fact for fact in evidence.topics.facts(OrderPlaced)}
    for promise in evidence.told.promises:
        order = orders.get(promise.order_id)
        found.expect(order, f"{promise.order_id} was promised to {promise.buyer_id} and is not in the database")
        same = order is None or (order.buyer_id, order.allotment_id, order.quantity) == _promised(promise)
        found.expect(same, f"{promise.order_id} is not the order that was promised")
    for order_id in orders:
        found.expect(order_id in placed, f"{order_id} has no order.placed on its topic")
    for order_id in placed:
        found.expect(order_id in orders, f"{order_id} is on the topic and not in the database")
    promised = len({promise.order_id for promise in evidence.told.promises})
    found.figure(promised=promised, in_database=len(orders), on_topic=len(placed))
    return found.check()


def twice_is_once(evidence: Evidence) -> Check:
    """One order an idempotency key, one content an event id, one notice a recipient and event."""
    found = Findings("twice-is-once")
    keys = Counter((order.buyer_id, order.key) for order in evidence.orders if order.key)
    for (buyer, key), number in keys.items():
        found.expect(number == 1, f"{buyer} has {number} orders for the key {key}")
    answers = defaultdict(set)
    for promise in evidence.told.promises:
        answers[promise.buyer_id, promise.key].add(promise.order_id)
    for (buyer, key), told in answers.items():
        found.expect(len(told) == 1, f"{buyer} was told of {len(told)} orders for the key {key}")
    _expect_same_copies(found, evidence)
    notices = Counter((notice.recipient, notice.event_id) for notice in evidence.notices)
    for (recipient, event), number in notices.items():
        found.expect(number == 1, f"{recipient} was told {number} times of {event}")
    found.figure(keys=len(keys), repeated_answers=len(evidence.told.promises) - len(answers), notices=len(notices))
    return found.check()


def price(evidence: Evidence) -> Check:
    """The live price inside its window only; limits hold over all channels; totals are units times price."""
    found = Findings("price")
    windows = _windows(evidence)
    for order in evidence.orders:
        whole = order.quantity * order.unit_price_fen == order.total_fen
        found.expect(whole, f"{order.order_id}: {order.quantity} × {order.unit_price_fen} is not {order.total_fen}")
        if order.allotment_id in windows and not order.imported:
            _expect_in_window(found, order, windows[order.allotment_id], evidence.told.skew_seconds)
    limits = {it.allotment_id: it.per_buyer_limit for it in evidence.allotments if it.per_buyer_limit}
    held = Counter[tuple[str, str]]()
    for order in evidence.orders:
        if order.live and not order.imported:
            held[order.buyer_id, order.allotment_id] += order.quantity
    for (buyer, allotment), units in held.items():
        limit = limits.get(allotment)
        found.expect(limit is None or units <= limit, f"{buyer} holds {units} of {allotment}, {limit} are allowed")
    found.figure(orders=len(evidence.orders), windows=sum(map(len, windows.values())), buyers_held_to_limits=len(held))
    return found.check()


Window = tuple[datetime, datetime, int]


def _windows(evidence: Evidence) -> dict[str, list[Window]]:
    """When each allotment was on screen and at which price: until its window closed, or sooner if the show ended."""
    ended = {fact.show_id: fact.ended_at for fact in evidence.topics.facts(StreamEnded)}
    windows: dict[str, list[Window]] = defaultdict(list)
    for fact in evidence.topics.facts(ItemFeatured):
        closes = min(fact.closes_at, ended.get(fact.show_id, fact.closes_at))
        windows[fact.allotment_id].append((fact.opens_at.astimezone(UTC), closes.astimezone(UTC), fact.live_price_fen))
    return windows


def _expect_in_window(found: Findings, order: Order, windows: list[Window], skew: float) -> None:
    """Who decides has a clock of its own: between clocks that are known to differ, so much is no fault."""
    at, apart = order.placed_at.timestamp(), _MILLISECOND + skew
    prices = [
        price for opens, closes, price in windows if opens.timestamp() - apart <= at <= closes.timestamp() + apart
    ]
    found.expect(
        prices,
        f"{order.order_id}: placed at {order.placed_at.isoformat()}, outside every window of {order.allotment_id}",
    )
    fits = not prices or order.unit_price_fen in prices
    found.expect(fits, f"{order.order_id}: {order.unit_price_fen} fen, the live price was {prices}")


def _expect_close(found: Findings, it: Allotment, fact: AllotmentClosed | None) -> None:
    found.expect(
        it.closed == (fact is not None), f"{it.allotment_id}: closed is {it.closed}, on the topic {fact is not None}"
    )
    if fact is not None:
        same = (fact.sold, fact.returned) == (it.sold, it.returned)
        found.expect(
            same,
            f"{it.allotment_id}: {fact.sold} sold, {fact.returned} back, says the topic; it: {it.sold}, {it.returned}",
        )


def _expect_same_copies(found: Findings, evidence: Evidence) -> None:
    content: dict[str, bytes] = {}
    for message in evidence.topics.said:
        first = content.setdefault(message.event.id, message.value)
        found.expect(first == message.value, f"{message.event.id} was said twice with different words")
    found.figure(
        messages=len(evidence.topics.said), events=len(content), copies=len(evidence.topics.said) - len(content)
    )


def _last_closes(evidence: Evidence) -> Iterable[AllotmentClosed]:
    return sorted(evidence.topics.facts(AllotmentClosed), key=lambda fact: fact.revision)


def _sold(orders: Iterable[Order]) -> Counter[str]:
    """Units not for sale again: a live order's but for those put back; a cancelled one's that came back spoilt."""
    sold = Counter[str]()
    for order in orders:
        sold[order.allotment_id] += (order.quantity if order.live else order.returned) - order.restocked
    return sold


def _promised(promise: Promise) -> tuple[str, str, int]:
    return promise.buyer_id, promise.allotment_id, promise.quantity
