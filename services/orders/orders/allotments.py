"""What is told of allotments and done to them: set aside, featured, closed. Decides nothing; `stock.py` does.

Facts about one allotment come on several topics, in any order and to any replica. So whoever learns one writes it
down first and looks for the others then: of two who learn at the same time, at least one sees both.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from chassis.clock import utcnow
from contracts.codec import Event
from contracts.events import ItemFeatured, StockAllotted, StreamEnded
from orders import freshness, preorders, stock
from orders.model import Allotment, Change, Window
from orders.placing import Placing
from orders.store import OrdersStore
from orders.waiting import Waiting


class Allotments:
    """Keeps allotments as the rest of the system says."""

    def __init__(
        self, store: OrdersStore, placing: Placing, waiting: Waiting, clock: Callable[[], datetime] = utcnow
    ) -> None:
        self._store = store
        self._placing = placing
        self._waiting = waiting
        self._clock = clock

    def allot(self, facts: Sequence[StockAllotted]) -> None:
        """Stock was set aside. If its slot was featured or its show ended before we were told, that holds as well."""
        allotments = self._promised([stock.from_stock(fact) for fact in facts])
        self._store.allotments.add(allotments)
        for allotment in allotments:
            if allotment.attend_since is not None:
                self._waiting.attend(allotment.id)
        slots = [one for one in allotments if one.purpose == "slot"]
        for window in self._store.allotments.windows(one.id for one in slots).values():
            self._open(window)
        for show_id in self._store.allotments.ended_shows({one.show_id for one in slots if one.show_id}):
            self._close_all(show_id)

    def _promised(self, allotments: Sequence[Allotment]) -> list[Allotment]:
        """With those who ordered ahead first in line, from the write that makes the allotment on."""
        ordered = self._store.waitlist.preorders({one.item_id for one in allotments if one.purpose == "shelf"})
        return preorders.promised(allotments, ordered, self._clock())

    def list_items(self, events: Iterable[Event]) -> None:
        """Remember which lots of an item are still to come: by its last listing, whichever of them comes last."""
        in_order = sorted(events, key=lambda event: event.sequence)
        last = {event.data.item_id: (event.sequence, preorders.lots_of(event.data)) for event in in_order}
        self._store.waitlist.remember_lots(last)

    def feature(self, event: Event) -> None:
        """A slot is on screen. A rehearsed one gets an allotment of nothing, for no stock was set aside for it."""
        fact: ItemFeatured = event.data
        window = stock.window_of(fact, event.sequence)
        self._store.allotments.remember_window(window)
        if fact.rehearsal:
            self._store.allotments.add([stock.for_rehearsal(fact)])
        self._open(window)
        if self._store.allotments.ended_shows([fact.show_id]):
            self._close_all(fact.show_id)

    def end_show(self, fact: StreamEnded) -> None:
        """A show ended: what its slots did not sell goes back to stock."""
        self._store.allotments.remember_end(fact.show_id, fact.ended_at)
        self._close_all(fact.show_id)

    def close(self, allotment_id: str, if_match: str | None = None) -> Allotment | None:
        """Sell no more of it. Its unfinished batches are finished first, so that what is told is what was sold."""

        def rule(found: Allotment) -> Change | None:
            freshness.require_fresh(found, if_match)
            return stock.close(found, self._clock())

        allotment = self._store.allotments.get(allotment_id)
        if allotment is not None and (allotment.pending or allotment.loans):
            self._placing.settle(allotment)
        closed = self._store.allotments.apply(allotment_id, rule).noun
        if closed is not None and closed.loans:  # a bucket that was opened meanwhile
            self._placing.settle(closed)
        if closed is not None and closed.attend_since is not None:
            self._waiting.attend(allotment_id)
        return closed

    def _open(self, window: Window) -> None:
        self._store.allotments.apply(window.allotment_id, lambda found: stock.feature(found, window, self._clock()))

    def _close_all(self, show_id: str) -> None:
        for allotment in self._store.allotments.of_show(show_id):
            self.close(allotment.id)
