"""What browsers see of the shows, whatever order the events come in."""

import itertools
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.notify.facts import NOON, event

from contracts.codec import Event
from contracts.events import AllotmentClosed, ItemFeatured, OrderCancelled, OrderPlaced, StreamEnded, StreamStarted
from notify.shows import Shows, Snapshot

LATER = NOON + timedelta(minutes=12)
EVENING = [
    event(StreamStarted),
    event(ItemFeatured, sequence=2),
    event(ItemFeatured, sequence=3, slot=2, opens_at=LATER, name_en="Apples"),
    event(OrderPlaced, order_id="o1", quantity=2),
    event(OrderPlaced, order_id="o2", quantity=3, slot=2),
    event(AllotmentClosed),
]


def shows_of(events: list[Event]) -> Shows:
    shows = Shows()
    for each in events:
        shows.take(each)
    return shows


def seen(shows: Shows, show_id: str | None = None) -> Snapshot:
    return shows.snapshot(NOON, show_id)


def test_a_live_show_is_seen_with_what_is_on_screen_and_how_many_were_ordered() -> None:
    (show,) = seen(shows_of(EVENING)).shows
    assert (show.programme, show.on_screen) == ("Town Store Treasure", 2)
    first, second = show.slots[1], show.slots[2]
    assert (first.orders, first.units, second.orders, second.units) == (1, 2, 1, 3)
    assert second.item is not None
    assert second.item.name_en == "Apples"
    assert first.closed is not None
    assert (first.closed.sold, first.closed.sold_out) == (90, False)


@pytest.mark.parametrize("turn", list(itertools.permutations(range(len(EVENING))))[::37])
def test_the_state_is_the_same_whatever_order_the_topics_are_read_in(turn: tuple[int, ...]) -> None:
    assert seen(shows_of([EVENING[index] for index in turn])) == seen(shows_of(EVENING))


def test_every_event_twice_is_every_event_once() -> None:
    twice = shows_of([each for each in EVENING for _ in range(2)])
    assert seen(twice) == seen(shows_of(EVENING))
    shows = Shows()
    assert shows.take(EVENING[1]) is not None
    assert shows.take(EVENING[1]) is None


def test_a_show_that_ended_is_not_live_even_if_its_start_is_read_later() -> None:
    shows = shows_of([event(StreamEnded, sequence=9), *EVENING])
    assert seen(shows).shows == ()
    assert seen(shows, "s1").shows[0].ended_at is not None


@pytest.mark.parametrize(
    "cls", [StreamStarted, ItemFeatured, StreamEnded, AllotmentClosed, OrderPlaced, OrderCancelled]
)
def test_a_rehearsal_is_never_seen(cls: Any) -> None:
    shows = Shows()
    assert shows.take(event(cls, rehearsal=True)) is None
    assert seen(shows).shows == seen(shows, "s1").shows == ()
    assert shows.ticks() == []


def test_the_shelf_is_no_show() -> None:
    shows = Shows()
    assert shows.take(event(OrderPlaced, show_id=None, slot=None)) is None
    assert shows.take(event(AllotmentClosed, show_id=None, slot=None)) is None
    assert shows.ticks() == []


def test_a_tick_says_all_so_far_and_only_where_something_was_ordered() -> None:
    shows = shows_of(EVENING)
    assert [(tick.told.slot, tick.told.units) for tick in shows.ticks()] == [(1, 2), (2, 3)]
    assert shows.ticks() == []
    shows.take(event(OrderPlaced, order_id="o3", quantity=1))
    assert [(tick.told.orders, tick.told.units) for tick in shows.ticks()] == [(2, 3)]


def test_what_was_cancelled_is_not_sold_whichever_is_heard_first() -> None:
    shows = Shows()
    shows.take(event(OrderCancelled, order_id="o9", quantity=2))
    assert [(tick.told.orders, tick.told.units) for tick in shows.ticks()] == [(0, 0)]
    for each in EVENING:
        shows.take(each)
    shows.take(event(OrderPlaced, order_id="o9", quantity=2))
    assert next((tick.told.orders, tick.told.units) for tick in shows.ticks()) == (2, 2)


def test_a_correction_replaces_a_close_and_is_not_replaced_by_it() -> None:
    shows = Shows()
    assert shows.take(event(AllotmentClosed, sequence=3, revision=2, sold=88, returned=12)) is not None
    assert shows.take(event(AllotmentClosed, sequence=2, revision=1)) is None
    shows.take(event(StreamStarted))
    closed = seen(shows).shows[0].slots[1].closed
    assert closed is not None
    assert closed.sold == 88


def test_a_slot_featured_again_is_on_screen_with_its_new_window() -> None:
    again = event(
        ItemFeatured, sequence=4, opens_at=LATER + timedelta(minutes=1), closes_at=LATER + timedelta(minutes=9)
    )
    (show,) = seen(shows_of([*EVENING, again])).shows
    assert show.on_screen == 1
    assert show.slots[1].item is not None
    assert show.slots[1].item.closes_at == LATER + timedelta(minutes=9)


def test_nothing_of_a_buyer_reaches_a_browser() -> None:
    shows = shows_of(EVENING)
    everything = msgspec.json.encode([seen(shows), [tick.told for tick in shows.ticks()]]).decode()
    assert not any(private in everything for private in ("b1", "buyer_id", "o1", "producer"))


def test_old_shows_are_forgotten() -> None:
    shows = shows_of([event(StreamStarted, show_id=f"s{number}") for number in range(150)])
    assert len(seen(shows).shows) == 100
