"""Serves what other platforms sold, by the same engine as every other order: in order for each allotment, twice is
once. Decides nothing; `sales.py` and `domain.py` do.

Known numbers are looked for last and only for what was not newly taken: the engine itself knows a request that became
an order of the same allotment, and the unique key of orders knows all others.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from chassis.clock import utcnow
from contracts.ids import new_id
from orders import sales
from orders.domain import Accepted, Outcome, Refused
from orders.model import Allotment
from orders.placing import Placing
from orders.sales import No, Sale, Served
from orders.store import OrdersStore
from orders.turns import in_turns

_TRY_ANOTHER: Final = frozenset({"sold-out", "allotment-closed"})


class Serving:
    """Makes orders of sales, whose keys all differ."""

    def __init__(self, store: OrdersStore, placing: Placing, clock: Callable[[], datetime] = utcnow) -> None:
        self._store = store
        self._placing = placing
        self._clock = clock

    def serve(self, asked: Sequence[Sale]) -> list[Served | No]:
        """An answer for each sale, in their order."""
        answers: dict[str, Served | No] = {}
        tried: defaultdict[str, set[str]] = defaultdict(set)
        left = self._named([sale for sale in asked if sale.allotment_id], answers)
        left += [sale for sale in asked if sale.allotment_id is None]
        while left:
            left = self._round(left, tried, answers)
        self._recognise(asked, answers)
        return [answers[sale.key] for sale in asked]

    def _named(self, asked: Sequence[Sale], answers: dict[str, Served | No]) -> list[Sale]:
        """Those that name an allotment of theirs; the others are answered."""
        found = {one.id: one for one in self._store.allotments.many({sale.allotment_id or "" for sale in asked})}
        nos = {sale.key: sales.misnamed(sale, found.get(sale.allotment_id or "")) for sale in asked}
        answers.update((key, no) for key, no in nos.items() if no)
        return [sale for sale in asked if nos[sale.key] is None]

    def _round(
        self, asked: Sequence[Sale], tried: defaultdict[str, set[str]], answers: dict[str, Served | No]
    ) -> list[Sale]:
        """Ask once for each; returns those that may find another shelf."""
        from_shelves = [sale for sale in asked if sale.allotment_id is None]
        shelves = self._store.allotments.open_shelves({sale.sku for sale in from_shelves})
        planned = sales.plan(from_shelves, shelves, tried)
        self._answer_unplanned(from_shelves, planned, answers)
        wanted = [(sale, key) for sale in asked if (key := _allotment_id(sale, planned))]
        now = self._clock()
        requests = [sales.request(sale, key, new_id(), now) for sale, key in wanted]
        outcomes = in_turns(self._placing.place, requests)
        again = []
        for (sale, key), outcome in zip(wanted, outcomes, strict=True):
            answers[sale.key] = _answer(sale, outcome)
            tried[sale.key].add(key)
            if sale.allotment_id is None and isinstance(outcome, Refused) and outcome.refusal.code in _TRY_ANOTHER:
                again.append(sale)
        return again

    def _answer_unplanned(
        self, asked: Sequence[Sale], planned: dict[str, Allotment | No | None], answers: dict[str, Served | No]
    ) -> None:
        answers.update((key, no) for key, no in planned.items() if isinstance(no, No))
        unserved = [sale for sale in asked if sale.key not in answers and planned[sale.key] is None]
        of_sku: defaultdict[str, list[Allotment]] = defaultdict(list)
        for allotment in self._store.allotments.of_skus({sale.sku for sale in unserved}):
            of_sku[allotment.sku].append(allotment)
        answers.update((sale.key, sales.unserved(sale, of_sku[sale.sku])) for sale in unserved)

    def _recognise(self, asked: Iterable[Sale], answers: dict[str, Served | No]) -> None:
        """What became an order before is that order, whatever became of its shelf."""
        denied = {sale.key: sale for sale in asked if isinstance(answers[sale.key], No)}
        for order in self._store.orders.by_keys(denied):
            known = sales.says_the_same(denied[order.request_key], order)
            answers[order.request_key] = Served(order, fresh=False) if known else sales.NUMBER_REUSED


def _allotment_id(sale: Sale, planned: dict[str, Allotment | No | None]) -> str | None:
    chosen = planned.get(sale.key)
    return chosen.id if isinstance(chosen, Allotment) else sale.allotment_id


def _answer(sale: Sale, outcome: Outcome) -> Served | No:
    if isinstance(outcome, Accepted):
        return Served(outcome.order, fresh=True)
    if isinstance(outcome, Refused):
        reused = outcome.refusal.code == "idempotency-key-reused"
        return sales.NUMBER_REUSED if reused else sales.refused(outcome.refusal)
    return Served(outcome.order, fresh=False) if sales.says_the_same(sale, outcome.order) else sales.NUMBER_REUSED
