"""The rules of an order's life after it was placed: paid, cancelled, lapsed, returned. Pure; each is one write."""

from datetime import datetime
from typing import Literal

from chassis.refusals import Conflict, Invalid, Stale
from orders import announcing
from orders.domain import CHANNEL_PROVIDER
from orders.model import Change, Order, Owed, Payment, Return

REHEARSAL_PROVIDER = "rehearsal"
Canceller = Literal["buyer", "county"]


def must_pay(order: Order, now: datetime) -> bool:
    """Whether there is something to pay; paid already is no mistake. Raises `Conflict` when it can be paid no more."""
    if order.state in ("paid", "packed"):
        return False
    if order.state != "placed":
        raise Conflict("order-cancelled", "The order was cancelled.", state=order.state)
    if order.pay_by is not None and now >= order.pay_by:
        raise Conflict("payment-time-over", "The time to pay is over; the order lapses.", pay_by=order.pay_by)
    return True


def pay(order: Order, payment: Payment) -> Change:
    """The order is paid: the whole amount, or it is a bug of the provider's."""
    if payment.amount_fen != order.total_fen:
        raise ValueError(f"charged {payment.amount_fen} fen for an order of {order.total_fen}")
    return Change(
        id=order.id,
        version=order.version,
        fields={"state": "paid", "payment": payment, "pay_by": None},
        facts=(announcing.paid(order, payment),),
        at=payment.paid_at,
    )


def cancel(order: Order, by: Canceller, now: datetime) -> Change | None:
    """Ends an order that is not packed; it then owes its units, and its buyer the money. Twice is once."""
    if order.state == "cancelled":
        return None
    if order.state not in ("placed", "paid"):
        raise Conflict("too-late-to-cancel", f"The order is {order.state}: return the goods.", state=order.state)
    return _end(order, by, now)


def lapse(order: Order, now: datetime) -> Change | None:
    """Ends an order that nobody paid in time."""
    if order.state != "placed" or order.pay_by is None or now < order.pay_by:
        return None
    return _end(order, "expired", now)


def _end(order: Order, reason: str, now: datetime) -> Change:
    refund = order.payment.amount_fen - order.refunded_fen if order.payment else 0
    return Change(
        id=order.id,
        version=order.version,
        fields={
            "state": "cancelled",
            "cancelled_at": now,
            "cancel_reason": reason,
            "pay_by": None,
            "refunded_fen": order.refunded_fen + refund,
        },
        append={"owed": _owed(order, order.quantity - order.returned_quantity, refund, now)},
        facts=(announcing.cancelled(order, reason=reason, refund_fen=refund, now=now),),
        at=now,
    )


def give_back(order: Order, *, return_id: str, quantity: int, restock: bool, now: datetime) -> Change | None:
    """Goods of a paid order came back: they are refunded and, where they can be sold again, released. Twice is once."""
    if any(known.id == return_id for known in order.returns):
        return None
    if order.state not in ("paid", "packed"):
        raise Conflict("nothing-to-return", f"The order is {order.state}.", state=order.state)
    left = order.quantity - order.returned_quantity
    if quantity > left:
        raise Invalid(
            "too-many-returned", f"Only {left} can come back.", field="quantity", valid={"at_most": left}, left=left
        )
    goods = Return(
        id=return_id,
        quantity=quantity,
        refund_fen=order.unit_price_fen * quantity,
        restocked=restock,
        returned_at=now,
    )
    return Change(
        id=order.id,
        version=order.version,
        fields=_after_return(order, goods),
        append={"returns": [goods], "owed": _owed(order, quantity if restock else 0, goods.refund_fen, now)},
        facts=(announcing.returned(order, goods),),
        at=now,
    )


def _after_return(order: Order, goods: Return) -> dict[str, object]:
    returned = order.returned_quantity + goods.quantity
    all_back_unpacked = returned == order.quantity and order.state == "paid"
    return {
        "returned_quantity": returned,
        "refunded_fen": order.refunded_fen + goods.refund_fen,
        "state": "returned" if all_back_unpacked else order.state,
    }


def _owed(order: Order, units: int, refund_fen: int, now: datetime) -> list[Owed]:
    """Money that another platform or nobody took is not ours to give back."""
    owed = []
    if units:
        owed.append(Owed(id=f"{order.id}:{order.version}:units", kind="units", amount=units, since=now))
    ours = order.payment is not None and order.payment.provider not in (CHANNEL_PROVIDER, REHEARSAL_PROVIDER)
    if refund_fen and ours:
        owed.append(Owed(id=f"{order.id}:{order.version}:refund", kind="refund", amount=refund_fen, since=now))
    return owed


def require_fresh(order: Order, if_match: str | None) -> None:
    """Raises `Stale` when the asker decided on an older state of the order than the one at rest."""
    if if_match not in (None, "*") and if_match != etag(order):
        raise Stale("order-changed", "The order has changed since you looked.", version=order.version)


def etag(order: Order) -> str:
    """The order's version as HTTP compares it."""
    return f'"{order.version}"'
