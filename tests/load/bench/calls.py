"""What counting and timing one order takes by itself: the very calls that the service makes, without the service.

A machine that does something else changes this less than any figure of a whole service: the least of many tries counts.
"""

import time
from collections.abc import Callable
from typing import Final

from chassis import metrics
from chassis.clock import utcnow
from contracts import metrics as declared
from orders import domain, figures
from orders.model import Allotment

_TRIES: Final = 50
_CALLS: Final = 1_000
IN_A_BATCH: Final = 32  # orders, about what 64 buyers of one hot item come to


def microseconds() -> float:
    """Processor time of the calls for one order, its share of those for its batch included."""
    return _least(_order_calls()) + _least(_batch_calls) / IN_A_BATCH


def _order_calls() -> Callable[[], None]:
    now = utcnow()
    stock = Allotment(
        id="a", item_id="i", county="520123", sku="XW-KIWI-5", name_zh="", name_en="", producer_id="p", weight_g=1,
        purpose="shelf", price_fen=4980, offered=1, remaining=1,
    )  # fmt: skip
    asked = domain.Request(
        order_id="o", allotment_id="a", buyer_id="b", quantity=1, channel="web", request_key="k", arrived_at=now,
        placed_at=now,
    )  # fmt: skip
    (outcome,) = domain.decide(stock, (), [asked]).outcomes
    answer = metrics.histogram(declared.HTTP_REQUEST_SECONDS).labels("orders", "POST", "/orders", "201")

    def calls() -> None:
        answer.observe(0.03)
        figures.count(asked, outcome)
        figures.answered(outcome, (utcnow() - asked.arrived_at).total_seconds())

    return calls


def _batch_calls() -> None:
    figures.count_batch(IN_A_BATCH)
    figures.committed(0.02)
    metrics.counter(declared.EVENTS_PUBLISHED).labels("orders", "order.placed").inc(IN_A_BATCH)


def _least(calls: Callable[[], None]) -> float:
    return min(_once(calls) for _ in range(_TRIES))


def _once(calls: Callable[[], None]) -> float:
    began = time.process_time_ns()
    for _ in range(_CALLS):
        calls()
    return (time.process_time_ns() - began) / 1_000 / _CALLS
