"""What the gauges say of the database: only what is on screen, what does not add up, what waits to be shipped."""

import time
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from pymongo.errors import AutoReconnect
from tests.scraped import here, series, value
from tests.unit.orders import builders

from contracts import metrics as declared
from contracts.ids import new_id
from orders import batches
from orders.engine import Engine
from orders.model import Allotment, Batch, Bucket, Entry, Owed, Window
from orders.store import AllotmentDoc, OrdersStore
from orders.watching import off_by


def on_screen(store: OrdersStore, now: datetime, **fields: Any) -> Allotment:
    """A slot whose window is open from a minute ago, unless it says otherwise."""
    times = {"opens_at": now - timedelta(minutes=1), "closes_at": now + timedelta(minutes=9)}
    slot = builders.slot(**{"show_id": f"show-{new_id()}", **times, **fields})
    store.allotments.add([slot])
    assert slot.opens_at
    assert slot.closes_at
    store.allotments.remember_window(
        Window(
            allotment_id=slot.id,
            show_id=slot.show_id or "",
            live_price_fen=3990,
            per_buyer_limit=None,
            opens_at=slot.opens_at,
            closes_at=slot.closes_at,
            sequence=2,
        )
    )
    return slot


def shown(metric: declared.Metric = declared.FEATURED_REMAINING) -> dict[tuple[str, ...], float]:
    return series(here(), metric)


def labels(slot: Allotment) -> tuple[str, str, str]:
    return slot.show_id or "", str(slot.slot), slot.sku


def test_what_remains_is_told_of_slots_on_screen_and_of_no_others(
    engine: Engine, store: OrdersStore, now: datetime
) -> None:
    slot = on_screen(store, now, offered=40, sold=3)
    on_screen(store, now, opens_at=now + timedelta(minutes=1))
    on_screen(store, now, closes_at=now - timedelta(seconds=1))
    store.allotments.add([builders.allotment()])
    engine.watching.look_at_screen()
    assert shown() == {labels(slot): 37}
    assert shown(declared.FEATURED_OFFERED) == {labels(slot): 40}


def test_a_window_that_closes_takes_its_series_with_it(engine: Engine, store: OrdersStore, now: datetime) -> None:
    on_screen(store, now, closes_at=now + timedelta(minutes=1))
    engine.watching.look_at_screen()
    assert len(shown()) == 1
    engine.watching._clock = lambda: now + timedelta(minutes=2)
    engine.watching.look_at_screen()
    assert shown() == shown(declared.FEATURED_OFFERED) == shown(declared.FEATURED_WAITING) == {}


def test_a_rehearsed_slot_is_not_told_of(engine: Engine, store: OrdersStore, now: datetime) -> None:
    on_screen(store, now, rehearsal=True)
    engine.watching.look_at_screen()
    assert shown() == {}


def test_what_a_bucket_holds_remains_to_be_sold(engine: Engine, store: OrdersStore, now: datetime) -> None:
    slot = on_screen(store, now, offered=100)
    for _ in range(4):
        engine.placing.buckets.lost(slot.id)
    engine.placing.buckets._least = 1
    engine.place(builders.request(slot, arrived_at=now, placed_at=now, pay_by=None))
    kept = store.allotments.get(slot.id)
    assert kept
    assert kept.remaining < 99, "a bucket has taken some"
    engine.watching.look_at_screen()
    assert shown() == {labels(slot): 99}


def test_what_a_bucket_holds_that_is_not_at_rest_yet_remains_too(
    engine: Engine, store: OrdersStore, now: datetime
) -> None:
    loan = batches.written(Batch(loan=30))
    slot = on_screen(store, now, offered=100, sold=30, loans=1, batches={"b1": loan}, pending=["b1"])
    engine.watching.look_at_screen()
    assert shown() == {labels(slot): 100}
    store.buckets.add([Bucket(id="b1", allotment_id=slot.id, units=30, sold=30, remaining=0, state="settled")])
    engine.watching.look_at_screen()
    assert shown() == {labels(slot): 70}, "it was emptied before its batch was tidied away"


def test_what_a_bucket_owed_and_its_allotment_took_back_is_not_told_of_twice(
    engine: Engine, store: OrdersStore, now: datetime
) -> None:
    debts = [Owed(id=f"b1:{number}", kind="units", amount=10, since=now) for number in (1, 2)]
    slot = on_screen(store, now, offered=100, sold=10, loans=1, recalled=["b1:1"])
    owing = Bucket(id="b1", allotment_id=slot.id, units=20, remaining=0, returned=20, state="closed", owed=debts)
    store.buckets.add([owing])
    engine.watching.look_at_screen()
    assert shown() == {labels(slot): 100}


def test_buckets_that_are_done_with_are_not_read_to_tell_what_remains(store: OrdersStore) -> None:
    slot = builders.slot(loans=3)
    done = [
        Bucket(id=f"b{number}", allotment_id=slot.id, units=9, sold=9, remaining=0, state="settled")
        for number in (1, 2)
    ]
    text = batches.written(Batch())
    out = Bucket(id="b3", allotment_id=slot.id, units=9, remaining=9, batches={"c1": text}, pending=["c1"])
    store.buckets.add([*done, out])
    assert store.buckets.lent([slot]) == [msgspec.structs.replace(out, batches={}, pending=[])]
    assert store.buckets.lent([msgspec.structs.replace(slot, loans=0)]) == []


def test_however_many_are_on_screen_the_series_have_an_end(engine: Engine, store: OrdersStore, now: datetime) -> None:
    for number in range(60):
        on_screen(store, now, sku=f"MADE-UP-{number}")
    engine.watching.look_at_screen()
    assert len(shown()) == 50


def test_those_who_wait_for_what_is_on_screen_are_counted(engine: Engine, store: OrdersStore, now: datetime) -> None:
    slot = on_screen(store, now, offered=5, sold=5, least_waiting=1)
    store.waitlist.add([waiting(slot, number, now) for number in range(3)])
    engine.watching.look_at_screen()
    assert shown(declared.FEATURED_WAITING) == {labels(slot): 3}


def waiting(slot: Allotment, ticket: int, now: datetime) -> Entry:
    return Entry(
        id=new_id(),
        allotment_id=slot.id,
        item_id=slot.item_id,
        buyer_id=f"b{ticket}",
        channel="web",
        quantity=1,
        unit_price_fen=3990,
        request_key=new_id(),
        joined_at=now,
        ticket=ticket,
        state="waiting",
    )


def test_while_the_database_is_away_the_gauges_keep_what_was_known(
    engine: Engine, store: OrdersStore, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = on_screen(store, now, offered=40)
    engine.watching.look_at_screen()

    def away(*_: Any) -> Any:
        raise AutoReconnect("away")

    monkeypatch.setattr(store.allotments, "many", away)
    with pytest.raises(AutoReconnect):
        engine.watching.look_at_screen()
    assert shown() == {labels(slot): 40}


def test_what_was_oversold_is_seen_on_screen_and_off_it_until_it_is_mended(engine: Engine, store: OrdersStore) -> None:
    stocks = [builders.allotment(offered=10, sold=4) for _ in range(3)]
    store.allotments.add(stocks)
    before = value(here(), declared.AUDITED) or 0
    engine.watching.look_around()
    assert value(here(), declared.OVERSOLD) == 0
    assert value(here(), declared.AUDITED) == before + 3
    assert time.time() - (value(here(), declared.AUDITED_AT) or 0) < 60

    rows = AllotmentDoc._get_collection()
    rows.update_one({"_id": stocks[1].id}, {"$inc": {"sold": 2}})
    engine.watching.look_around()
    assert value(here(), declared.OVERSOLD) == 2
    rows.update_one({"_id": stocks[1].id}, {"$inc": {"sold": -2}})
    engine.watching.look_around()
    assert value(here(), declared.OVERSOLD) == 0


def test_the_audit_goes_through_all_there_are_page_by_page_and_begins_anew(
    engine: Engine, store: OrdersStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.watching._AUDITED_AT_ONCE", 2)
    stocks = sorted((builders.allotment(offered=10) for _ in range(5)), key=lambda one: one.id)
    store.allotments.add(stocks)
    AllotmentDoc._get_collection().update_one({"_id": stocks[-1].id}, {"$inc": {"remaining": -1}})
    found = []
    for _ in range(4):
        engine.watching.look_around()
        found.append(value(here(), declared.OVERSOLD))
    assert found == [0, 0, 1, 1]
    AllotmentDoc._get_collection().update_one({"_id": stocks[-1].id}, {"$inc": {"remaining": 1}})
    for _ in range(3):
        engine.watching.look_around()
    assert value(here(), declared.OVERSOLD) == 0


def test_units_below_zero_do_not_cancel_out() -> None:
    assert off_by(builders.allotment(offered=10, sold=12)) == 2
    assert off_by(builders.allotment(offered=10, sold=4)) == 0


def test_parcels_on_their_way_are_counted_and_the_oldest_that_nobody_ships_has_its_age(
    engine: Engine, store: OrdersStore, now: datetime
) -> None:
    engine.watching.look_around()
    assert value(here(), declared.PARCELS_OLDEST_PACKED_AGE) == 0
    old = builders.parcel(begun_at=now - timedelta(hours=30))
    gone = builders.parcel(state="shipped", begun_at=now - timedelta(hours=90))
    store.parcels.add([old, builders.parcel(begun_at=now), gone, builders.parcel(state="delivered")])
    engine.watching.look_around()
    assert series(here(), declared.PARCELS_OPEN) == {("packing",): 0, ("packed",): 2, ("shipped",): 1}
    assert 29.9 < (value(here(), declared.PARCELS_OLDEST_PACKED_AGE) or 0) / 3600 < 30.1
