"""Who waited in vain: missed once, ordered ahead from the next lot, and first when it is sold. On a real database."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.integration.shop import on_offer, set_aside
from tests.unit.orders.builders import allotment
from tests.unit.orders.test_placing import Dies, dies
from tests.unit.orders.test_waiting import at_peace, bought, buy, join, offers, states

from contracts.codec import Event
from contracts.ids import new_id
from orders import preorders
from orders.domain import Accepted, Refused
from orders.engine import Engine
from orders.model import Allotment, NextLot
from orders.store import OrdersStore

Engines = Callable[[], Engine]
NEXT_YEAR = datetime.now(UTC).date() + timedelta(days=300)


def listed(item_id: str, *lots: tuple[str, date | None], sequence: int = 1) -> Event:
    return Event(
        id=new_id(),
        type="item.listed",
        source="/shanhuo/catalog",
        subject=item_id,
        sequence=sequence,
        time=datetime.now(UTC),
        data=on_offer(item_id, *lots),
    )


def events(store: OrdersStore, kind: str) -> list[dict[str, Any]]:
    rooms = (store.allotments.collection, store.waitlist.collection)
    return [event for room in rooms for row in room.find({}) for event in row["outbox"] if event["type"] == kind]


@pytest.fixture
def stock(engine: Engine, store: OrdersStore) -> Allotment:
    """Sold out, and three wait for 1, 2 and 3 units."""
    made = allotment(offered=4, item_id=new_id())
    store.allotments.add([made])
    bought(engine, made, quantity=4)
    for n in range(3):
        join(engine, made, f"w{n}", n + 1)
    return made


@pytest.fixture
def lot(engine: Engine, stock: Allotment) -> str:
    engine.allotments.list_items([listed(stock.item_id, ("LAST", date(2018, 10, 5)), ("NEXT", NEXT_YEAR))])
    return "NEXT"


def shelf(engine: Engine, store: OrdersStore, of: Allotment, offered: int, **fields: Any) -> Allotment:
    fact = set_aside(
        **({"allotment_id": new_id(), "item_id": of.item_id, "purpose": "shelf", "offered": offered} | fields)
    )
    engine.allotments.allot([fact])
    made = store.allotments.get(fact.allotment_id)
    assert made is not None
    return made


def test_the_next_lot_is_the_first_that_is_still_to_come() -> None:
    lots = [NextLot(lot=f"L{day}", expected_on=date(2018, 12, day)) for day in (20, 4, 3, 9)]
    evening = datetime(2018, 12, 3, 15, 59, tzinfo=UTC)
    assert preorders.next_lot(lots, evening) == NextLot(lot="L4", expected_on=date(2018, 12, 4))
    midnight_in_china = evening + timedelta(minutes=1)
    assert preorders.next_lot(lots, midnight_in_china) == NextLot(lot="L9", expected_on=date(2018, 12, 9))
    assert preorders.next_lot([], evening) is None


def test_without_a_next_lot_who_waited_is_missed_and_said_so_once(
    engine: Engine, store: OrdersStore, stock: Allotment
) -> None:
    for _ in range(2):
        engine.allotments.close(stock.id)
        engine.sweep()
    assert states(store, stock) == [("w0", "missed"), ("w1", "missed"), ("w2", "missed")]
    (missed,) = events(store, "demand.missed")
    assert '"quantity":6' in str(missed["data"])
    assert '"reason":"waitlist"' in str(missed["data"])
    at_peace(store, stock)


def test_with_a_next_lot_everybody_who_waited_has_ordered_ahead(
    engine: Engine, store: OrdersStore, stock: Allotment, lot: str
) -> None:
    engine.allotments.close(stock.id)
    assert {state for _, state in states(store, stock)} == {"preordered"}
    assert {(entry.lot, entry.expected_on) for entry in store.waitlist.find({})} == {(lot, NEXT_YEAR)}
    assert len(events(store, "preorder.placed")) == 3
    assert len(events(store, "demand.missed")) == 1


def test_what_was_listed_last_counts(engine: Engine, store: OrdersStore, stock: Allotment, lot: str) -> None:
    engine.allotments.list_items([listed(stock.item_id, ("SOONER", NEXT_YEAR - timedelta(days=9)), sequence=3)])
    engine.allotments.list_items([listed(stock.item_id, ("OLD", NEXT_YEAR - timedelta(days=99)), sequence=2)])
    engine.allotments.close(stock.id)
    assert {entry.lot for entry in store.waitlist.find({})} == {"SOONER"}


def test_who_ordered_ahead_is_first_when_it_is_on_the_shelf(
    engine: Engine, store: OrdersStore, stock: Allotment, lot: str
) -> None:
    engine.allotments.close(stock.id)
    made = shelf(engine, store, stock, 4, price_fen=5500)
    assert states(store, made) == [("w0", "offered"), ("w1", "offered")]
    assert states(store, stock) == [("w2", "preordered")]
    assert at_peace(store, made).remaining == 1
    assert {order.unit_price_fen for order in store.orders.find({"allotment_id": made.id})} == {5500}
    later = shelf(engine, store, stock, 10)
    assert states(store, later) == [("w2", "offered")]
    assert isinstance(buy(engine, later, quantity=7), Accepted)


def test_a_slot_is_not_for_those_who_ordered_ahead(
    engine: Engine, store: OrdersStore, stock: Allotment, lot: str
) -> None:
    engine.allotments.close(stock.id)
    made = shelf(engine, store, stock, 4, purpose="slot", show_id=new_id(), slot=1)
    assert states(store, made) == []


def test_two_shelves_at_once_serve_each_who_ordered_ahead_once(
    engine: Engine, store: OrdersStore, stock: Allotment, lot: str
) -> None:
    engine.allotments.close(stock.id)
    common = {"item_id": stock.item_id, "purpose": "shelf", "offered": 3}
    engine.allotments.allot([set_aside(allotment_id=new_id(), **common) for _ in range(2)])
    assert {entry.state for entry in store.waitlist.find({})} == {"offered"}
    assert len(offers(store)) == 3


def test_who_gave_up_a_preorder_is_not_served(engine: Engine, store: OrdersStore, stock: Allotment, lot: str) -> None:
    engine.allotments.close(stock.id)
    (first,) = store.waitlist.find({"buyer_id": "w0"})
    engine.waiting.leave(first)
    made = shelf(engine, store, stock, 2)
    assert states(store, made) == [("w1", "offered")]


def test_a_preorder_that_was_not_paid_goes_before_those_who_came_later(
    engine: Engine, store: OrdersStore, stock: Allotment, lot: str
) -> None:
    engine.allotments.close(stock.id)
    made = shelf(engine, store, stock, 3)
    join(engine, made, "late", 1)
    (first,) = store.waitlist.find({"buyer_id": "w0"})
    engine.aftercare.cancel(first.order_id or "", "buyer")
    assert states(store, made) == [("w0", "offered"), ("w1", "offered"), ("late", "offered")]
    at_peace(store, made)


@pytest.mark.parametrize(
    ("rows", "step"),
    [
        ("waiting", "attend"),  # closed, nothing said
        ("allotments", "change"),  # … about to be said
        ("waitlist", "queued"),  # … said what was missed
        ("waiting", "_write"),  # … about to be ordered ahead
    ],
)
def test_killed_anywhere_while_closing_each_is_missed_and_ordered_ahead_once(
    new_engine: Engines,
    store: OrdersStore,
    stock: Allotment,
    lot: str,
    monkeypatch: pytest.MonkeyPatch,
    rows: str,
    step: str,
) -> None:
    engine = new_engine()
    owner = engine.waiting if rows == "waiting" else getattr(store, rows)
    with monkeypatch.context() as patch:
        patch.setattr(type(owner), step, dies)
        with pytest.raises(Dies):
            engine.allotments.close(stock.id)
    for _ in range(2):
        new_engine().allotments.close(stock.id)
        new_engine().sweep()
    assert {state for _, state in states(store, stock)} == {"preordered"}
    assert len(events(store, "preorder.placed")) == 3
    assert len(events(store, "demand.missed")) == 1
    at_peace(store, stock)


@pytest.mark.parametrize("step", ["attend", "put_at_rest", "_write"])
def test_killed_while_a_shelf_is_filled_who_ordered_ahead_is_still_first(
    new_engine: Engines,
    store: OrdersStore,
    stock: Allotment,
    lot: str,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    engine = new_engine()
    engine.allotments.close(stock.id)
    fact = set_aside(allotment_id=new_id(), item_id=stock.item_id, purpose="shelf", offered=3)
    with monkeypatch.context() as patch:
        patch.setattr(type(engine.waiting), step, dies)
        with pytest.raises(Dies):
            engine.allotments.allot([fact])
    made = store.allotments.get(fact.allotment_id)
    assert made is not None
    assert isinstance(buy(engine, made, quantity=1), Refused)
    new_engine().allotments.allot([fact])
    new_engine().sweep()
    assert states(store, made) == [("w0", "offered"), ("w1", "offered")]
    assert len(offers(store)) == 2
    at_peace(store, made)
