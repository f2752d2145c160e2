"""What the engine must answer when nobody disturbs it: the rules of selling, written as simply as they can be.

A second copy on purpose: it is what the first is held against.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from orders.domain import Outcome, Refused, Request
from orders.model import Allotment, Coupon, Order


def expected(
    found: Allotment, orders: Iterable[Order], requests: Sequence[Request], coupons: Iterable[Coupon] = ()
) -> list[str]:
    """What requests on an allotment at peace must be answered, one after another: written as simply as it can be."""
    known = {one.request_key: (one.allotment_id, one.buyer_id, one.quantity, one.coupon_code) for one in orders}
    used = {(order.coupon_code, order.buyer_id) for order in orders if order.state != "cancelled"}
    purse = {coupon.code: coupon for coupon in coupons}
    held = Counter[str]()
    for order in orders:
        if order.state != "cancelled" and order.allotment_id == found.id:
            held[order.buyer_id] += order.quantity
    remaining, answers = found.remaining, []
    for request in requests:
        wish = (request.allotment_id, request.buyer_id, request.quantity, request.coupon_code)
        answer = _expected(found, request, known.get(request.request_key), held[request.buyer_id], remaining)
        coupon = purse.get(request.coupon_code or "")
        if answer == "accepted" and request.coupon_code:
            answer = _with_coupon(found, coupon, request, (request.coupon_code, request.buyer_id) in used)
        if answer == "accepted":
            if coupon:
                used.add((coupon.code, request.buyer_id))
                off = min(coupon.discount_fen, request.quantity * price(found))
                purse[coupon.code] = replace(coupon, left_fen=coupon.left_fen - off)
            known[request.request_key] = wish
            held[request.buyer_id] += request.quantity
            remaining -= request.quantity
        answers.append(answer)
    return answers


def _expected(
    found: Allotment, request: Request, before: tuple[str, str, int, str | None] | None, held: int, remaining: int
) -> str:
    if before is not None:
        same = before == (request.allotment_id, request.buyer_id, request.quantity, request.coupon_code)
        return "replayed" if same else "idempotency-key-reused"
    if found.state == "closed":
        return "allotment-closed"
    if found.purpose == "slot":
        if found.opens_at is None or found.closes_at is None or request.arrived_at < found.opens_at:
            return "window-not-open"
        if request.arrived_at >= found.closes_at:
            return "window-closed"
    if found.per_buyer_limit is not None and held + request.quantity > found.per_buyer_limit:
        return "per-buyer-limit"
    promised = 0 < found.least_waiting <= remaining  # to those who wait
    free = 0 if promised else remaining
    return "accepted" if request.quantity <= free else f"sold-out: {free} remain"


def _with_coupon(found: Allotment, coupon: Coupon | None, request: Request, used: bool) -> str:
    if coupon is None or coupon.show_id != found.show_id:
        return "no-such-coupon"
    whole = request.quantity * price(found)
    if whole < coupon.least_fen:
        return "coupon-needs-more"
    if used:
        return "coupon-used"
    return "accepted" if min(coupon.discount_fen, whole) <= coupon.left_fen else "coupon-spent"


def price(found: Allotment) -> int:
    """What a unit costs now."""
    live = found.live_price_fen if found.purpose == "slot" else None
    return live if live is not None else found.price_fen


def answer(outcome: Outcome) -> str:
    """An outcome in the words of `expected`."""
    if not isinstance(outcome, Refused):
        return type(outcome).__name__.lower()
    refusal = outcome.refusal
    return refusal.code if refusal.code != "sold-out" else f"sold-out: {refusal.figures['remaining']} remain"
