"""The rules of a show: going live, putting items on screen, ending."""

from datetime import timedelta

import pytest

from broadcast import domain
from broadcast.domain import Caller
from broadcast.shows import Item, Show
from chassis.refusals import Conflict, Forbidden, NotFound
from contracts.events import ItemFeatured, StreamEnded, StreamStarted

from .stages import LEISHAN, NOW, XIUWEN, a_show, a_slot, an_allotment, an_item

LATER = NOW + timedelta(minutes=5)


def live(show: Show, caller: Caller, items: dict[str, Item] | None = None) -> Show:
    return domain.start(show, caller=caller, items=items or {}, now=NOW).show


def test_a_show_with_a_full_checklist_goes_live(platform: Caller) -> None:
    decision = domain.start(a_show(), caller=platform, items={}, now=NOW)
    assert decision.show.state == "live"
    assert decision.show.started_at == NOW
    (fact,) = decision.facts
    assert isinstance(fact, StreamStarted)
    assert fact.counties == (XIUWEN, LEISHAN)
    assert fact.channels == ("taobao-live", "web")


def test_a_show_with_an_unallotted_slot_does_not_start_and_says_which_slot(platform: Caller) -> None:
    show = a_show(a_slot(1), a_slot(2, LEISHAN, allotted=False))
    with pytest.raises(Conflict) as refused:
        domain.start(show, caller=platform, items={}, now=NOW)
    assert refused.value.code == "checklist-incomplete"
    assert [(missing.slot, missing.lacks) for missing in refused.value.figures["missing"]] == [(2, "allotment")]


def test_an_empty_show_does_not_start(platform: Caller) -> None:
    empty = domain.drop(a_show(a_slot(1)), 1, caller=platform).show
    with pytest.raises(Conflict, match="checklist-incomplete"):
        domain.start(empty, caller=platform, items={}, now=NOW)


def test_starting_a_live_show_again_changes_and_tells_nothing(platform: Caller) -> None:
    show = live(a_show(), platform)
    again = domain.start(show, caller=platform, items={}, now=LATER)
    assert again.show == show
    assert again.facts == ()


def test_an_ended_show_cannot_be_started_again(platform: Caller) -> None:
    ended = domain.end(live(a_show(), platform), caller=platform, now=LATER).show
    with pytest.raises(Conflict, match="already-ended"):
        domain.start(ended, caller=platform, items={}, now=LATER)


def test_a_show_starts_with_its_items_as_they_are_listed_now(platform: Caller) -> None:
    renamed = an_item(name_en="Golden kiwifruit")
    assert live(a_show(a_slot(1)), platform, {renamed.item_id: renamed}).slots[0].item.name_en == "Golden kiwifruit"


def test_a_host_of_any_of_the_shows_counties_may_start_it(xiuwen: Caller) -> None:
    assert live(a_show(), xiuwen).state == "live"


@pytest.mark.parametrize("county", ["999999", None])
def test_a_foreign_host_may_neither_start_nor_end_nor_feature_nor_drop(county: str | None, platform: Caller) -> None:
    stranger = Caller(platform=False, county=county)
    show = live(a_show(), platform)
    with pytest.raises(Forbidden):
        domain.start(a_show(), caller=stranger, items={}, now=NOW)
    with pytest.raises(Forbidden):
        domain.end(show, caller=stranger, now=NOW)
    with pytest.raises(Forbidden):
        domain.feature(show, 1, caller=stranger, now=NOW)
    with pytest.raises(Forbidden):
        domain.drop(a_show(), 1, caller=stranger)


def test_a_featured_slot_opens_a_window_of_its_planned_minutes(platform: Caller) -> None:
    decision = domain.feature(live(a_show(), platform), 1, caller=platform, now=NOW)
    (fact,) = decision.facts
    assert isinstance(fact, ItemFeatured)
    assert (fact.opens_at, fact.closes_at) == (NOW, NOW + timedelta(minutes=12))
    assert decision.show.slots[0].windows[0].closes_at == fact.closes_at


def test_a_window_is_as_long_as_the_host_asks(platform: Caller) -> None:
    decision = domain.feature(live(a_show(), platform), 1, caller=platform, now=NOW, seconds=30)
    assert decision.show.slots[0].windows[0].closes_at == NOW + timedelta(seconds=30)


def test_a_slot_is_sold_on_its_allotments_terms(platform: Caller) -> None:
    (fact,) = domain.feature(live(a_show(), platform), 1, caller=platform, now=NOW).facts
    assert isinstance(fact, ItemFeatured)
    assert (fact.allotment_id, fact.offered, fact.live_price_fen, fact.per_buyer_limit) == ("allotment-1", 400, 3500, 3)
    assert fact.price_fen == 4980


def test_the_line_ups_limit_holds_where_the_allotment_sets_none(platform: Caller) -> None:
    slot = a_slot(1, allotted=False)
    show = live(a_show(a_slot(1, allotment=an_allotment(slot, per_buyer_limit=None), allotted=False)), platform)
    (fact,) = domain.feature(show, 1, caller=platform, now=NOW).facts
    assert isinstance(fact, ItemFeatured)
    assert fact.per_buyer_limit == 5


@pytest.mark.parametrize("state", ["scheduled", "ended"])
def test_only_a_live_show_puts_items_on_screen(state: str, platform: Caller) -> None:
    with pytest.raises(Conflict, match="not-live"):
        domain.feature(a_show(state=state), 1, caller=platform, now=NOW)


def test_a_slot_without_stock_cannot_be_featured(platform: Caller) -> None:
    with pytest.raises(Conflict, match="not-allotted"):
        domain.feature(a_show(a_slot(1, allotted=False), state="live"), 1, caller=platform, now=NOW)


def test_a_slot_that_is_not_in_the_line_up_is_not_found(platform: Caller) -> None:
    with pytest.raises(NotFound):
        domain.feature(live(a_show(), platform), 7, caller=platform, now=NOW)


def test_a_host_features_the_slots_of_the_own_county_only(xiuwen: Caller) -> None:
    show = live(a_show(), xiuwen)
    assert domain.feature(show, 1, caller=xiuwen, now=NOW).facts
    with pytest.raises(Forbidden):
        domain.feature(show, 2, caller=xiuwen, now=NOW)


def test_featuring_the_next_item_does_not_cut_the_window_before(platform: Caller) -> None:
    show = domain.feature(live(a_show(), platform), 1, caller=platform, now=NOW).show
    after = domain.feature(show, 2, caller=platform, now=LATER).show
    assert after.slots[0] == show.slots[0]


def test_featuring_a_slot_again_opens_a_new_window(platform: Caller) -> None:
    show = domain.feature(live(a_show(), platform), 1, caller=platform, now=NOW).show
    again = domain.feature(show, 1, caller=platform, now=LATER)
    assert [window.number for window in again.show.slots[0].windows] == [1, 2]
    assert len(again.facts) == 1


def test_the_same_key_features_a_slot_once(platform: Caller) -> None:
    show = domain.feature(live(a_show(), platform), 1, caller=platform, now=NOW, key="k").show
    again = domain.feature(show, 1, caller=platform, now=LATER, key="k")
    assert again.show == show
    assert again.facts == ()


def test_a_key_used_for_another_slot_is_refused(platform: Caller) -> None:
    show = domain.feature(live(a_show(), platform), 1, caller=platform, now=NOW, key="k").show
    with pytest.raises(Conflict, match="idempotency-key-reused"):
        domain.feature(show, 2, caller=platform, now=LATER, key="k")


def test_on_screen_is_what_was_featured_last_while_its_window_is_open(platform: Caller) -> None:
    show = live(a_show(), platform)
    assert domain.on_screen(show, NOW) is None
    show = domain.feature(show, 1, caller=platform, now=NOW).show
    show = domain.feature(show, 2, caller=platform, now=NOW, seconds=60).show
    seen = [domain.on_screen(show, NOW + timedelta(seconds=after)) for after in (0, 59, 60, 719, 720)]
    assert [slot and slot.slot for slot in seen] == [2, 2, 1, 1, None]


def test_nothing_is_on_screen_when_the_show_has_ended(platform: Caller) -> None:
    show = domain.feature(live(a_show(), platform), 1, caller=platform, now=NOW).show
    assert domain.on_screen(domain.end(show, caller=platform, now=LATER).show, LATER) is None


def test_a_show_that_ends_says_when_it_was_on_air(platform: Caller) -> None:
    decision = domain.end(live(a_show(), platform), caller=platform, now=LATER)
    (fact,) = decision.facts
    assert isinstance(fact, StreamEnded)
    assert (fact.started_at, fact.ended_at) == (NOW, LATER)


def test_ending_an_ended_show_again_changes_and_tells_nothing(platform: Caller) -> None:
    ended = domain.end(live(a_show(), platform), caller=platform, now=NOW).show
    again = domain.end(ended, caller=platform, now=LATER)
    assert (again.show, again.facts) == (ended, ())


def test_a_show_that_never_started_cannot_end(platform: Caller) -> None:
    with pytest.raises(Conflict, match="not-live"):
        domain.end(a_show(), caller=platform, now=NOW)


def test_a_slot_is_dropped_only_before_the_show_goes_live(platform: Caller) -> None:
    assert [slot.slot for slot in domain.drop(a_show(), 1, caller=platform).show.slots] == [2]
    with pytest.raises(Conflict, match="line-up-closed"):
        domain.drop(live(a_show(), platform), 1, caller=platform)


def test_a_rehearsal_needs_no_stock_and_every_fact_says_that_it_is_one(platform: Caller) -> None:
    show = a_show(a_slot(1, allotted=False), rehearsal=True)
    started = domain.start(show, caller=platform, items={}, now=NOW)
    featured = domain.feature(started.show, 1, caller=platform, now=NOW)
    ended = domain.end(featured.show, caller=platform, now=LATER)
    facts = [*started.facts, *featured.facts, *ended.facts]
    assert [fact.rehearsal for fact in facts] == [True, True, True]  # type: ignore[attr-defined]  # each kind has it
    assert isinstance(facts[1], ItemFeatured)
    assert (facts[1].allotment_id, facts[1].offered, facts[1].live_price_fen) == ("rehearsal-show-1-1", 500, 3990)


def test_stock_lands_in_the_slot_that_it_was_set_aside_for() -> None:
    slot = a_slot(1, allotted=False)
    show = domain.allot(a_show(slot), an_allotment(slot))
    assert show.slots[0].allotment == an_allotment(slot)


def test_the_newest_stock_of_a_slot_counts_in_whatever_order_it_is_heard_of() -> None:
    slot = a_slot(1, allotted=False)
    old, new = an_allotment(slot), an_allotment(slot, allotment_id="newer", allotted_at=LATER)
    for order in ((old, new), (new, old)):
        show = a_show(slot)
        for allotment in order:
            show = domain.allot(show, allotment)
        assert show.slots[0].allotment == new


def test_stock_of_another_item_or_slot_and_of_a_rehearsal_is_not_put_in() -> None:
    slot = a_slot(1, allotted=False)
    show = a_show(slot)
    assert domain.allot(show, an_allotment(slot, sku="OTHER")) == show
    assert domain.allot(show, an_allotment(a_slot(9))) == show
    rehearsal = a_show(slot, rehearsal=True)
    assert domain.allot(rehearsal, an_allotment(slot)) == rehearsal


def test_a_show_features_while_the_window_of_any_slot_is_open(platform: Caller) -> None:
    show = live(a_show(), platform)
    assert not show.features(NOW)
    shown = domain.feature(show, 1, caller=platform, now=NOW, seconds=60, key=None).show
    assert shown.features(NOW)
    assert not shown.features(NOW + timedelta(seconds=60))
    assert not domain.end(shown, caller=platform, now=NOW).show.features(NOW)
