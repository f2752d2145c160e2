"""A show recorded from its events: in the order in which things happened, without anybody's name."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.notify.facts import NOON, event, fact

from contracts.codec import Event, record, to_message
from contracts.events import (
    AudienceSampled,
    Fact,
    ItemFeatured,
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    StreamEnded,
    StreamStarted,
)
from load import recording, taking
from load.recording import Cancelled, Featured, Paid, Placed, Row, Sampled, Started


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def evening() -> list[Event]:
    """Read by topic, as topics are: not in the order in which it happened."""
    sampled = AudienceSampled(show_id="s1", rehearsal=False, channel="web", viewers=70, sampled_at=after(30))
    return [
        event(OrderPaid, paid_at=after(9)),
        event(OrderPlaced, placed_at=after(6.5)),
        event(OrderPlaced, order_id="o2", buyer_id="b2", placed_at=after(7)),
        event(OrderPlaced, order_id="o3", placed_at=after(8)),
        event(OrderPlaced, order_id="o4", imported=True, placed_at=after(8)),
        event(OrderPlaced, order_id="o5", show_id="another", placed_at=after(8)),
        event(OrderCancelled, order_id="o2", cancelled_at=after(20)),
        event(OrderCancelled, order_id="o3", reason="expired", cancelled_at=after(9000)),
        event(StreamEnded, ended_at=after(3600)),
        event(ItemFeatured, opens_at=after(5), closes_at=after(65)),
        Event("x", "audience.sampled", "t", "s1", 1, NOON, sampled),
        event(StreamStarted),
    ]


def taken(secret: bytes = b"k", told: list[Event] | None = None) -> list[Row]:
    return taking.recording(evening() if told is None else told, "s1", secret)


def of(rows: list[Row], kind: type[Row]) -> list[Any]:
    return [row for row in rows if isinstance(row, kind)]


def test_a_show_is_recorded_in_the_order_in_which_it_happened_and_can_be_read_again() -> None:
    rows = taken()
    assert [row.at for row in rows] == [0, 5, 6.5, 7, 8, 9, 20, 30, 3600]
    assert [type(row) for row in rows[:3]] == [Started, Featured, Placed]
    assert recording.read(recording.written(rows)) == rows


def test_of_an_order_is_kept_what_became_of_it_while_the_show_was_live() -> None:
    rows = taken()
    assert [row.order for row in of(rows, Paid)] == [1]
    assert [(row.order, row.reason) for row in of(rows, Cancelled)] == [(2, "buyer")]


def test_orders_of_other_shows_and_of_other_platforms_are_left_out() -> None:
    assert len(of(taken(), Placed)) == 3


def test_a_buyer_has_one_made_up_name_in_a_recording_and_another_in_the_next() -> None:
    first, second = of(taken(b"one"), Placed), of(taken(b"two"), Placed)
    assert first[0].who == first[2].who != first[1].who
    assert {row.who for row in first}.isdisjoint(row.who for row in second)
    assert not any(name in line for line in recording.written(taken()) for name in ('"b1"', '"b2"', '"o1"'))


def test_what_is_on_screen_says_for_how_long_and_for_whom() -> None:
    (featured,) = of(taken(), Featured)
    assert (featured.window_seconds, featured.offered, featured.limit, featured.channels) == (60, 100, 3, ("web",))
    assert of(taken(), Sampled)[0].viewers == 70


@pytest.mark.parametrize(("missing", "why"), [(StreamStarted, "has not started"), (StreamEnded, "has not ended")])
def test_a_show_that_is_not_whole_is_not_recorded(missing: type[Fact], why: str) -> None:
    told = [one for one in evening() if not isinstance(one.data, missing)]
    with pytest.raises(taking.NotRecorded, match=why):
        taken(told=told)


def test_an_event_that_came_twice_counts_once_and_what_nobody_can_read_is_passed_over() -> None:
    said = to_message(record(fact(OrderPlaced), source="orders", sequence=1, time=NOON))
    message = SimpleNamespace(headers=said[3], value=said[2])
    broken = SimpleNamespace(headers=said[3], value=b"{")
    assert len(list(taking.events([message, broken, message]))) == 1


def test_shows_are_listed_with_when_and_what_they_were() -> None:
    assert taking.shows(evening()) == {"s1": "2018-12-03 12:00 Town Store Treasure"}
