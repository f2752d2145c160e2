"""Requests for units of an allotment, and what became of each. No rule but which two are the same. Pure."""

import hashlib
from datetime import datetime
from typing import NamedTuple

import msgspec

from chassis.refusals import Refusal
from orders import coupons
from orders.model import Line, Order


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants `quantity` units of an allotment. `order_id` is the id that the order gets if it is taken."""

    order_id: str
    allotment_id: str
    buyer_id: str
    quantity: int
    channel: str
    request_key: str
    arrived_at: datetime
    placed_at: datetime
    pay_by: datetime | None = None
    unit_price_fen: int | None = None
    external_number: str | None = None
    imported: bool = False
    waited: bool = False  # comes from the waitlist, so the units promised to it are its own
    coupon_code: str | None = None
    traceparent: str | None = None  # what it is part of, where that is traced; its order remembers it


class Accepted(NamedTuple):
    """The request becomes this order as soon as it is written."""

    order: Order


class Replayed(NamedTuple):
    """The same request was taken before; this is its order."""

    order: Order


class Refused(NamedTuple):
    """The request is answered with no; `missed` counts the units that were wanted and could not be served."""

    refusal: Refusal
    missed: int = 0


Outcome = Accepted | Replayed | Refused


class Decision(NamedTuple):
    """One outcome for each request, in their order, and the lines to write."""

    outcomes: list[Outcome]
    lines: list[Line]

    def orders(self) -> dict[str, Order]:
        """The orders that the lines mean."""
        return {outcome.order.id: outcome.order for outcome in self.outcomes if isinstance(outcome, Accepted)}

    @property
    def units(self) -> int:
        """Units that the decision sells."""
        return sum(line.quantity for line in self.lines)


def request_key(buyer_id: str, idempotency_key: str) -> str:
    """What makes a request the same request: its buyer and the key its sender chose."""
    return hashlib.sha256(f"{buyer_id}:{idempotency_key}".encode()).hexdigest()


def keys_of(request: Request) -> list[str]:
    """The keys of orders that matter to the request: its own, and that of the coupon it would use."""
    coupon = [coupons.key(request.coupon_code, request.buyer_id)] if request.coupon_code else []
    return [request.request_key, *coupon]
