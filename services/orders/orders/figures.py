"""What is counted of placings, for `/metrics`. Rehearsals are not brought here. Decides nothing."""

from typing import Final

from chassis import metrics
from contracts import metrics as declared
from orders.domain import Accepted, Outcome, Replayed, Request

_MOST_CHANNELS: Final = 200
_OTHERS: Final = "other"
_channels: set[str] = set()


def channel(name: str) -> str:
    """The channel as a label. Whoever orders names one, and each takes memory for good: after many, all others are
    one."""
    if len(_channels) < _MOST_CHANNELS:
        _channels.add(name)
    return name if name in _channels else _OTHERS


def count_batch(size: int) -> None:
    """So many orders were decided in one write."""
    metrics.histogram(declared.PLACING_BATCH).observe(size)


def count(request: Request, outcome: Outcome) -> None:
    """What became of one request; a replay was counted when it was new."""
    if isinstance(outcome, Replayed):
        return
    label = channel(request.channel)
    if isinstance(outcome, Accepted):
        metrics.counter(declared.ORDERS_PLACED).labels(label).inc()
        metrics.counter(declared.UNITS_SOLD).labels(label).inc(request.quantity)
        if payment := outcome.order.payment:  # what another platform sold was paid there
            metrics.counter(declared.ORDERS_PAID).labels(label).inc()
            metrics.counter(declared.REVENUE_FEN).labels(label).inc(payment.amount_fen)
    else:
        metrics.counter(declared.ORDERS_REFUSED).labels(label, outcome.refusal.code).inc()
