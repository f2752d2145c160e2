"""Receives other platforms' orders as events, many at a time, and answers each: an order, or a decline with its reason.
Decides nothing; `declining.py`, `sales.py` and `domain.py` do.

A line is decided once. An order is known by its key; a decline is a document, written with its event in one write and
looked for before anything is sold. Who dies in between has the rest of the events delivered again, and finds what was
done. This rests on the broker's giving a topic's partition to one reader at a time: two who decide the same line at the
same instant, one of them no and one yes, would answer both.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from chassis import metrics
from chassis.clock import utcnow
from contracts import metrics as declared
from contracts.events import ChannelOrderReceived
from orders import declining, figures, sales
from orders.model import Declined
from orders.sales import No, Sale
from orders.serving import Serving
from orders.store import OrdersStore

Asked = tuple[ChannelOrderReceived, Sale]


class Receiving:
    """Answers what other platforms sold."""

    def __init__(self, store: OrdersStore, serving: Serving, clock: Callable[[], datetime] = utcnow) -> None:
        self._store = store
        self._serving = serving
        self._clock = clock

    def receive(self, facts: Sequence[ChannelOrderReceived]) -> None:
        """Each becomes an order or a decline; what was answered before is left as it is."""
        asked = [(fact, declining.sale_of(fact)) for fact in facts]
        fresh, reused = self._sorted(asked)
        answers = self._serving.serve([sale for _, sale in fresh])
        nos = [(one, no) for one, no in zip(fresh, answers, strict=True) if isinstance(no, No)]
        self._decline(nos + [(one, sales.NUMBER_REUSED) for one in self._not_its_own(reused)])

    def _sorted(self, asked: Sequence[Asked]) -> tuple[list[Asked], list[Asked]]:
        """What is to be decided, and what comes under a number for which something else was declined or is decided."""
        before = self._store.declined.of_numbers({sale.key for _, sale in asked})
        fresh: dict[str, Asked] = {}
        reused: list[Asked] = []
        for one in asked:
            sale = one[1]
            content = declining.decline_id(sale)
            first = fresh.get(sale.key)
            if content in before.get(sale.key, ()) or (first and declining.decline_id(first[1]) == content):
                continue
            if sale.key in before or first:
                reused.append(one)
            else:
                fresh[sale.key] = one
        return list(fresh.values()), reused

    def _not_its_own(self, reused: Sequence[Asked]) -> list[Asked]:
        """Those that are not what their number stands for: the order it became may be this one, told of again."""
        orders = {order.request_key: order for order in self._store.orders.by_keys({sale.key for _, sale in reused})}
        return [
            one for one in reused if not (known := orders.get(one[1].key)) or not sales.says_the_same(one[1], known)
        ]

    def _decline(self, nos: Sequence[tuple[Asked, No]]) -> None:
        now = self._clock()
        written: list[Declined] = [declining.declined(fact, sale, no, now) for (fact, sale), no in nos]
        self._store.declined.add(written)
        for (fact, _), no in nos:
            metrics.counter(declared.CHANNEL_ORDERS_DECLINED).labels(figures.channel(fact.channel), no.reason).inc()
