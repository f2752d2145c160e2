"""Demand not served: added up once, in the right week."""

from datetime import UTC, datetime

import pytest
from tests.unit.catalog.goods import missed

from catalog.signals import Telling, hear, iso_week, signal_of


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        (datetime(2018, 12, 3, 12, tzinfo=UTC), "2018-W49"),
        (datetime(2018, 12, 9, 15, 59, tzinfo=UTC), "2018-W49"),
        (datetime(2018, 12, 9, 16, 0, tzinfo=UTC), "2018-W50"),  # Monday 00:00 in China
        (datetime(2018, 12, 31, tzinfo=UTC), "2019-W01"),
    ],
)
def test_a_week_is_the_iso_week_in_china(moment: datetime, week: str) -> None:
    """A week begins on Monday at midnight where the goods are grown."""
    assert iso_week(moment) == week


def test_demand_of_an_item_week_and_reason_is_one_signal() -> None:
    """Different reasons are told apart."""
    assert signal_of(missed()).id == "kiwi:2018-W49:sold_out"
    assert signal_of(missed(reason="waitlist")).id == "kiwi:2018-W49:waitlist"


def test_demand_is_added_up_and_what_was_heard_before_is_not() -> None:
    """Each teller counts its own events; a repeated one changes nothing."""
    told = [Telling("a1", 1, missed(3)), Telling("a1", 2, missed(4)), Telling("a2", 1, missed(10))]
    signal = hear(signal_of(missed()), told)
    assert signal.quantity == 17
    assert hear(signal, [*told, *told]) == signal


def test_demand_that_is_heard_late_is_added_all_the_same() -> None:
    """It was replayed from the dead letters, after newer ones of its teller; replayed twice, it counts once."""
    late = Telling("a1", 4, missed(5))
    signal = hear(signal_of(missed()), [Telling("a1", 3, missed(1)), Telling("a1", 9, missed(2))])
    assert hear(signal, [late, late]).quantity == 8


def test_numbers_without_gaps_are_one_run_in_whatever_order_they_come() -> None:
    """So that a signal stays small."""
    told = [Telling("a1", number, missed(1)) for number in (5, 3, 4, 1, 2, 3)]
    signal = hear(signal_of(missed()), told)
    assert (signal.quantity, signal.seen) == (5, {"a1": ((1, 5),)})


def test_gaps_are_not_remembered_without_end() -> None:
    """Of many, the oldest is closed: what was in it counts as heard."""
    signal = hear(signal_of(missed()), [Telling("a1", number, missed(1)) for number in range(2, 302, 2)])
    assert signal.quantity == 150
    assert len(signal.seen["a1"]) == 65
    assert hear(signal, [Telling("a1", 3, missed(1))]) == signal
    assert hear(signal, [Telling("a1", 299, missed(1))]).quantity == 151


def test_a_producer_that_does_not_count_is_not_heard() -> None:
    """Number 0 says so: what it tells twice could not be told from two things."""
    assert hear(signal_of(missed()), [Telling("a1", 0, missed(1))]).quantity == 0
