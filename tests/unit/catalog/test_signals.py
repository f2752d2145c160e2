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
    """Each teller counts its own events; a repeated or older one changes nothing."""
    told = [Telling("a1", 1, missed(3)), Telling("a1", 2, missed(4)), Telling("a2", 1, missed(10))]
    signal = hear(signal_of(missed()), told)
    assert signal.quantity == 17
    assert hear(signal, [*told, *told]) == signal
