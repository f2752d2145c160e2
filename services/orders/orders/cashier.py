"""Takes payments for orders: asks the provider, then marks the orders paid, many in one write. Holds no rule (those of
money are in `paying.py`) and no money.

The charge comes first, under a key made from the order, so that nobody is charged twice. That a provider is being asked
is written to the order before: should the process die between charge and mark, the provider's webhook says that it was
paid, or the sweep asks before it lets the order lapse (`enquiring.py`). Money that cannot pay its order goes back.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from chassis import metrics, tracing
from chassis.clock import utcnow
from chassis.refusals import Conflict, PaymentRequired, Refusal
from contracts import metrics as declared
from orders import figures, lifecycle, paying
from orders.committer import Committer, Passed
from orders.model import Change, Order, Payment
from orders.payments import Declined, Notification, Paid, PaymentProvider, Pending, Providers
from orders.refunding import Refunding
from orders.store import Applied, OrdersStore

_log = logging.getLogger(__name__)


class Paying(NamedTuple):
    """An order after its buyer asked to pay, and what they must still do, if anything."""

    order: Order
    provider: str
    pending: Pending | None = None


class _Mark(NamedTuple):
    order: Order
    provider: str
    paid: Paid
    payment: Payment
    traceparent: str | None


class Cashier:
    """One for each process: payments that come together are written together."""

    def __init__(
        self,
        store: OrdersStore,
        providers: Providers,
        refunding: Refunding,
        most: int,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._store = store
        self._providers = providers
        self._refunding = refunding
        self._clock = clock
        self._committer: Committer[str, _Mark, Order | Refusal] = Committer(self._commit, most)

    def pay(self, order: Order, token: str | None) -> Order:
        """The order, paid by the first provider; or what it is while its buyer has something to do."""
        return self.begin(order, None, token).order

    def begin(self, order: Order, method: str | None, token: str | None) -> Paying:
        """Charge for the order, or say what its buyer must do.

        Paid already: the same again. Raises `PaymentRequired` when declined, `Conflict` when it ended.
        """
        now = self._clock()
        provider = self._providers.for_buyer(method)
        if not lifecycle.must_pay(order, now):
            return Paying(order, provider.name)
        if order.rehearsal or not order.total_fen:
            return Paying(self._mark(order, *paying.without_money(order)), provider.name)
        if not provider.decides_at_once(token):
            order = self._note(order, provider, now)
            if order.payment is not None:  # by somebody else, meanwhile
                return Paying(order, provider.name)
        charge = provider.charge(paying.purchase(order), token)
        if isinstance(charge, Declined):
            raise PaymentRequired("payment-declined", "The payment was declined; try another means.")
        if isinstance(charge, Pending):
            return Paying(order, provider.name, charge)
        return Paying(self._mark(order, provider.name, charge), provider.name)

    def notified(self, provider: str, said: Notification) -> None:
        """A provider said what happened to a payment. Said twice, late or in another order, it comes to the same."""
        if said.kind == "refund-failed":
            _log.error("a refund failed at the provider", extra={"order": said.order_id, "provider": provider})
            metrics.counter(declared.REFUNDS_REFUSED).labels(provider).inc()
            return
        paid = Paid(payment_id=said.payment_id, amount=said.amount, currency=said.currency)
        if said.kind == "paid":
            order = self.receive(said.order_id, provider, paid)
        else:
            order = self._refunded(said.order_id, provider, paid)
        if order is None:
            _log.warning("payment of an order that is not here", extra={"provider": provider, "event": said.event_id})
            metrics.counter(declared.PAYMENTS_ASTRAY).labels(provider, "no-such-order").inc()

    def receive(self, order_id: str, provider: str, paid: Paid) -> Order | None:
        """Money came for an order, by whatever way: it pays it, or goes back. None: there is no such order."""
        return self._receive(order_id, provider, paid).noun

    def found(self, order_id: str, provider: str, paid: Paid) -> Order | None:
        """The same of money that we had to ask for. It was not found if somebody else was told of it meanwhile."""
        order, change = self._receive(order_id, provider, paid)
        if order is not None and change is not None and paying.pays(order, paid):
            metrics.counter(declared.PAYMENTS_FOUND).labels(provider).inc()
        return order

    def _receive(self, order_id: str, provider: str, paid: Paid) -> Applied[Order]:
        received = self._store.orders.apply(
            order_id, lambda order: paying.receive(order, provider, paid, self._clock())
        )
        order, change = received
        if order is None:
            return received
        tracing.relate(order.traceparent, order_id=order.id)
        if change is not None and paying.pays(order, paid):
            _count(order)
        elif change is not None:
            self._astray(order, paid)
        self._refunding.give_back([order])
        return received

    def _note(self, order: Order, provider: PaymentProvider, now: datetime) -> Order:
        """Remember that the provider is asked, before it is. Whoever changed the order meanwhile may have ended it."""

        def rule(found: Order) -> Change | None:
            return paying.ask(found, provider.name, now) if lifecycle.must_pay(found, now) else None

        return self._store.orders.apply(order.id, rule).noun or order

    def _mark(self, order: Order, provider: str, paid: Paid) -> Order:
        payment = paying.payment(order, provider, paid, self._clock())
        if payment is None:
            return self._settled(self.receive(order.id, provider, paid) or order)
        outcome = self._committer.submit("pay", _Mark(order, provider, paid, payment, tracing.here()))
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    def _commit(self, _: str, marks: Sequence[_Mark], _passed: Passed) -> list[Order | Refusal]:
        changes = [lifecycle.pay(one.order, one.payment) for one in marks]
        if tracing.on():
            changes = [replace(one, traceparent=mark.traceparent) for one, mark in zip(changes, marks, strict=True)]
        with tracing.together("pay orders", (one.traceparent for one in marks)):
            written = self._store.orders.change_all(changes)
        if written == len(changes):
            for one in marks:
                _count(one.order)
            return [
                replace(one.order, state="paid", payment=one.payment, pay_by=None, version=change.new_version)
                for one, change in zip(marks, changes, strict=True)
            ]
        return [self._look_again(one) for one in marks]

    def _look_again(self, one: _Mark) -> Order | Refusal:
        """Somebody changed an order of the batch meanwhile: see for each what it is now."""
        now = self.receive(one.order.id, one.provider, one.paid) or one.order
        if _written_by(one, now):
            _count(now)
        try:
            return self._settled(now)
        except Refusal as refusal:
            return refusal

    def _settled(self, order: Order) -> Order:
        """The order, if it is paid, by whichever payment. Raises `Conflict` when it is not, and the money went back."""
        if order.payment is not None:
            return order
        if order.state == "placed":
            raise Conflict("payment-mismatch", "Another amount came than was due; it goes back.", state=order.state)
        raise Conflict("order-cancelled", "The order was cancelled.", state=order.state)

    def _refunded(self, order_id: str, provider: str, paid: Paid) -> Order | None:
        order, change = self._store.orders.apply(
            order_id, lambda order: paying.receive_refunded(order, provider, paid, self._clock())
        )
        if order is not None and change is not None:
            self._astray(order, paid)
        elif order is not None and paying.surprising(order, paid):
            _log.warning("refunded at the provider, not here", extra={"order": order.id, "provider": provider})
        return order

    def _astray(self, order: Order, paid: Paid) -> None:
        one = next(one for one in order.astray if one.payment_id == paid.payment_id)
        _log.warning(
            "payment cannot pay its order", extra={"order": order.id, "provider": one.provider, "reason": one.why}
        )
        metrics.counter(declared.PAYMENTS_ASTRAY).labels(one.provider, one.why).inc()


def _written_by(mark: _Mark, order: Order) -> bool:
    """Whether the batch's own write paid it: the database keeps milliseconds of when."""
    paid = order.payment
    return (
        paid is not None
        and paid.payment_id == mark.payment.payment_id
        and timedelta(0) <= mark.payment.paid_at - paid.paid_at < timedelta(milliseconds=1)
    )


def _count(order: Order) -> None:
    if not order.rehearsal:
        metrics.counter(declared.ORDERS_PAID).labels(figures.channel(order.channel)).inc()
        metrics.counter(declared.REVENUE_FEN).labels(figures.channel(order.channel)).inc(order.total_fen)
