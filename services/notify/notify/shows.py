"""The live shows as anybody may see them: what is on screen, at which price, how many were ordered. Pure state,
made of events alone.

Events of different topics come in any order (a replica that starts reads hours of them at once), and any of them
may come twice; the state is the same in the end. Holds nothing of a buyer, and nothing of a rehearsal.
"""

from collections import OrderedDict
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from contracts.codec import Event
from contracts.events import (
    AllotmentClosed,
    Fact,
    ItemFeatured,
    OrderCancelled,
    OrderPlaced,
    StreamEnded,
    StreamStarted,
)

_SHOWS_KEPT: Final = 100
_IDS_KEPT: Final = 10_000
T = TypeVar("T", bound=msgspec.Struct)


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """`stream.started`: a show went live."""

    show_id: str
    programme: str
    counties: tuple[str, ...]
    channels: tuple[str, ...]
    started_at: datetime


class OnScreen(msgspec.Struct, frozen=True, kw_only=True):
    """`item.featured`: an item is on screen, its live price holds from `opens_at` to `closes_at`."""

    show_id: str
    slot: int
    allotment_id: str
    item_id: str
    county: str
    sku: str
    name_zh: str
    name_en: str
    price_fen: int
    live_price_fen: int
    offered: int
    per_buyer_limit: int | None
    opens_at: datetime
    closes_at: datetime


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """`stream.ended`: a show is over."""

    show_id: str
    ended_at: datetime


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """`allotment.closed`: a slot sells no more; a higher revision replaces a lower one."""

    show_id: str
    slot: int
    offered: int
    sold: int
    returned: int
    sold_out: bool
    revision: int


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """`tick`: all orders of a slot so far, and the units of those that were not cancelled."""

    show_id: str
    slot: int
    orders: int
    units: int


class Slot(msgspec.Struct, kw_only=True):
    """One slot of a show, as far as it is known."""

    slot: int
    item: OnScreen | None = None
    orders: int = 0
    units: int = 0
    closed: Closed | None = None


class Show(msgspec.Struct, kw_only=True):
    """One show, as far as it is known; `on_screen` is the slot that was featured last."""

    show_id: str
    programme: str = ""
    counties: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    on_screen: int | None = None
    slots: dict[int, Slot] = {}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`snapshot` and `reset`: everything that is live, at `now` by the server's clock."""

    now: datetime
    shows: tuple[Show, ...]


class Moment(NamedTuple):
    """Something for the viewers: the event's name, its show and what is told of it."""

    name: str
    show_id: str
    told: msgspec.Struct


class Shows:
    """What is known of the shows. One of these lives in each replica."""

    def __init__(self) -> None:
        self._shows: OrderedDict[str, Show] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._ticking: set[tuple[str, int]] = set()

    def take(self, event: Event) -> Moment | None:
        """Learn the event; what viewers are told of it now. Nothing for a rehearsal, a copy, the shelf, or an
        order (see `ticks`).
        """
        fact = event.data
        if getattr(fact, "rehearsal", False) or fact.show_id is None or self._is_copy(event.id):
            return None
        told = _LEARN[type(fact)](self, self._show(fact.show_id), fact)
        return Moment(event.type, fact.show_id, told) if told is not None else None

    def ticks(self) -> list[Moment]:
        """Totals of the slots that got orders since this was last asked."""
        ticking, self._ticking = sorted(self._ticking), set()
        return [
            Moment("tick", show_id, self._tick(show_id, slot)) for show_id, slot in ticking if show_id in self._shows
        ]

    def totals(self, show_id: str | None) -> list[Moment]:
        """Totals of every slot of the live shows that has orders."""
        slots = [(show.show_id, slot) for show in self._live(show_id) for slot in show.slots.values() if slot.orders]
        return [Moment("tick", show, self._tick(show, slot.slot)) for show, slot in slots]

    def snapshot(self, now: datetime, show_id: str | None) -> Snapshot:
        """Everything that is live, or the one show if it is known at all."""
        return Snapshot(now=now, shows=tuple(self._live(show_id)))

    def _live(self, show_id: str | None) -> list[Show]:
        if show_id is not None:
            return [show for show in self._shows.values() if show.show_id == show_id]
        return [show for show in self._shows.values() if show.programme and show.ended_at is None]

    def _tick(self, show_id: str, number: int) -> Tick:
        slot = self._shows[show_id].slots[number]
        return Tick(show_id=show_id, slot=number, orders=slot.orders, units=max(0, slot.units))

    def _show(self, show_id: str) -> Show:
        if show_id not in self._shows:
            self._shows[show_id] = Show(show_id=show_id)
            if len(self._shows) > _SHOWS_KEPT:
                self._shows.popitem(last=False)
        return self._shows[show_id]

    def _is_copy(self, event_id: str) -> bool:
        """Copies come soon after the original (a publisher that was killed tries again), so a bounded memory is
        enough.
        """
        if event_id in self._seen:
            return True
        self._seen[event_id] = None
        if len(self._seen) > _IDS_KEPT:
            self._seen.popitem(last=False)
        return False

    def _started(self, show: Show, fact: StreamStarted) -> Started:
        show.programme, show.counties, show.channels = fact.programme, fact.counties, fact.channels
        show.started_at = fact.started_at
        return _copied(Started, fact)

    def _featured(self, show: Show, fact: ItemFeatured) -> OnScreen:
        item = _copied(OnScreen, fact)
        show.programme = show.programme or fact.programme
        show.channels = show.channels or fact.channels
        slot = _slot(show, fact.slot)
        if slot.item is None or slot.item.opens_at <= item.opens_at:
            slot.item = item
        shown = show.slots[show.on_screen].item if show.on_screen else None
        if shown is None or shown.opens_at <= item.opens_at:
            show.on_screen = fact.slot
        return item

    def _ended(self, show: Show, fact: StreamEnded) -> Ended:
        show.programme, show.ended_at = fact.programme, fact.ended_at
        return _copied(Ended, fact)

    def _closed(self, show: Show, fact: AllotmentClosed) -> Closed | None:
        if fact.slot is None:
            return None
        closed = _copied(Closed, fact, sold_out=fact.returned == 0)
        slot = _slot(show, fact.slot)
        if slot.closed is not None and slot.closed.revision >= closed.revision:
            return None
        slot.closed = closed
        return closed

    def _ordered(self, show: Show, fact: OrderPlaced) -> None:
        if fact.slot is not None:
            slot = _slot(show, fact.slot)
            slot.orders += 1
            slot.units += fact.quantity
            self._ticking.add((show.show_id, fact.slot))

    def _cancelled(self, show: Show, fact: OrderCancelled) -> None:
        """Its units can be bought again. It may be heard of before its order was."""
        if fact.slot is not None:
            _slot(show, fact.slot).units -= fact.quantity
            self._ticking.add((show.show_id, fact.slot))


def _slot(show: Show, number: int) -> Slot:
    return show.slots.setdefault(number, Slot(slot=number))


def _copied(told: type[T], fact: Fact, **more: Any) -> T:
    """What viewers are told of a fact: the fields that both have, and nothing else."""
    return told(**{name: getattr(fact, name) for name in told.__struct_fields__ if name not in more}, **more)


_LEARN: Final[dict[type[Fact], Any]] = {
    StreamStarted: Shows._started,
    ItemFeatured: Shows._featured,
    StreamEnded: Shows._ended,
    AllotmentClosed: Shows._closed,
    OrderPlaced: Shows._ordered,
    OrderCancelled: Shows._cancelled,
}
