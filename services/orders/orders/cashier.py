"""Takes payments for orders: asks the provider, then marks the orders paid, many in one write. Holds no rule and no
money.

The charge comes first, under a key made from the order: a buyer whose process died in between pays again and is
charged once. An order that ended while it was being paid is refunded at once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from chassis import metrics
from chassis.clock import utcnow
from chassis.refusals import Conflict, PaymentRequired, Refusal
from contracts import metrics as declared
from orders import lifecycle
from orders.committer import Committer
from orders.model import Order, Payment
from orders.payments import PaymentProvider
from orders.store import OrdersStore


class _Paying(NamedTuple):
    order: Order
    payment: Payment


class Cashier:
    """One for each process: payments that come together are written together."""

    def __init__(
        self, store: OrdersStore, provider: PaymentProvider, most: int, clock: Callable[[], datetime] = utcnow
    ) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._committer: Committer[str, _Paying, Order | Refusal] = Committer(self._commit, most)

    def pay(self, order: Order, token: str) -> Order:
        """The paid order.

        Paid already: the same again. Raises `PaymentRequired` when declined, `Conflict` when it ended.
        """
        now = self._clock()
        if not lifecycle.must_pay(order, now):
            return order
        outcome = self._committer.submit("pay", _Paying(order, self._charge(order, token, now)))
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    def _charge(self, order: Order, token: str, now: datetime) -> Payment:
        if order.rehearsal:
            provider, payment_id = lifecycle.REHEARSAL_PROVIDER, f"rehearsal-{order.id}"
        else:
            charge = self._provider.charge(order.id, order.total_fen, token, idempotency_key=f"{order.id}:{token}")
            if charge.status == "declined":
                raise PaymentRequired("payment-declined", "The payment was declined; try another means.")
            provider, payment_id = self._provider.name, charge.payment_id
        return Payment(provider=provider, payment_id=payment_id, amount_fen=order.total_fen, paid_at=now)

    def _commit(self, _: str, payings: Sequence[_Paying]) -> list[Order | Refusal]:
        changes = [lifecycle.pay(one.order, one.payment) for one in payings]
        if self._store.orders.change_all(changes) == len(changes):
            for one in payings:
                _count(one.order)
            return [
                msgspec.structs.replace(
                    one.order, state="paid", payment=one.payment, pay_by=None, version=change.new_version
                )
                for one, change in zip(payings, changes, strict=True)
            ]
        return [self._look_again(one) for one in payings]

    def _look_again(self, one: _Paying) -> Order | Refusal:
        """Somebody changed an order of the batch meanwhile: see for each what it is now."""
        now = self._store.orders.get(one.order.id) or one.order
        if now.payment is not None:
            if now.payment.payment_id == one.payment.payment_id:
                _count(now)
            return now
        if one.payment.provider == self._provider.name:
            self._provider.refund(one.payment.payment_id, one.payment.amount_fen, f"{one.order.id}:too-late")
        return Conflict("order-cancelled", "The order was cancelled.", state=now.state)


def _count(order: Order) -> None:
    if not order.rehearsal:
        metrics.counter(declared.ORDERS_PAID).labels(order.channel).inc()
        metrics.counter(declared.REVENUE_FEN).labels(order.channel).inc(order.total_fen)
