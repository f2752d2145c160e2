"""What buyers wanted and did not get, counted in memory and told about once a second. Decides nothing."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from orders import stock
from orders.model import Allotment, Change
from orders.store import OrdersStore


class Missed:
    """One for each process. A refusal costs no write; a killed process loses the counts of its last second."""

    def __init__(self, store: OrdersStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._units: Counter[str] = Counter()

    def note(self, allotment_id: str, units: int) -> None:
        """So many units more were missed."""
        if units:
            self._units[allotment_id] += units

    def tell(self) -> None:
        """Say it, one event for each allotment."""
        for allotment_id, units in list(self._units.items()):
            self._store.allotments.apply(allotment_id, self._missing(units))
            self._units[allotment_id] -= units
        self._units = +self._units

    def _missing(self, units: int) -> Callable[[Allotment], Change | None]:
        return lambda allotment: stock.miss(allotment, units, self._clock())
