"""The rules of selling: which of many requests an allotment can serve. Pure: no Mongo, no Kafka, no clock, no nameko.

Requests on one allotment are decided together, in their order, and become one write (see `placing.py`). What happens to
an order after it was placed is `lifecycle.py`; what happens to an allotment besides selling is `stock.py`.

The instant that counts for a price window is the request's arrival at our door, by our clock: a buyer does not lose a
price by our queue.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from chassis.refusals import Conflict, Invalid, Refusal
from orders import coupons, limits
from orders.making import CHANNEL_PROVIDER, first_facts, order_of
from orders.model import Allotment, Coupon, Line, Order
from orders.requests import (
    Accepted,
    Decision,
    Outcome,
    Refused,
    Replayed,
    Request,
    keys_of,
    request_key,
)

__all__ = [
    "CHANNEL_PROVIDER",
    "MOST_PER_ORDER",
    "Accepted",
    "Decision",
    "Outcome",
    "Refused",
    "Replayed",
    "Request",
    "decide",
    "first_facts",
    "free_units",
    "key_reused",
    "keys_of",
    "order_of",
    "price_fen",
    "replay",
    "request_key",
    "waitlist_address",
]

MOST_PER_ORDER = 999


def decide(
    allotment: Allotment, taken: Sequence[Order], requests: Sequence[Request], known_coupons: Mapping[str, Coupon] = {}
) -> Decision:
    """Decide all requests in their order.

    `taken`: the orders known so far, decided or at rest, that have the requests' keys or, where the allotment has a
    limit, their buyers.
    """
    by_key: dict[str, Order] = {}
    held: defaultdict[str, list[Order]] = defaultdict(list)
    known_orders = {order.id: order for order in taken}.values()  # of one that is there twice, the later reading
    for order in known_orders:
        by_key[order.request_key] = order
        if order.allotment_id == allotment.id and order.state != "cancelled":
            held[order.buyer_id].append(order)
    remaining, purse = allotment.remaining, coupons.Purse(known_coupons, known_orders)
    outcomes: list[Outcome] = []
    lines: list[Line] = []
    for request in requests:
        known = by_key.get(request.request_key)
        if known:
            outcomes.append(replay(known, request))
            continue
        theirs = held.get(request.buyer_id, ())
        already = sum(order.quantity for order in theirs)
        if refused := _refuse(allotment, remaining, already, request) or _no_coupon(allotment, purse, request):
            outcomes.append(refused)
            continue
        line = _line(allotment, request, theirs, purse)
        order = by_key[request.request_key] = order_of(allotment, line)
        if allotment.per_buyer_limit is not None:
            held[request.buyer_id].append(order)
        remaining -= request.quantity
        outcomes.append(Accepted(order))
        lines.append(line)
    return Decision(outcomes, lines)


def replay(known: Order, request: Request) -> Outcome:
    asked = (request.allotment_id, request.quantity, request.channel, request.buyer_id, request.coupon_code)
    if asked == (known.allotment_id, known.quantity, known.channel, known.buyer_id, known.coupon_code):
        return Replayed(known)
    return Refused(key_reused())


def key_reused() -> Refusal:
    """The same idempotency key came with another request."""
    return Invalid(
        "idempotency-key-reused",
        "This idempotency key was used for another request.",
        field="Idempotency-Key",
        valid="a new key for each new request",
    )


def _refuse(allotment: Allotment, remaining: int, already: int, request: Request) -> Refused | None:
    return (
        _not_for_sale(allotment, request)
        or _over_limit(allotment, already, request)
        or _sold_out(allotment, remaining, request)
    )


def _not_for_sale(allotment: Allotment, request: Request) -> Refused | None:
    if allotment.state == "closed":
        return Refused(Conflict("allotment-closed", "This is not sold any more."))
    if allotment.purpose == "shelf" or request.imported:  # another platform sold at its own price, in its own time
        return None
    if allotment.opens_at is None or allotment.closes_at is None or request.arrived_at < allotment.opens_at:
        return Refused(Conflict("window-not-open", "The live price does not hold yet.", opens_at=allotment.opens_at))
    if request.arrived_at >= allotment.closes_at:
        return Refused(Conflict("window-closed", "The live price holds no more.", closes_at=allotment.closes_at))
    return None


def _over_limit(allotment: Allotment, already: int, request: Request) -> Refused | None:
    limit = allotment.per_buyer_limit
    if limit is None or request.imported or already + request.quantity <= limit:
        return None
    return Refused(
        Conflict(
            "per-buyer-limit", f"At most {limit} for each buyer; you have {already}.", limit=limit, already=already
        )
    )


def _sold_out(allotment: Allotment, remaining: int, request: Request) -> Refused | None:
    free = remaining if request.waited else free_units(allotment, remaining)
    if request.quantity <= free:
        return None
    detail = f"Only {free} remain." if free else "Sold out."
    missed = 0 if allotment.rehearsal else request.quantity - free
    return Refused(Conflict("sold-out", detail, remaining=free, waitlist=waitlist_address(allotment.id)), missed)


def free_units(allotment: Allotment, remaining: int) -> int:
    """What anybody may buy: nothing while what remains would serve somebody who waits, for it is promised to them."""
    return 0 if 0 < allotment.least_waiting <= remaining else remaining


def waitlist_address(allotment_id: str) -> str:
    """Where a buyer who came too late may wait."""
    return f"/allotments/{allotment_id}/waitlist"


def _no_coupon(allotment: Allotment, purse: coupons.Purse, request: Request) -> Refused | None:
    if request.coupon_code is None:
        return None
    total = _unit_price(allotment, request) * request.quantity
    refusal = purse.refuse(allotment, request.coupon_code, request.buyer_id, total, request.arrived_at)
    return Refused(refusal) if refusal else None


def _unit_price(allotment: Allotment, request: Request) -> int:
    return request.unit_price_fen if request.unit_price_fen is not None else price_fen(allotment)


def _line(allotment: Allotment, request: Request, theirs: Iterable[Order], purse: coupons.Purse) -> Line:
    price = _unit_price(allotment, request)
    return Line(
        id=request.order_id,
        buyer_id=request.buyer_id,
        quantity=request.quantity,
        channel=request.channel,
        request_key=request.request_key,
        unit_price_fen=price,
        placed_at=request.placed_at,
        recorded_at=request.placed_at if request.waited else request.arrived_at,
        pay_by=request.pay_by,
        imported=request.imported,
        external_number=request.external_number,
        places=limits.places(allotment, request, theirs),
        coupon_code=request.coupon_code,
        discount_fen=purse.use(request.coupon_code, request.buyer_id, price * request.quantity),
        traceparent=request.traceparent,
    )


def price_fen(allotment: Allotment) -> int:
    """What a unit costs: the live price for a slot that was featured, the everyday price on the shelf."""
    if allotment.purpose == "slot" and allotment.live_price_fen is not None:
        return allotment.live_price_fen
    return allotment.price_fen
