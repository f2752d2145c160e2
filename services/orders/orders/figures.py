"""What is counted of placings, for `/metrics`. Rehearsals are not brought here. Decides nothing."""

from chassis import metrics
from contracts import metrics as declared
from orders.domain import Accepted, Outcome, Refused, Request


def count_batch(size: int) -> None:
    """So many orders were decided in one write."""
    metrics.histogram(declared.PLACING_BATCH).observe(size)


def count(request: Request, outcome: Outcome) -> None:
    """What became of one request; a replay was counted when it was new."""
    if isinstance(outcome, Accepted):
        metrics.counter(declared.ORDERS_PLACED).labels(request.channel).inc()
        metrics.counter(declared.UNITS_SOLD).labels(request.channel).inc(request.quantity)
        if payment := outcome.order.payment:  # what another platform sold was paid there
            metrics.counter(declared.ORDERS_PAID).labels(request.channel).inc()
            metrics.counter(declared.REVENUE_FEN).labels(request.channel).inc(payment.amount_fen)
    elif isinstance(outcome, Refused):
        metrics.counter(declared.ORDERS_REFUSED).labels(request.channel, outcome.refusal.code).inc()
