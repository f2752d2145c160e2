"""The rules of money that comes for an order, by whatever way it comes: a charge, a webhook, a look-up. Pure.

Money either pays its order, once and in full, or it goes back: then the order remembers it as `astray` and owes its
refund in the same write, so that hearing of it twice is hearing of it once.
"""

from datetime import datetime
from typing import Final, Literal

from orders import lifecycle
from orders.model import Astray, Change, Order, Owed, Payment
from orders.payments.interface import CURRENCY, Paid, Purchase, Refund

Why = Literal["mismatch", "too-late", "twice", "refunded"]
NOBODY: Final = "nobody"


def purchase(order: Order) -> Purchase:
    """What a provider is told of an order."""
    return Purchase(
        order_id=order.id, amount_fen=order.total_fen, description=order.name_zh or order.sku, pay_by=order.pay_by
    )


def ask(order: Order, provider: str, now: datetime) -> Change | None:
    """Remember, before a provider is asked for an order's money, that it was."""
    if provider in order.asked:
        return None
    return Change(id=order.id, version=order.version, append={"asked": [provider]}, at=now)


def known(order: Order, payment_id: str) -> bool:
    """Whether this payment was heard of before."""
    own = order.payment is not None and order.payment.payment_id == payment_id
    return own or any(one.payment_id == payment_id for one in order.astray)


def without_money(order: Order) -> tuple[str, Paid]:
    """Who "pays" an order for which no money is taken: a rehearsed one, or one that a coupon pays whole."""
    name = lifecycle.REHEARSAL_PROVIDER if order.rehearsal else NOBODY
    return name, Paid(payment_id=f"{name}-{order.id}", amount=order.total_fen)


def payment(order: Order, provider: str, paid: Paid, now: datetime) -> Payment | None:
    """The payment that money makes of an order as it was read; None when it is not what was due."""
    if _cannot_pay(order, paid):
        return None
    return Payment(provider=provider, payment_id=paid.payment_id, amount_fen=paid.amount, paid_at=now)


def pays(order: Order, paid: Paid) -> bool:
    """Whether this money is what paid the order."""
    return order.payment is not None and order.payment.payment_id == paid.payment_id


def receive(order: Order, provider: str, paid: Paid, now: datetime) -> Change | None:
    """Money came: it pays the order or, where it cannot, goes back. Heard of before: nothing."""
    if known(order, paid.payment_id):
        return None
    if why := _cannot_pay(order, paid):
        return _go_back(order, provider, paid, why, now)
    taken = Payment(provider=provider, payment_id=paid.payment_id, amount_fen=paid.amount, paid_at=now)
    return lifecycle.pay(order, taken)


def receive_refunded(order: Order, provider: str, paid: Paid, now: datetime) -> Change | None:
    """Money went back that never paid this order: it was refunded before we were told that it came. It never will."""
    if known(order, paid.payment_id):
        return None
    return _remember(order, provider, paid, "refunded", now, owed=[])


def surprising(order: Order, paid: Paid) -> bool:
    """Whether more of the order's own payment went back than we ever gave: somebody did it at the provider's."""
    return pays(order, paid) and paid.amount > order.refunded_fen


def _cannot_pay(order: Order, paid: Paid) -> Why | None:
    if (paid.amount, paid.currency.upper()) != (order.total_fen, CURRENCY):
        return "mismatch"
    if order.payment is not None:
        return "twice"
    return None if order.state == "placed" else "too-late"


def _go_back(order: Order, provider: str, paid: Paid, why: Why, now: datetime) -> Change:
    debt = f"{order.id}:{paid.payment_id}:astray"
    owed = Owed(id=debt, kind="refund", amount=paid.amount, since=now, payment_id=paid.payment_id)
    return _remember(order, provider, paid, why, now, owed=[owed] if paid.amount else [])


def _remember(order: Order, provider: str, paid: Paid, why: Why, now: datetime, owed: list[Owed]) -> Change:
    astray = Astray(
        provider=provider,
        payment_id=paid.payment_id,
        amount=paid.amount,
        currency=paid.currency.upper(),
        why=why,
        came_at=now,
    )
    return Change(id=order.id, version=order.version, append={"astray": [astray], "owed": owed}, at=now)


def refund(order: Order, owed: Owed) -> tuple[str, Refund]:
    """Which provider is to give back what, for a debt of money."""
    for one in order.astray:
        if one.payment_id == owed.payment_id:
            return one.provider, Refund(
                order_id=order.id,
                payment_id=one.payment_id,
                paid=one.amount,
                amount=owed.amount,
                currency=one.currency,
                key=owed.id,
            )
    assert order.payment is not None, "nothing was paid, so nothing is to be refunded"
    taken = order.payment
    return taken.provider, Refund(
        order_id=order.id, payment_id=taken.payment_id, paid=taken.amount_fen, amount=owed.amount, key=owed.id
    )


def will_be_asked_for(order: Order, provider: str, now: datetime) -> bool:
    """Whether the provider is surely asked for the order's money later, before the order lapses.

    Not of an order whose time is over: that it is asked for may be just now, and before the buyer paid.
    """
    return order.state == "placed" and order.pay_by is not None and now < order.pay_by and provider in order.asked


def wait(order: Order, until: datetime, now: datetime) -> Change | None:
    """Give an order more time that cannot be known to be unpaid, nor be paid, while its provider is away."""
    if order.state != "placed" or order.pay_by is None:
        return None
    return Change(id=order.id, version=order.version, fields={"pay_by": until}, at=now)
