"""Packing on a real database: in bulk, by several at once, and after a death at any point."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from tests.unit.orders.builders import hub, paid_order
from tests.unit.orders.builders import order as placed
from tests.unit.orders.test_placing import Dies, dies

from orders.engine import Engine
from orders.model import Order
from orders.parcels import Parcels
from orders.settings import OrdersSettings
from orders.store import OrdersStore

COUNTY = "520123"
Engines = Callable[[], Engine]


@pytest.fixture
def orders(store: OrdersStore) -> list[Order]:
    """30 paid orders of 10 buyers."""
    store.parcels.remember_hubs([hub("520123-C", "county_centre")])
    made = [paid_order(buyer_id=f"b{n % 10}") for n in range(30)]
    store.orders.add(made)
    return made


def each_in_one_parcel(store: OrdersStore, orders: list[Order]) -> None:
    parcels = store.parcels.find({})
    assert {parcel.state for parcel in parcels} == {"packed"}
    inside = sorted(key for parcel in parcels for key in parcel.order_ids)
    assert inside == sorted(order.id for order in orders)
    by_order = {key: parcel.id for parcel in parcels for key in parcel.order_ids}
    assert {order.id: order.parcel_id for order in store.orders.find({})} == by_order
    for row in store.parcels.collection.find({}):
        assert [event["type"] for event in row["outbox"]] == ["parcel.packed"]


def test_all_paid_orders_go_into_a_parcel_for_each_buyer(
    engine: Engine, store: OrdersStore, orders: list[Order]
) -> None:
    assert engine.parcels.pack(COUNTY, 1000) == (10, 30)
    assert engine.parcels.pack(COUNTY, 1000) == (0, 0)
    each_in_one_parcel(store, orders)


def test_several_who_pack_at_once_pack_nothing_twice(
    new_engine: Engines, store: OrdersStore, orders: list[Order]
) -> None:
    with ThreadPoolExecutor(4) as crowd:
        packed = list(crowd.map(lambda one: one.parcels.pack(COUNTY, 1000), [new_engine() for _ in range(4)]))
    assert sum(one.orders for one in packed) == 30
    each_in_one_parcel(store, orders)


@pytest.mark.parametrize("step", ["claim", "change_all", "drop_empty"])
def test_killed_anywhere_while_packing_the_sweep_finishes_it(
    new_engine: Engines, store: OrdersStore, orders: list[Order], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(store.parcels), step, dies)
        with pytest.raises(Dies):
            new_engine().parcels.pack(COUNTY, 1000)
    new_engine().sweep()
    new_engine().parcels.pack(COUNTY, 1000)
    each_in_one_parcel(store, orders)


def test_a_begun_parcel_whose_orders_are_gone_is_dropped(
    new_engine: Engines, store: OrdersStore, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(store.parcels), "claim", dies)
        with pytest.raises(Dies):
            new_engine().parcels.pack(COUNTY, 1000)
    for order in orders:
        new_engine().aftercare.cancel(order.id, "buyer")
    new_engine().sweep()
    assert store.parcels.find({}) == []


def test_rehearsed_unpaid_and_foreign_orders_are_not_packed(engine: Engine, store: OrdersStore) -> None:
    store.parcels.remember_hubs([hub("520123-C", "county_centre")])
    others = [paid_order(rehearsal=True), paid_order(county="350628"), placed()]
    store.orders.add(others)
    assert engine.parcels.pack(COUNTY, 1000).orders == 0


def test_all_packed_parcels_are_shipped_at_once(engine: Engine, store: OrdersStore, orders: list[Order]) -> None:
    assert orders
    engine.parcels.pack(COUNTY, 1000)
    assert engine.parcels.ship_all(COUNTY, "YTO") == 10
    assert engine.parcels.ship_all(COUNTY, "YTO") == 0
    assert {(parcel.state, parcel.carrier) for parcel in store.parcels.find({})} == {("shipped", "YTO")}


def test_a_parcel_being_packed_is_left_alone_for_a_while(
    store: OrdersStore, own_settings: OrdersSettings, orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Parcels(store, msgspec.structs.replace(own_settings, settle_after_seconds=60.0))
    with monkeypatch.context() as patch:
        patch.setattr(type(store.parcels), "claim", dies)
        with pytest.raises(Dies):
            patient.pack(COUNTY, 1000)
    assert patient.finish_left_behind() == 0
    assert len(orders) == store.orders.collection.count_documents({"state": "paid"})
