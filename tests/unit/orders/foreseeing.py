"""What the engine must answer when nobody disturbs it: the rules of selling, written as simply as they can be.

A second copy on purpose: it is what the first is held against.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from orders.domain import Outcome, Refused, Request
from orders.model import Allotment, Order


def expected(found: Allotment, orders: Iterable[Order], requests: Sequence[Request]) -> list[str]:
    """What requests on an allotment at peace must be answered, one after another: written as simply as it can be."""
    known = {order.request_key: (order.allotment_id, order.buyer_id, order.quantity) for order in orders}
    held = Counter[str]()
    for order in orders:
        if order.state != "cancelled" and order.allotment_id == found.id:
            held[order.buyer_id] += order.quantity
    remaining, answers = found.remaining, []
    for request in requests:
        wish = (request.allotment_id, request.buyer_id, request.quantity)
        answer = _expected(found, request, known.get(request.request_key), held[request.buyer_id], remaining)
        if answer == "accepted":
            known[request.request_key] = wish
            held[request.buyer_id] += request.quantity
            remaining -= request.quantity
        answers.append(answer)
    return answers


def _expected(
    found: Allotment, request: Request, before: tuple[str, str, int] | None, held: int, remaining: int
) -> str:
    if before is not None:
        same = before == (request.allotment_id, request.buyer_id, request.quantity)
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


def answer(outcome: Outcome) -> str:
    """An outcome in the words of `expected`."""
    if not isinstance(outcome, Refused):
        return type(outcome).__name__.lower()
    refusal = outcome.refusal
    return refusal.code if refusal.code != "sold-out" else f"sold-out: {refusal.figures['remaining']} remain"
