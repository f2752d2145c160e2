"""The rules of a show: scheduled, live, ended; what may be put on screen, by whom and for how long.

Pure: takes shows, callers and times, gives back the show as it should be and the facts to tell; knows no database.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from broadcast.shows import Allotment, Item, Show, Slot, Window
from chassis.refusals import Conflict, Forbidden
from contracts.events import Fact, ItemFeatured, StreamEnded, StreamStarted

LONGEST_WINDOW_SECONDS = 7200


class Caller(Struct, frozen=True):
    """For whom a request is made: the platform, or one county."""

    platform: bool
    county: str | None = None

    def may(self, county: str) -> bool:
        """Whether the caller may act for `county`."""
        return self.platform or self.county == county

    def require_any(self, counties: Iterable[str]) -> None:
        """Refuse a caller to whom none of the counties belongs."""
        if not self.platform and self.county not in set(counties):
            raise Forbidden("foreign-county", "This belongs to another county.")


class Decision(Struct, frozen=True):
    """The show as it should be from now on, and what to tell others. The same show and no facts: nothing to do."""

    show: Show
    facts: tuple[Fact, ...] = ()


class Missing(Struct, frozen=True, kw_only=True):
    """What a slot still lacks before the show may start."""

    slot: int
    county: str
    sku: str
    lacks: Literal["allotment"]


class Terms(Struct, frozen=True):
    """On what terms a slot is sold: from which allotment, how many, for how much."""

    allotment_id: str
    offered: int
    price_fen: int
    per_buyer_limit: int | None


def whole_milliseconds(at: datetime) -> datetime:
    """The instant as precisely as a document can keep it, so that documents and events say the same."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def offer(show: Show, slot: Slot) -> Terms | None:
    """What orders sell from while the slot is on screen. A rehearsal's is made up here: it takes no stock."""
    if show.rehearsal:
        made_up = f"rehearsal-{show.show_id}-{slot.slot}"
        return Terms(
            made_up, offered=slot.planned, price_fen=slot.item.live_price_fen, per_buyer_limit=slot.per_buyer_limit
        )
    if slot.allotment is None:
        return None
    given = slot.allotment
    limit = given.per_buyer_limit or slot.per_buyer_limit
    return Terms(given.allotment_id, offered=given.offered, price_fen=given.price_fen, per_buyer_limit=limit)


def checklist(show: Show) -> tuple[Missing, ...]:
    """What the line-up lacks; empty when the show may start. Items were checked when they were planned."""
    return tuple(
        Missing(slot=slot.slot, county=slot.county, sku=slot.item.sku, lacks="allotment")
        for slot in show.slots
        if offer(show, slot) is None
    )


def allot(show: Show, allotment: Allotment) -> Show:
    """The show with the allotment in its slot; the newest counts. The same show if it belongs to none of its slots."""
    for slot in show.slots:
        if slot.slot == allotment.slot and slot.goods == (allotment.county, allotment.sku) and not show.rehearsal:
            if slot.allotment is not None and _rank(allotment) <= _rank(slot.allotment):
                return show
            sold = replace(slot.item, item_id=allotment.item_id)  # what is sold is what catalog set aside
            return show.with_slot(replace(slot, allotment=allotment, item=sold))
    return show


def _rank(allotment: Allotment) -> tuple[datetime, str]:
    return allotment.allotted_at, allotment.allotment_id


def start(show: Show, *, caller: Caller, items: dict[str, Item], now: datetime) -> Decision:
    """Go live, with the items as they are listed now. A show that is live already stays as it is: twice is once."""
    caller.require_any(show.counties)
    if show.state == "live":
        return Decision(show)
    if show.state == "ended":
        raise Conflict("already-ended", "The show has ended; it cannot be started again.", ended_at=show.ended_at)
    if not show.slots or checklist(show):
        missing = checklist(show)
        raise Conflict(
            "checklist-incomplete", f"{len(missing)} of {len(show.slots)} slots lack stock.", missing=missing
        )
    slots = tuple(replace(slot, item=items.get(slot.item.item_id, slot.item)) for slot in show.slots)
    live = replace(show, state="live", started_at=now, slots=slots)
    return Decision(live, (_started(live, now),))


def _started(show: Show, now: datetime) -> StreamStarted:
    return StreamStarted(
        show_id=show.show_id,
        show=show.show,
        programme=show.programme,
        rehearsal=show.rehearsal,
        counties=show.counties,
        channels=show.channels,
        started_at=now,
    )


def feature(
    show: Show, number: int, *, caller: Caller, now: datetime, seconds: int | None = None, key: str | None = None
) -> Decision:
    """Put a slot's item on screen and open its price window. Those announced before stay: viewers were promised."""
    slot = show.numbered(number)
    caller.require_any({slot.county})
    if key is not None and _featured_under(show, slot, key):
        return Decision(show)
    if show.state != "live":
        raise Conflict(
            "not-live", f"The show is {show.state}; only a live show puts items on screen.", state=show.state
        )
    terms = offer(show, slot)
    if terms is None:
        raise Conflict("not-allotted", f"Slot {number} has no stock set aside yet.", slot=number, sku=slot.item.sku)
    opens_at = show.then(now)
    closes_at = opens_at + timedelta(seconds=seconds or slot.minutes * 60)
    window = Window(number=1 + sum(len(s.windows) for s in show.slots), opens_at=opens_at, closes_at=closes_at, key=key)
    changed = show.with_slot(replace(slot, windows=(*slot.windows, window)))
    return Decision(changed, (_featured(show, slot, terms, window),))


def _featured_under(show: Show, slot: Slot, key: str) -> bool:
    """Whether the key was used before, for this slot; used for another one it is a mistake."""
    for other in show.slots:
        if any(window.key == key for window in other.windows):
            if other.slot == slot.slot:
                return True
            raise Conflict("idempotency-key-reused", f"The key was used for slot {other.slot}.", slot=other.slot)
    return False


def _featured(show: Show, slot: Slot, terms: Terms, window: Window) -> ItemFeatured:
    item = slot.item
    return ItemFeatured(
        show_id=show.show_id,
        programme=show.programme,
        rehearsal=show.rehearsal,
        slot=slot.slot,
        allotment_id=terms.allotment_id,
        item_id=item.item_id,
        county=item.county,
        sku=item.sku,
        name_zh=item.name_zh,
        name_en=item.name_en,
        producer_id=item.producer_id,
        weight_g=item.weight_g,
        price_fen=item.price_fen,
        live_price_fen=terms.price_fen,
        offered=terms.offered,
        per_buyer_limit=terms.per_buyer_limit,
        channels=slot.channels,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
    )


def end(show: Show, *, caller: Caller, now: datetime) -> Decision:
    """Go off air. A show that has ended already stays as it is: twice is once."""
    caller.require_any(show.counties)
    if show.state == "ended":
        return Decision(show)
    if show.state == "scheduled" or show.started_at is None:
        raise Conflict("not-live", "The show has not started; there is nothing to end.", state=show.state)
    ended_at = show.then(now)
    fact = StreamEnded(
        show_id=show.show_id,
        show=show.show,
        programme=show.programme,
        rehearsal=show.rehearsal,
        counties=show.counties,
        started_at=show.started_at,
        ended_at=ended_at,
    )
    return Decision(replace(show, state="ended", ended_at=ended_at), (fact,))


def drop(show: Show, number: int, *, caller: Caller) -> Decision:
    """Take a slot out of a line-up that has not gone live."""
    slot = show.numbered(number)
    caller.require_any({slot.county})
    if show.state != "scheduled":
        raise Conflict("line-up-closed", f"The show is {show.state}; its line-up stands.", state=show.state)
    return Decision(replace(show, slots=tuple(other for other in show.slots if other.slot != number)))


def on_screen(show: Show, now: datetime) -> Slot | None:
    """The slot that was put on screen last and whose window is still open."""
    if show.state != "live":
        return None
    opened = [(window.number, slot) for slot in show.slots for window in slot.windows if window.open(now)]
    return max(opened, key=lambda pair: pair[0])[1] if opened else None
