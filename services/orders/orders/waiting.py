"""Serves those who wait: what was released is offered in the order of the tickets, and a close sends home the rest.

An allotment whose waitlist needs somebody says so itself: `attend_since` is set in the very write that makes the need
(units came back, somebody joined, it closed), and is cleared by a write that is guarded by the allotment's version,
so that nothing which came meanwhile is missed. In between, each step leaves what the next one needs:

1. `joining` entries are put at rest; they wait since the write that gave them their tickets.
2. Who fits into what is free is **called**, and cannot leave any more. Should two who attend at once call more than
   fit, who is too many keeps the turn and holds up nobody.
3. An order is placed for each called entry. Its request key is made from the entry: twice is the same order.
4. The entry says which order it became and announces the offer, in one write.
5. When nobody fits any more, and only then, `least_waiting` is counted again and `attend_since` cleared.

Several may attend at once; each step done twice is done once. Killed anywhere, the sweep finds `attend_since` and
starts over. `least_waiting` is never more than what somebody really waits for: a unit may be held for a moment for
nobody, but none is sold past who waits. See docs/decisions/007-waitlist.md.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from chassis import metrics
from chassis.clock import utcnow
from contracts import metrics as declared
from contracts.metrics import Metric
from orders import preorders, waitlist
from orders.model import Allotment, Change, Entry
from orders.placing import Placing
from orders.settings import OrdersSettings
from orders.store import OrdersStore, pause

_TRIES: Final = 50
_AT_ONCE: Final = 250


class Waiting:
    """Attends to the waitlists of allotments."""

    def __init__(
        self,
        store: OrdersStore,
        placing: Placing,
        settings: OrdersSettings,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._store = store
        self._placing = placing
        self._clock = clock
        self._offer_within = timedelta(seconds=settings.offer_within_seconds)
        self._settle_after = timedelta(seconds=settings.settle_after_seconds)

    def attend(self, allotment_id: str) -> None:
        """Do whatever is due for those who wait here; what is not done after many tries, the sweep goes on with."""
        for _ in range(_TRIES):
            allotment = self._store.allotments.get(allotment_id)
            if allotment is None or allotment.attend_since is None or self._step(allotment):
                return
            pause(0)

    def attend_left_behind(self) -> int:
        """Attend where something has been due for a while; how many allotments had something."""
        found = self._store.allotments.to_attend(self._clock() - self._settle_after)
        for allotment_id in found:
            self.attend(allotment_id)
        return len(found)

    def leave(self, entry: Entry) -> None:
        """Give up a place. The allotment says first that somebody must count again."""
        if waitlist.leave(entry, self._clock()) is None:
            return
        self._store.allotments.apply(entry.allotment_id, lambda found: waitlist.attend(found, self._clock()))
        self._store.waitlist.apply(entry.id, lambda found: waitlist.leave(found, self._clock()))
        self.attend(entry.allotment_id)

    def _step(self, allotment: Allotment) -> bool:
        """One step further; whether it was the last."""
        self.put_at_rest(allotment.joining)
        if self._serve(allotment):
            return False
        if allotment.state == "closed":
            return self._send_home(allotment)
        if self._call(allotment):
            return False
        least, _ = self._store.waitlist.least_and_units(allotment.id)
        if 0 < least <= allotment.remaining:  # somebody else has called them just now
            return False
        return self._store.allotments.change(waitlist.at_rest(allotment, least, self._clock()))

    def put_at_rest(self, joining: Sequence[Entry]) -> None:
        """Those who have their tickets, and those who waited for a lot and are moved here."""
        now = self._clock()
        self._store.waitlist.add(entry for entry in joining if entry.ticket > 0)
        self._store.waitlist.change_all([preorders.move(entry, now) for entry in joining if entry.ticket < 0])

    def _call(self, allotment: Allotment) -> bool:
        """Call who fits into what is free; whether there was somebody.

        The queue is read before those who are called: whom somebody else calls meanwhile is in one of the two. The
        guarded write in between says that nothing was placed since the allotment was read.
        """
        if not 0 < allotment.least_waiting <= allotment.remaining:
            return False
        queue = self._store.waitlist.waiting(allotment.id)
        near = waitlist.fitting(allotment.remaining, queue, allotment.least_waiting)
        called = self._store.waitlist.called(allotment.id)
        chosen = waitlist.chosen(allotment.remaining, near, called)[:_AT_ONCE]
        if not chosen:
            return False
        if self._store.allotments.change(waitlist.attend(allotment, self._clock())):
            self._store.waitlist.call(allotment.id, [entry.id for entry in chosen])
        return True

    def _serve(self, allotment: Allotment) -> bool:
        """Place the orders of those who are called; whether that changed anything."""
        called = self._store.waitlist.called(allotment.id)
        if not called:
            return False
        now = self._clock()
        self._placing.forget(allotment.id)
        outcomes = self._placing.place(
            [waitlist.request_for(allotment, entry, now, self._offer_within) for entry in called]
        )
        served = [
            waitlist.served(allotment, entry, outcome, now, self._offer_within)
            for entry, outcome in zip(called, outcomes, strict=True)
        ]
        changes = [change for change in served if change is not None]
        self._write(changes, declared.WAITLIST_OFFERS)
        return bool(changes)

    def _send_home(self, allotment: Allotment) -> bool:
        """It closed: say what was missed, then let each wait for the next lot, if there will be one."""
        now = self._clock()
        if allotment.least_waiting:
            _, units = self._store.waitlist.least_and_units(allotment.id)
            self._store.allotments.change(preorders.tell_missed(allotment, units, now))
            return False
        if left := self._store.waitlist.queued(allotment.id, _AT_ONCE):
            lot = preorders.next_lot(self._store.waitlist.lots(allotment.item_id), now)
            self._write([preorders.end(allotment, entry, lot, now) for entry in left], declared.PREORDERS)
            return False
        return self._store.allotments.change(waitlist.at_rest(allotment, 0, now))

    def _write(self, changes: Sequence[Change], counted: Metric) -> None:
        """Write them and count those that are told of; of many who attend at once, whose writes took does."""
        written = self._store.waitlist.change_all(changes)
        metrics.counter(counted).inc(min(written, sum(bool(change.facts) for change in changes)))
