"""Orders completed by their buyers or by time, on a real database, and after a death at any point."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.unit.orders.builders import hub, paid_order
from tests.unit.orders.test_placing import Dies, dies

from chassis.refusals import Conflict
from orders.engine import Engine
from orders.model import Order
from orders.settings import OrdersSettings
from orders.store import OrdersStore

COUNTY = "520123"
Engines = Callable[[], Engine]


@pytest.fixture
def own_settings(own_settings: OrdersSettings) -> OrdersSettings:
    """Whatever is delivered may be completed at once."""
    return msgspec.structs.replace(own_settings, complete_after_days=0.0)


@pytest.fixture
def delivered(new_engine: Engines, store: OrdersStore) -> list[Order]:
    """Six orders of three buyers, in three parcels."""
    engine = new_engine()
    store.parcels.remember_hubs([hub(f"{COUNTY}-C", "county_centre")])
    made = [paid_order(buyer_id=f"b{n % 3}", quantity=2) for n in range(6)]
    store.orders.add(made)
    engine.parcels.pack(COUNTY, 100)
    engine.parcels.ship_all(COUNTY, "YTO")
    for parcel in store.parcels.find({}):
        engine.parcels.deliver(parcel.id)
    return store.orders.many(order.id for order in made)


def said(store: OrdersStore) -> dict[str, list[dict[str, object]]]:
    """What was said of each order's completion."""
    return {
        row["_id"]: [json.loads(one["data"]) for one in row["outbox"] if one["type"] == "order.completed"]
        for row in store.orders.collection.find({})
    }


def each_completed_once(store: OrdersStore, by: str) -> None:
    assert {order.state for order in store.orders.find({})} == {"completed"}
    assert [[one["by"] for one in told] for told in said(store).values()] == [[by]] * 6
    assert {parcel.complete_at for parcel in store.parcels.find({})} == {None}


def test_delivered_orders_are_completed_when_their_time_is_over_each_once(
    engine: Engine, store: OrdersStore, delivered: list[Order]
) -> None:
    assert engine.completing.complete_due() == len(delivered)
    assert engine.completing.complete_due() == 0
    each_completed_once(store, "time")


def test_before_their_time_is_over_they_are_not(
    store: OrdersStore, own_settings: OrdersSettings, engine: Engine, delivered: list[Order]
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    store.parcels.collection.update_many({}, {"$set": {"complete_at": later}})
    assert engine.completing.complete_due() == 0
    assert all(order.state == "packed" for order in store.orders.many(order.id for order in delivered))


@pytest.mark.parametrize(("rows", "step"), [("orders", "change_all"), ("parcels", "completed")])
def test_killed_anywhere_the_next_sweep_completes_the_rest(
    new_engine: Engines,
    store: OrdersStore,
    delivered: list[Order],
    monkeypatch: pytest.MonkeyPatch,
    rows: str,
    step: str,
) -> None:
    assert delivered
    with monkeypatch.context() as patch:
        patch.setattr(type(getattr(store, rows)), step, dies)
        with pytest.raises(Dies):
            new_engine().completing.complete_due()
    new_engine().sweep()
    each_completed_once(store, "time")


def test_a_buyer_completes_once_and_time_passes_what_is_completed_over(
    engine: Engine, store: OrdersStore, delivered: list[Order]
) -> None:
    for order in [*delivered, *delivered]:
        done = engine.completing.confirm(order.id)
        assert done is not None
        assert (done.state, done.completed_by, done.version) == ("completed", "buyer", order.version + 1)
    engine.sweep()
    each_completed_once(store, "buyer")


def test_an_order_that_is_changed_meanwhile_waits_for_the_next_sweep(
    new_engine: Engines, store: OrdersStore, delivered: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    other, change_all = new_engine(), type(store.orders).change_all

    def late(self: object, changes: object) -> int:
        monkeypatch.undo()
        other.aftercare.give_back(delivered[0].id, return_id="r", quantity=1, restock=False)
        return change_all(self, changes)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(type(store.orders), "change_all", late)
    assert new_engine().completing.complete_due() == len(delivered) - 1
    assert new_engine().completing.complete_due() == 1
    [told] = said(store)[delivered[0].id]
    assert (told["quantity"], told["amount_fen"]) == (1, delivered[0].total_fen - delivered[0].unit_price_fen)


def test_delivered_goods_can_come_back_until_the_order_is_completed(
    engine: Engine, store: OrdersStore, delivered: list[Order]
) -> None:
    engine.aftercare.give_back(delivered[0].id, return_id="r1", quantity=1, restock=False)
    engine.completing.confirm(delivered[0].id)
    with pytest.raises(Conflict, match="order-completed") as refused:
        engine.aftercare.give_back(delivered[0].id, return_id="r2", quantity=1, restock=False)
    assert refused.value.figures["state"] == "completed"


def test_what_came_back_whole_is_returned_and_not_completed(
    engine: Engine, store: OrdersStore, delivered: list[Order]
) -> None:
    engine.aftercare.give_back(delivered[0].id, return_id="r1", quantity=2, restock=False)
    assert engine.completing.complete_due() == len(delivered) - 1
    assert said(store)[delivered[0].id] == []
    assert {parcel.complete_at for parcel in store.parcels.find({})} == {None}
