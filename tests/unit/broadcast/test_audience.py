"""What counts of viewers are taken, and what a show's report card makes of them and of its orders."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from broadcast.audience import Sample, sample_id, take
from broadcast.cards import report_card
from broadcast.figures import Sum, Watched
from broadcast.shows import Show, Window
from chassis.refusals import Conflict, Invalid

from .stages import LEISHAN, NOW, XIUWEN, a_show, a_slot

MINUTE = timedelta(minutes=1)


@pytest.fixture
def show() -> Show:
    return a_show(state="live", started_at=NOW)


def test_a_sample_is_of_the_moment_it_arrives_unless_it_says_when(show: Show) -> None:
    later = NOW + 5 * MINUTE
    samples = [Sample(channel="web", viewers=7), Sample(channel="web", viewers=8, sampled_at=NOW)]
    assert [(fact.viewers, fact.sampled_at) for fact in take(show, samples, later)] == [(7, later), (8, NOW)]


def test_the_same_sample_has_the_same_name(show: Show) -> None:
    first, again = take(show, [Sample(channel="web", viewers=7, sampled_at=NOW)] * 2, NOW)
    assert sample_id(first) == sample_id(again)


@pytest.mark.parametrize("state", ["scheduled", "ended"])
def test_only_a_live_show_has_an_audience(state: str) -> None:
    with pytest.raises(Conflict, match="not-live"):
        take(a_show(state=state), [Sample(channel="web", viewers=1)], NOW)


def test_a_channel_that_does_not_carry_the_show_is_refused_with_those_that_do(show: Show) -> None:
    with pytest.raises(Invalid) as refused:
        take(show, [Sample(channel="web", viewers=1), Sample(channel="youku", viewers=1)], NOW)
    assert refused.value.field == "$.samples[1].channel"
    assert refused.value.valid == ["taobao-live", "web"]


@pytest.mark.parametrize("sampled_at", [NOW - 2 * MINUTE, NOW + 12 * MINUTE])
def test_a_sample_from_before_the_show_or_from_the_future_is_refused(show: Show, sampled_at: datetime) -> None:
    with pytest.raises(Invalid, match="not-while-live"):
        take(show, [Sample(channel="web", viewers=1, sampled_at=sampled_at)], NOW + 10 * MINUTE)


def test_a_channels_clock_may_be_a_minute_off(show: Show) -> None:
    assert take(show, [Sample(channel="web", viewers=1, sampled_at=NOW + MINUTE)], NOW)


def test_the_card_adds_up_a_slots_orders_and_takes_off_refunds() -> None:
    sums = [
        Sum(slot=1, kind="placed", orders=5, units=9, fen=900),
        Sum(slot=1, kind="paid", orders=4, units=8, fen=800),
        Sum(slot=1, kind="cancelled", orders=1, units=1, fen=100),
        Sum(slot=1, kind="returned", orders=1, units=2, fen=200),
    ]
    card = report_card(a_show(a_slot(1)), sums=sums, watched=[], minutes=[(NOW, 5)], mine=bool)
    sales = card.slots[0].sales
    assert sales is not None
    assert (sales.placed, sales.orders, sales.units, sales.revenue_fen) == (5, 4, 8, 800)
    assert (sales.cancelled, sales.returned_units, sales.refunded_fen, sales.net_revenue_fen) == (1, 2, 300, 500)
    assert [(minute.minute, minute.orders) for minute in card.orders_per_minute] == [(NOW, 5)]


def test_the_card_keeps_another_countys_sales_to_itself() -> None:
    card = report_card(a_show(), sums=[], watched=[], minutes=[], mine=lambda county: county == XIUWEN)
    assert [(slot.county, slot.sales is None) for slot in card.slots] == [(XIUWEN, False), (LEISHAN, True)]


def test_the_card_knows_the_peak_of_each_channel_and_of_all_together() -> None:
    watched = [
        Watched(minute=NOW, channel="taobao-live", peak=100, viewers=180, samples=2),
        Watched(minute=NOW, channel="web", peak=10, viewers=10, samples=1),
        Watched(minute=NOW + MINUTE, channel="web", peak=50, viewers=50, samples=1),
    ]
    card = report_card(a_show(), sums=[], watched=watched, minutes=[], mine=bool)
    assert card.peak_viewers == 110
    assert [(each.channel, each.peak_viewers, each.average_viewers) for each in card.channels] == [
        ("taobao-live", 100, 90),
        ("web", 50, 30),
    ]


def test_the_shows_end_cuts_a_window_on_the_card() -> None:
    window = Window(number=1, opens_at=NOW, closes_at=NOW + 12 * MINUTE)
    show = a_show(replace(a_slot(1), windows=(window,)), state="ended", ended_at=NOW + 3 * MINUTE)
    (slot,) = report_card(show, sums=[], watched=[], minutes=[], mine=bool).slots
    assert slot.on_air[0].closes_at == NOW + 3 * MINUTE
