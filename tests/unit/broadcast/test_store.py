"""Shows at rest, on a real database: guarded writes, events in the same document, copies and counts kept once."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from broadcast import domain
from broadcast.audience import Sample, take
from broadcast.documents import SaleDoc, SampleDoc, ShowDoc
from broadcast.domain import Caller, Decision
from broadcast.lineup import Import, LineupRow, Merged
from broadcast.shows import Show
from broadcast.store import BroadcastStore
from chassis.refusals import NotFound, Unavailable
from chassis.rows import Good
from chassis.testing import FakeRelay
from contracts.codec import from_document
from contracts.events import AudienceSampled

from .stages import LEISHAN, NOW, XIUWEN, a_listed_county, a_listed_item, an_allotted, an_event, order_facts

PLATFORM = Caller(platform=True)
FOR_REAL, REHEARSAL = Import(caller=PLATFORM), Import(caller=PLATFORM, rehearsal=True)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def store(empty_store: BroadcastStore) -> BroadcastStore:
    """Two counties and a kiwi of each are listed."""
    empty_store.remember_hosts([an_event(a_listed_county(county)) for county in (XIUWEN, LEISHAN)])
    empty_store.remember_items([an_event(a_listed_item(county)) for county in (XIUWEN, LEISHAN)])
    return empty_store


def rows(*counties: str, **changed: Any) -> list[Good[LineupRow]]:
    fields: dict[str, Any] = {"programme": "Sweet", "show": "sweet", "sku": "KIWI", "channels": "web", "minutes": 10}
    return [
        Good(
            number + 1,
            LineupRow(slot=number, county=county, starts_min=number * 10, allotted=500, **(fields | changed)),
        )
        for number, county in enumerate(counties, start=1)
    ]


def planned(store: BroadcastStore, how: Import = FOR_REAL, *counties: str) -> Merged:
    lineup = rows(*(counties or (XIUWEN, LEISHAN)))
    return store.plan("sweet", lineup, store.known(good.row for good in lineup), how, NOW)


def allotted(store: BroadcastStore, *counties: str) -> Show:
    show = planned(store, FOR_REAL, *counties).show
    slots = [an_allotted(show.show_id, slot.slot, slot.county) for slot in show.slots]
    store.remember_allotments(an_event(fact) for fact in slots)
    store.adopt(show.show_id, NOW)
    return store.show(show.show_id)


def live(store: BroadcastStore) -> Show:
    show = allotted(store)
    return store.change(show.show_id, partial(domain.start, caller=PLATFORM, items={}, now=NOW), NOW).show


def raw(show_id: str) -> dict[str, Any]:
    found = ShowDoc._get_collection().find_one({"_id": show_id})
    assert found is not None
    return found


def test_a_show_comes_back_as_it_was_planned(store: BroadcastStore) -> None:
    merged = planned(store)
    assert store.show(merged.show.show_id) == merged.show


def test_there_is_one_show_however_often_it_is_planned(store: BroadcastStore) -> None:
    first, again = planned(store), planned(store)
    assert again.show == first.show
    assert (again.accepted, again.unchanged) == (0, 2)
    assert ShowDoc._get_collection().count_documents({}) == 1


def test_rows_that_are_all_refused_leave_no_show(store: BroadcastStore) -> None:
    assert planned(store, FOR_REAL, "999999").accepted == 0
    assert store.shows(rehearsal=False, state=None, after=None, limit=10) == []


def test_a_rehearsal_is_a_show_of_its_own_and_another_take_follows_when_it_has_ended(store: BroadcastStore) -> None:
    real, first = planned(store).show, planned(store, REHEARSAL).show
    assert first.show_id != real.show_id
    for decide in (
        partial(domain.start, caller=PLATFORM, items={}, now=NOW),
        partial(domain.end, caller=PLATFORM, now=NOW),
    ):
        store.change(first.show_id, decide, NOW)
    second = planned(store, REHEARSAL).show
    assert (second.take, second.show_id != first.show_id) == (2, True)
    assert planned(store, REHEARSAL).show == second


def test_a_show_that_there_is_not_is_not_found(store: BroadcastStore) -> None:
    with pytest.raises(NotFound):
        store.show("nobody")


def test_state_and_its_events_are_one_write_in_the_order_of_the_facts(store: BroadcastStore, relay: FakeRelay) -> None:
    show_id = live(store).show_id
    store.change(show_id, partial(domain.feature, number=1, caller=PLATFORM, now=NOW), NOW)
    store.change(show_id, partial(domain.end, caller=PLATFORM, now=LATER), LATER)
    events = [from_document(event) for event in raw(show_id)["outbox"]]
    assert [(event.type, event.sequence) for event in events] == [
        ("stream.started", 1),
        ("item.featured", 2),
        ("stream.ended", 3),
    ]
    assert raw(show_id)["version"] == 3
    assert relay.told == [(ShowDoc, show_id)] * 3


def test_a_change_that_changes_nothing_writes_nothing(store: BroadcastStore, relay: FakeRelay) -> None:
    show_id = live(store).show_id
    before = raw(show_id)
    store.change(show_id, partial(domain.start, caller=PLATFORM, items={}, now=LATER), LATER)
    assert raw(show_id) == before
    assert len(relay.told) == 1


def test_a_change_decided_on_an_old_revision_is_decided_anew(store: BroadcastStore) -> None:
    show_id = live(store).show_id
    meanwhile = [partial(domain.feature, number=2, caller=PLATFORM, now=NOW)]

    def decide(show: Show) -> Decision:
        while meanwhile:  # somebody else is quicker, once
            store.change(show_id, meanwhile.pop(), NOW)
        return domain.feature(show, 1, caller=PLATFORM, now=LATER)

    store.change(show_id, decide, LATER)
    assert [[window.number for window in slot.windows] for slot in store.show(show_id).slots] == [[2], [1]]
    assert [event["sequence"] for event in raw(show_id)["outbox"]] == [1, 2, 3]


def overtaken(store: BroadcastStore, asked_later: datetime) -> list[tuple[str, datetime]]:
    """What is said of a show, and when it was, if who was asked at NOW is overtaken by who was asked later."""
    show_id = live(store).show_id
    meanwhile = [partial(domain.feature, number=2, caller=PLATFORM, now=asked_later)]

    def decide(show: Show) -> Decision:
        while meanwhile:
            store.change(show_id, meanwhile.pop(), asked_later)
        return domain.feature(show, 1, caller=PLATFORM, now=NOW)

    store.change(show_id, decide, NOW)
    store.change(show_id, partial(domain.end, caller=PLATFORM, now=NOW), NOW)
    show = store.show(show_id)
    said = [(event.type, event.time) for event in map(from_document, raw(show_id)["outbox"])]
    opened = [window.opens_at for slot in show.slots for window in slot.windows]
    assert sorted(opened) == sorted(at for name, at in said if name == "item.featured")
    assert show.ended_at == said[-1][1]
    return said


def test_who_decides_anew_comes_after_who_was_quicker(store: BroadcastStore) -> None:
    soon = NOW + timedelta(milliseconds=300)
    assert overtaken(store, soon) == [
        ("stream.started", NOW),
        ("item.featured", soon),
        ("item.featured", soon),
        ("stream.ended", soon),
    ]


def test_a_clock_that_is_far_ahead_sets_no_time_for_the_whole_show(store: BroadcastStore) -> None:
    assert overtaken(store, LATER) == [
        ("stream.started", NOW),
        ("item.featured", LATER),
        ("item.featured", NOW),
        ("stream.ended", NOW),
    ]


def test_a_show_that_always_changes_in_between_is_busy(store: BroadcastStore) -> None:
    show_id = live(store).show_id

    def decide(show: Show) -> Decision:
        ShowDoc._get_collection().update_one({"_id": show_id}, {"$inc": {"revision": 1}})
        return domain.feature(show, 1, caller=PLATFORM, now=NOW)

    with pytest.raises(Unavailable, match="busy"):
        store.change(show_id, decide, NOW)


def test_shows_are_listed_newest_first_from_where_the_page_before_ended(store: BroadcastStore) -> None:
    known = store.known(good.row for good in rows(XIUWEN))
    ids = [store.plan(key, rows(XIUWEN, show=key), known, FOR_REAL, NOW).show.show_id for key in ("a", "b", "c")]
    listed = [show.show_id for show in store.shows(rehearsal=False, state=None, after=None, limit=2)]
    assert listed == [ids[2], ids[1]]
    assert [show.show_id for show in store.shows(rehearsal=False, state=None, after=ids[1], limit=2)] == [ids[0]]
    assert store.shows(rehearsal=False, state="live", after=None, limit=2) == []


def test_an_item_is_kept_as_it_was_listed_last_in_whatever_order_it_is_heard_of(store: BroadcastStore) -> None:
    old, new = an_event(a_listed_item(name_en="Old"), 2), an_event(a_listed_item(name_en="New"), 3)
    for batch in ([old, new], [new, old], [old]):
        store.remember_items(batch)
    known = store.known(good.row for good in rows(XIUWEN))
    assert known.items[XIUWEN, "KIWI"].name_en == "New"
    assert known.counties == {XIUWEN, LEISHAN}
    assert store.host_titles([XIUWEN]) == {XIUWEN: f"Magistrate of {XIUWEN}"}


def test_stock_for_the_everyday_shelf_is_none_of_broadcasts_business(store: BroadcastStore) -> None:
    shelf = replace(an_allotted("", 1), purpose="shelf", show_id=None, slot=None)
    assert store.remember_allotments([an_event(shelf)]) == set()


def test_stock_heard_of_before_the_line_up_names_its_slot_is_found_when_it_does(store: BroadcastStore) -> None:
    show_id = planned(store, FOR_REAL, XIUWEN).show.show_id
    store.remember_allotments([an_event(an_allotted(show_id, 2, LEISHAN))])
    store.adopt(show_id, NOW)
    planned(store, FOR_REAL, XIUWEN, LEISHAN)
    allotments = [slot.allotment and slot.allotment.allotment_id for slot in store.show(show_id).slots]
    assert allotments == [None, f"allotment-{show_id}-2"]


def test_stock_heard_of_twice_changes_nothing(store: BroadcastStore) -> None:
    show = allotted(store)
    before = raw(show.show_id)
    store.remember_allotments([an_event(an_allotted(show.show_id, 1))])
    store.adopt(show.show_id, LATER)
    assert raw(show.show_id) == before


def test_samples_are_kept_once_each_with_their_event(store: BroadcastStore, relay: FakeRelay) -> None:
    show = live(store)
    samples = [
        Sample(channel="web", viewers=viewers, sampled_at=NOW + timedelta(seconds=viewers)) for viewers in (9, 5)
    ]
    facts = take(show, samples, NOW)
    assert [store.count_viewers(show.show_id, facts, NOW), store.count_viewers(show.show_id, facts, NOW)] == [2, 0]
    events = [from_document(document["outbox"][0]) for document in SampleDoc._get_collection().find()]
    assert {(event.type, event.key, event.sequence) for event in events} == {("audience.sampled", show.show_id, 1)}
    assert {msgspec.json.decode(event.data, type=AudienceSampled).viewers for event in events} == {5, 9}
    assert [kind for kind, _ in relay.told] == [ShowDoc, SampleDoc, SampleDoc]
    watching = store.show(show.show_id).audience["web"]
    assert (watching.viewers, watching.peak) == (9, 9)
    (watched,) = store.watched(show.show_id)
    assert (watched.minute, watched.peak, watched.viewers, watched.samples) == (NOW, 9, 14, 2)


def test_a_report_of_viewers_does_not_stand_in_the_way_of_the_host(store: BroadcastStore) -> None:
    show = live(store)

    def decide(before: Show) -> Decision:
        store.count_viewers(show.show_id, take(show, [Sample(channel="web", viewers=3)], NOW), NOW)
        return domain.end(before, caller=PLATFORM, now=LATER)

    store.change(show.show_id, decide, LATER)
    ended = store.show(show.show_id)
    assert (ended.state, ended.audience["web"].peak) == ("ended", 3)


def test_orders_are_counted_once_however_often_their_events_come(store: BroadcastStore) -> None:
    show_id = live(store).show_id
    events = [an_event(fact, number) for number, fact in enumerate(order_facts("o1", show_id), start=1)]
    for batch in (events, events, events[1:2]):
        store.count_sales(batch)
    sums = {each.kind: (each.slot, each.orders, each.units, each.fen) for each in store.sales(show_id)}
    assert sums == {
        "placed": (1, 1, 2, 7000),
        "paid": (1, 1, 2, 7000),
        "returned": (1, 1, 1, 3500),
        "cancelled": (1, 1, 2, 3500),
    }
    assert store.orders_a_minute(show_id) == [(NOW, 1)]


def test_a_county_reads_the_orders_of_its_own_slots_only(store: BroadcastStore) -> None:
    store.count_sales([an_event(order_facts("o1", "s", 1, XIUWEN)[0]), an_event(order_facts("o2", "s", 2, LEISHAN)[0])])
    assert [each.slot for each in store.sales("s", LEISHAN)] == [2]
    assert store.orders_a_minute("s", LEISHAN) == [(NOW, 1)]


def test_orders_of_rehearsals_and_of_the_shelf_are_not_counted(store: BroadcastStore) -> None:
    facts = [*order_facts("o1", "s", rehearsal=True), *order_facts("o2", "s", show_id=None, slot=None)]
    store.count_sales(an_event(fact) for fact in facts)
    assert SaleDoc._get_collection().count_documents({}) == 0
