"""What is counted of placings, for `/metrics`. Rehearsals are not brought here. Decides nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Final

from prometheus_client import Counter, Histogram

from chassis import metrics
from contracts import metrics as declared
from orders.domain import Accepted, Outcome, Replayed, Request
from orders.lately import Lately
from orders.model import Allotment, Line

_MOST_CHANNELS: Final = 200
_OUTCOMES: Final = {"Accepted": "placed", "Replayed": "replayed", "Refused": "refused", "NoneType": "failed"}
_WEBHOOKS: Final = ("paid", "refunded", "refund-failed", "forged")
_ASTRAY: Final = ("mismatch", "too-late", "twice", "refunded", "no-such-order")
_channels: Final = metrics.Names(_MOST_CHANNELS)
_begun: Final = Lately(1_000)  # windows that had their first order here


def channel(name: str) -> str:
    """The channel as a label. Whoever orders names one."""
    return _channels.label(name)


def expect(providers: Iterable[str] = ()) -> None:
    """Have these series from the start: of one that begins with a failure, an alert sees no rise."""
    for outcome in _OUTCOMES:
        _answers(outcome)
    for without_labels in (
        declared.PLACING_CONFLICTS,
        declared.BUCKETS_OPENED,
        declared.WAITLIST_OFFERS,
        declared.PREORDERS,
    ):
        metrics.counter(without_labels)
    for who in ("buyer", "time"):
        metrics.counter(declared.ORDERS_COMPLETED).labels(who)
    for provider in providers:
        metrics.counter(declared.PAYMENTS_FOUND).labels(provider)
        metrics.counter(declared.REFUNDS_REFUSED).labels(provider)
        for kind in _WEBHOOKS:
            metrics.counter(declared.PAYMENT_NOTIFICATIONS).labels(provider, kind)
        for reason in _ASTRAY:
            metrics.counter(declared.PAYMENTS_ASTRAY).labels(provider, reason)


def answered(outcome: Outcome | None, seconds: float) -> None:
    """A buyer's order was answered so, or (None) could not be, after that time. Rehearsals too."""
    _answers(type(outcome).__name__).observe(max(0.0, seconds))


@cache
def _answers(outcome: str) -> Histogram:
    """Found once: it is asked for with every order."""
    return metrics.histogram(declared.PLACE_SECONDS).labels(_OUTCOMES[outcome])


def committed(seconds: float) -> None:
    """A group commit took that long."""
    metrics.histogram(declared.PLACING_COMMIT_SECONDS).observe(seconds)


def lost_race() -> None:
    """Another replica was faster at an allotment's document."""
    metrics.counter(declared.PLACING_CONFLICTS).inc()


def opened_bucket() -> None:
    """This replica took a bucket."""
    metrics.counter(declared.BUCKETS_OPENED).inc()


def first_order(allotment: Allotment, lines: Sequence[Line]) -> None:
    """Lines were sold from the allotment as it was read: are they the first since its slot was put on screen?

    Among all replicas one only sees nothing sold since: its write was guarded. What was sold and cancelled again is
    forgotten by all but the replica that sold it. A slot on screen again of which buckets were opened is left out: what
    they sell is sold without anybody's looking at the allotment, so its own first may be late.
    """
    opened: datetime | None = allotment.opens_at
    if opened is None or allotment.rehearsal or allotment.loans or allotment.sold != allotment.sold_before_window:
        return
    window = f"{allotment.id}:{allotment.window_sequence}"
    if window not in _begun:
        _begun.add([window])
        first = min(line.recorded_at for line in lines)
        metrics.histogram(declared.FIRST_ORDER_SECONDS).observe(max(0.0, (first - opened).total_seconds()))


def count_batch(size: int) -> None:
    """So many orders were decided in one write."""
    metrics.histogram(declared.PLACING_BATCH).observe(size)


@cache
def _sales(channel: str) -> tuple[Counter, Counter]:
    """Found once, as above; there are no more of them than names of channels."""
    return metrics.counter(declared.ORDERS_PLACED).labels(channel), metrics.counter(declared.UNITS_SOLD).labels(channel)


def count(request: Request, outcome: Outcome) -> None:
    """What became of one request; a replay was counted when it was new."""
    if isinstance(outcome, Replayed):
        return
    label = channel(request.channel)
    if isinstance(outcome, Accepted):
        orders, units = _sales(label)
        orders.inc()
        units.inc(request.quantity)
        if payment := outcome.order.payment:  # what another platform sold was paid there
            metrics.counter(declared.ORDERS_PAID).labels(label).inc()
            metrics.counter(declared.REVENUE_FEN).labels(label).inc(payment.amount_fen)
    else:
        metrics.counter(declared.ORDERS_REFUSED).labels(label, outcome.refusal.code).inc()
