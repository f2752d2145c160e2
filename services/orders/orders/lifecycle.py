"""The rules of an order's life after it was placed: paid, cancelled, lapsed, returned, completed. Pure; each is one
write.

How far a packed order is, its parcel says: the rules that depend on it are given the parcel. All of them together are a
table in docs/orders.md, and a test tries each in every state.
"""

from datetime import datetime
from typing import Literal

from chassis.refusals import Conflict, Invalid
from orders import announcing, coupons
from orders.domain import CHANNEL_PROVIDER
from orders.model import Change, Order, Owed, Parcel, Payment, Return

REHEARSAL_PROVIDER = "rehearsal"
Canceller = Literal["buyer", "county"]
Completer = Literal["buyer", "time"]


def state_of(order: Order, parcel: Parcel | None) -> str:
    """What everybody sees: once it is packed, how far its parcel is."""
    if order.state == "packed" and parcel is not None and parcel.state != "packing":
        return parcel.state
    return order.state


def must_pay(order: Order, now: datetime) -> bool:
    """Whether there is something to pay; paid already is no mistake. Raises `Conflict` when it can be paid no more."""
    if order.state in ("paid", "packed", "completed"):
        return False
    if order.state != "placed":
        raise Conflict(f"order-{order.state}", f"The order was {order.state}.", state=order.state)
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


def cancel(order: Order, by: Canceller, now: datetime, parcel: Parcel | None = None) -> Change | None:
    """Ends an order that is not packed; it then owes its units, and its buyer the money. Twice is once."""
    if order.state == "cancelled":
        return None
    if order.state not in ("placed", "paid"):
        state = state_of(order, parcel)
        advice = ": return the goods" if order.state == "packed" else ""
        raise Conflict("too-late-to-cancel", f"The order is {state}{advice}.", state=state)
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
            **_freed(order),
            "refunded_fen": order.refunded_fen + refund,
        },
        append={
            "owed": [*_owed(order, order.quantity - order.returned_quantity, refund, now), *coupons.owed(order, now)]
        },
        facts=(announcing.cancelled(order, reason=reason, refund_fen=refund, now=now),),
        at=now,
    )


def _freed(order: Order) -> dict[str, object]:
    """Its places of the buyer's limit are free again; its request stays its own."""
    return {"keys": order.keys[:1]} if len(order.keys) > 1 else {}


def give_back(order: Order, *, return_id: str, quantity: int, restock: bool, now: datetime) -> Change | None:
    """Goods of a paid order came back: they are refunded and, where they can be sold again, released. Twice is once."""
    if any(known.id == return_id for known in order.returns):
        return None
    _require_returnable(order)
    left = order.quantity - order.returned_quantity
    if quantity > left:
        raise Invalid(
            "too-many-returned", f"Only {left} can come back.", field="quantity", valid={"at_most": left}, left=left
        )
    goods = Return(
        id=return_id,
        quantity=quantity,
        refund_fen=_share(order, quantity),
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


def _require_returnable(order: Order) -> None:
    if order.state == "completed":
        over = "The order is completed: the time to send goods back is over."
        raise Conflict("order-completed", over, state=order.state, completed_at=order.completed_at)
    if order.state not in ("paid", "packed"):
        raise Conflict("nothing-to-return", f"The order is {order.state}.", state=order.state)


def _share(order: Order, quantity: int) -> int:
    """What these units cost of the whole, its discount shared among all; the parts always add up to the whole."""
    before, after = order.returned_quantity, order.returned_quantity + quantity
    return order.total_fen * after // order.quantity - order.total_fen * before // order.quantity


def _after_return(order: Order, goods: Return) -> dict[str, object]:
    returned = order.returned_quantity + goods.quantity
    return {
        "returned_quantity": returned,
        "refunded_fen": order.refunded_fen + goods.refund_fen,
        "state": "returned" if returned == order.quantity else order.state,
    }


def complete(order: Order, parcel: Parcel | None, by: Completer, now: datetime) -> Change | None:
    """Ends the order well: its buyer has it and keeps it, so nothing of it comes back any more. Twice is once."""
    if order.state == "completed":
        return None
    state = state_of(order, parcel)
    if state != "delivered":
        raise Conflict("not-delivered", f"The order is {state}; only a delivered one is completed.", state=state)
    return Change(
        id=order.id,
        version=order.version,
        fields={"state": "completed", "completed_at": now, "completed_by": by},
        facts=(announcing.completed(order, by=by, now=now),),
        at=now,
    )


def _owed(order: Order, units: int, refund_fen: int, now: datetime) -> list[Owed]:
    """Money that another platform or nobody took is not ours to give back."""
    owed = []
    if units:
        owed.append(Owed(id=f"{order.id}:{order.version}:units", kind="units", amount=units, since=now))
    ours = order.payment is not None and order.payment.provider not in (CHANNEL_PROVIDER, REHEARSAL_PROVIDER)
    if refund_fen and ours:
        owed.append(Owed(id=f"{order.id}:{order.version}:refund", kind="refund", amount=refund_fen, since=now))
    return owed
