"""Whose is it: what a caller may see. What is not theirs does not exist for them."""

import re
from datetime import timedelta
from typing import Any, Final, TypeVar

from chassis import tracing
from chassis.auth import Principal, Role
from chassis.http import Call
from chassis.refusals import Forbidden, Invalid, NotFound
from contracts.ids import new_id
from orders import domain, stock, waitlist
from orders.domain import Request
from orders.model import Allotment, Coupon, Entry, Order, Parcel
from orders.store import OrdersStore
from orders.views import PlaceOrder
from orders.waitlist_views import JoinWaitlist

T = TypeVar("T")
_CHANNEL: Final = r"^[a-z0-9][a-z0-9-]{0,39}$"


def request(call: Call[PlaceOrder], pay_within_seconds: int) -> Request:
    """What the caller wants, at the instant they came."""
    buyer = call.principal.subject
    return Request(
        order_id=new_id(),
        allotment_id=call.body.allotment_id,
        buyer_id=buyer,
        quantity=call.body.quantity,
        channel=call.body.channel,
        request_key=domain.request_key(buyer, call.idempotency_key or ""),
        coupon_code=call.body.coupon_code,
        arrived_at=call.now,
        placed_at=call.now,
        pay_by=call.now + timedelta(seconds=pay_within_seconds),
        traceparent=tracing.here(),
    )


def joining(call: Call[JoinWaitlist], allotment_id: str) -> Request:
    """What the caller would have bought, at the instant they came."""
    buyer = call.principal.subject
    return Request(
        order_id=new_id(),
        allotment_id=allotment_id,
        buyer_id=buyer,
        quantity=call.body.quantity,
        channel=call.body.channel,
        request_key=waitlist.entry_key(buyer, call.idempotency_key or ""),
        arrived_at=call.now,
        placed_at=call.now,
    )


def channel(name: str) -> str:
    """A channel's name, as it stands in the path."""
    if not re.match(_CHANNEL, name):
        raise Invalid("bad-channel", "This is no channel's name.", field="channel", valid=_CHANNEL)
    return name


def is_buyer(principal: Principal) -> bool:
    """Whether the caller acts for themselves only."""
    return not (principal.has(Role.PLATFORM) or principal.has(Role.COUNTY))


def scope(principal: Principal) -> dict[str, Any]:
    """Which documents are the caller's: all for the platform, a county's, or a buyer's."""
    if principal.has(Role.PLATFORM):
        return {}
    if principal.has(Role.COUNTY):
        if principal.county is None:
            raise Forbidden("no-county", "Your token names no county.")
        return {"county": principal.county}
    return {"buyer_id": principal.subject}


def there(found: T | None) -> T:
    """It, or the answer that there is none."""
    if found is None:
        raise NotFound("not-found", "There is no such thing, or it is not yours.")
    return found


def own_order(store: OrdersStore, principal: Principal, order_id: str) -> Order:
    """The order, if it is the caller's."""
    order = _own(store.orders.get(order_id), principal)
    tracing.relate(order.traceparent, order_id=order.id)
    return order


def own_parcel(store: OrdersStore, principal: Principal, parcel_id: str) -> Parcel:
    """The parcel, if it is the caller's."""
    parcel = _own(store.parcels.get(parcel_id), principal)
    tracing.relate(parcel.traceparent, parcel_id=parcel.id, order_ids=parcel.order_ids)
    return parcel


def own_place(store: OrdersStore, principal: Principal, entry_id: str) -> Entry:
    """The place on a waitlist, if the caller waits there themselves."""
    entry = there(store.waitlist.get(entry_id))
    return there(entry if entry.buyer_id == principal.subject else None)


def own_coupon(store: OrdersStore, principal: Principal, code: str) -> Coupon:
    """The coupon, if it is the caller's county's."""
    return _own(store.coupons.get(code), principal)


def own_shelf(store: OrdersStore, principal: Principal, allotment_id: str) -> Allotment:
    """The shelf allotment, if it is the caller's county's."""
    allotment = _own(store.allotments.get(allotment_id), principal)
    stock.require_shelf(allotment)
    return allotment


def _own(found: T | None, principal: Principal) -> T:
    mine = scope(principal)
    return there(found if all(getattr(found, name, None) == value for name, value in mine.items()) else None)
