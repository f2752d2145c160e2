"""Other platforms' orders as events, on a real database: each answered once, whatever happens in between."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.orders.builders import NOW, allotment, slot
from tests.unit.orders.test_placing import Dies, dies, exact

from contracts.events import ChannelOrderReceived
from orders.engine import Engine
from orders.model import Allotment
from orders.serving import Serving
from orders.store import OrdersStore

Engines = Callable[[], Engine]


def sold(number: int | str, **fields: Any) -> ChannelOrderReceived:
    known: dict[str, Any] = {
        "channel": "uci",
        "external_number": str(number),
        "sku": "XW-KIWI-5",
        "customer": "17850",
        "quantity": 1,
        "unit_price_fen": 255,
        "placed_at": NOW,
    }
    return ChannelOrderReceived(**{**known, **fields})


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=20)
    store.allotments.add([made])
    return made


def declines(store: OrdersStore) -> list[tuple[str, str, int | None]]:
    """(number, reason, remaining) of every decline, as its event says it."""
    said = [json.loads(event["data"]) for row in store.declined.collection.find({}) for event in row["outbox"]]
    return sorted((data["external_number"], data["reason"], data["remaining"]) for data in said)


def numbers(store: OrdersStore) -> list[str | None]:
    return [order.external_number for order in store.orders.find({}, sort="_id")]


def test_what_another_platform_sold_becomes_a_paid_order(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    engine.receiving.receive([sold(1, quantity=2, allotment_id=stock.id), sold(2, county="520123")])
    first, second = store.orders.find({}, sort="_id")
    assert (first.state, first.buyer_id, first.total_fen, first.external_number) == ("paid", "uci:17850", 510, "1")
    assert second.allotment_id == stock.id
    assert exact(store, stock.id).sold == 3


def test_they_are_taken_in_their_order_and_the_rest_is_declined_with_what_remains(
    engine: Engine, store: OrdersStore, stock: Allotment
) -> None:
    engine.receiving.receive([sold(n, quantity=8) for n in range(4)])
    assert numbers(store) == ["0", "1"]
    assert declines(store) == [("2", "sold-out", 4), ("3", "sold-out", 4)]
    assert exact(store, stock.id).remaining == 4


def test_everything_delivered_again_changes_nothing(new_engine: Engines, store: OrdersStore, stock: Allotment) -> None:
    facts = [*(sold(n, quantity=6) for n in range(5)), sold(9, sku="NONE")]
    for _ in range(3):
        new_engine().receiving.receive(facts)
        new_engine().receiving.receive([*facts, *facts])
    assert numbers(store) == ["0", "1", "2"]
    assert declines(store) == [("3", "sold-out", 2), ("4", "sold-out", 2), ("9", "unknown-sku", None)]
    assert exact(store, stock.id).sold == 18


def test_what_was_declined_stays_declined_when_there_is_stock_again(
    engine: Engine, store: OrdersStore, stock: Allotment
) -> None:
    engine.receiving.receive([sold(1, quantity=20), sold(2)])
    [taken] = store.orders.find({})
    engine.aftercare.cancel(taken.id, "county")
    engine.receiving.receive([sold(2), sold(3)])
    assert numbers(store) == ["1", "3"]
    assert declines(store) == [("2", "sold-out", 0)]
    exact(store, stock.id)


def test_a_number_that_was_used_for_something_else_is_declined(
    engine: Engine, store: OrdersStore, stock: Allotment
) -> None:
    engine.receiving.receive([sold(1), sold(1, quantity=2)])  # in one batch
    engine.receiving.receive([sold(1, customer="9"), sold(1, unit_price_fen=1)])  # after it was sold
    engine.receiving.receive([sold(2, sku="NONE"), sold(1)])
    engine.receiving.receive([sold(2, sku="NONE", quantity=5)])  # after it was declined
    assert declines(store) == [("1", "number-reused", None)] * 3 + [
        ("2", "number-reused", None),
        ("2", "unknown-sku", None),
    ]
    assert exact(store, stock.id).sold == 1


def test_lines_of_one_order_are_orders_of_their_own(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    engine.receiving.receive([sold(1, line=1), sold(1, line=2), sold(1, line=1)])
    assert exact(store, stock.id).sold == 2


def test_a_file_and_an_event_that_say_the_same_line_are_one_order(
    engine: Engine, store: OrdersStore, stock: Allotment
) -> None:
    engine.receiving.receive([sold(77, quantity=2)])
    text = "invoice,sku,quantity,placed_at,unit_price,customer\n77,XW-KIWI-5,2,2010-12-01T08:26:00,2.55,17850"
    assert (engine.importing.take_in("uci", text).unchanged, exact(store, stock.id).sold) == (1, 2)


def test_a_slot_is_sold_to_another_platform_outside_its_window_but_not_once_it_is_closed(
    engine: Engine, store: OrdersStore
) -> None:
    late = slot(offered=20)  # its window ended years ago
    store.allotments.add([late])
    engine.receiving.receive([sold(1, allotment_id=late.id), sold(2)])
    engine.allotments.close(late.id)
    engine.receiving.receive([sold(3, allotment_id=late.id)])
    assert numbers(store) == ["1"]
    assert declines(store) == [("2", "not-on-a-shelf", None), ("3", "allotment-closed", None)]


def test_limits_of_our_own_buyers_do_not_bind_other_platforms(engine: Engine, store: OrdersStore) -> None:
    limited = allotment(offered=20, per_buyer_limit=1)
    store.allotments.add([limited])
    engine.receiving.receive([sold(1, quantity=5), sold(2, quantity=5)])
    assert exact(store, limited.id).sold == 10


def test_who_is_told_of_a_shelf_that_is_sold_out_by_then_looks_at_the_next_one(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = allotment(offered=20)
    store.allotments.add([other])
    engine = new_engine()
    place = type(engine.placing).place

    def late(self: Any, requests: Any, *passed: Any) -> Any:
        monkeypatch.undo()
        new_engine().receiving.receive([sold("first", quantity=20, allotment_id=stock.id)])
        return place(self, requests, *passed)

    monkeypatch.setattr(type(engine.placing), "place", late)
    engine.receiving.receive([sold("second", quantity=3)])
    assert numbers(store) == ["first", "second"]
    assert exact(store, other.id).sold == 3


@pytest.mark.parametrize(("owner", "step"), [("serving", "_recognise"), ("declined", "add"), ("orders", "add")])
def test_killed_anywhere_the_next_delivery_does_the_rest(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch, owner: str, step: str
) -> None:
    facts = [*(sold(n, quantity=6) for n in range(4)), sold(8, sku="NONE"), sold(0)]
    with monkeypatch.context() as patch:
        patch.setattr(Serving if owner == "serving" else type(getattr(store, owner)), step, dies)
        with pytest.raises(Dies):
            new_engine().receiving.receive(facts)
    new_engine().receiving.receive(facts)
    new_engine().sweep()
    assert sorted(numbers(store), key=str) == ["0", "1", "2"]
    assert declines(store) == [
        ("0", "number-reused", None),
        ("3", "sold-out", 2),
        ("8", "unknown-sku", None),
    ]
    assert exact(store, stock.id).sold == 18
