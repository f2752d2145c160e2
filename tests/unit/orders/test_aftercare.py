"""Orders after they were placed, on a real database: two documents, and a death at any point between them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.orders import builders
from tests.unit.orders.builders import allotment, slot
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.test_placing import Dies, dies, exact

from chassis.refusals import Conflict, PaymentRequired
from orders.domain import Accepted
from orders.engine import Engine
from orders.model import Allotment, Order
from orders.store import OrdersStore

Engines = Callable[[], Engine]


def bought(engine: Engine, stock: Allotment, *, pay: bool = False, **fields: Any) -> Order:
    now = datetime.now(UTC)
    known = {"arrived_at": now, "placed_at": now, "pay_by": now + timedelta(minutes=15)}
    outcome = engine.place(builders.request(stock, **(known | fields)))
    assert isinstance(outcome, Accepted)
    return engine.cashier.pay(outcome.order, "ok") if pay else outcome.order


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=20)
    store.allotments.add([made])
    return made


def at_peace(store: OrdersStore, key: str) -> Allotment:
    """The allotment, exact, and nothing owed or remembered."""
    found = exact(store, key)
    assert (found.released, [order for order in store.orders.find({"allotment_id": key}) if order.owed]) == ([], [])
    return found


def test_a_cancelled_orders_units_are_sold_again(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    order = bought(engine, stock, quantity=20)
    engine.aftercare.cancel(order.id, "buyer")
    assert at_peace(store, stock.id).remaining == 20
    bought(engine, stock, quantity=20)


def test_a_cancelled_paid_order_is_refunded_once(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock, pay=True, quantity=2)
    for _ in range(3):
        engine.aftercare.cancel(order.id, "buyer")
        engine.sweep()
    assert list(provider.given.values()) == [order.total_fen]
    at_peace(store, stock.id)


@pytest.mark.parametrize(
    ("rows", "step"),
    [
        ("aftercare", "settle"),  # the order is cancelled and owes
        ("allotments", "change"),  # … the allotment was read
        ("orders", "clear_owed"),  # … the units are back, the order still owes them
        ("allotments", "forget_released"),  # … the order owes no more, the allotment still remembers
    ],
)
def test_killed_anywhere_while_cancelling_the_sweep_gives_the_units_back_once(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch, rows: str, step: str
) -> None:
    engine = new_engine()
    order = bought(engine, stock, quantity=5)
    owner = engine.aftercare if rows == "aftercare" else getattr(store, rows)
    with monkeypatch.context() as patch:
        patch.setattr(type(owner), step, dies)
        with pytest.raises(Dies):
            engine.aftercare.cancel(order.id, "buyer")
    for _ in range(2):
        new_engine().sweep()
    assert exact(store, stock.id).remaining == 20
    other = bought(engine, stock, quantity=1)  # the next release forgets whatever is still remembered
    engine.aftercare.cancel(other.id, "buyer")
    at_peace(store, stock.id)


def test_many_who_settle_the_same_debts_at_once_give_them_back_once(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine()
    orders = [bought(engine, stock) for _ in range(10)]
    with monkeypatch.context() as patch:
        patch.setattr(type(engine.aftercare), "settle", lambda *_: None)
        for order in orders:
            engine.aftercare.cancel(order.id, "buyer")
    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(lambda other: other.sweep(), [new_engine() for _ in range(4)]))
    assert exact(store, stock.id).remaining == 20


def test_cancelling_and_buying_at_once_stays_exact(new_engine: Engines, store: OrdersStore, stock: Allotment) -> None:
    engines = [new_engine() for _ in range(2)]

    def come_and_go(n: int) -> None:
        order = bought(engines[n % 2], stock)
        if n % 2:
            engines[n % 2].aftercare.cancel(order.id, "buyer")

    with ThreadPoolExecutor(10) as crowd:
        list(crowd.map(come_and_go, range(20)))
    engines[0].sweep()
    assert exact(store, stock.id).sold == 10


def test_unpaid_orders_lapse_in_bulk_and_paid_ones_do_not(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    paid = bought(engine, stock, pay=True)
    for _ in range(5):
        bought(engine, stock, pay_by=past, quantity=2)
    assert engine.aftercare.lapse_due() == 5
    assert engine.aftercare.lapse_due() == 0
    assert at_peace(store, stock.id).sold == 1
    found = store.orders.get(paid.id)
    assert found is not None
    assert found.state == "paid"


def test_a_late_cancellation_corrects_what_the_close_said(engine: Engine, store: OrdersStore) -> None:
    now = datetime.now(UTC)
    stock = slot(offered=20, opens_at=now - timedelta(minutes=1), closes_at=now + timedelta(minutes=9))
    store.allotments.add([stock])
    order = bought(engine, stock, quantity=5)
    engine.allotments.close(stock.id)
    engine.aftercare.cancel(order.id, "county")
    found = at_peace(store, stock.id)
    assert (found.state, found.sold, found.returned, found.revision) == ("closed", 0, 20, 2)


def test_many_payments_at_once_are_each_paid_once(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    orders = [bought(engine, stock) for _ in range(10)]
    with ThreadPoolExecutor(20) as crowd:
        paid = list(crowd.map(lambda order: engine.cashier.pay(order, "ok"), [*orders, *orders]))
    assert {order.state for order in paid} == {"paid"}
    for row in store.orders.collection.find({}):
        assert [event["type"] for event in row["outbox"]] == ["order.paid"]


def test_a_declined_payment_changes_nothing(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    order = bought(engine, stock)
    with pytest.raises(PaymentRequired):
        engine.cashier.pay(order, "declined")
    found = store.orders.get(order.id)
    assert found is not None
    assert (found.state, found.version) == ("placed", 1)


def test_an_order_cancelled_while_it_was_being_paid_is_refunded(
    engine: Engine, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    engine.aftercare.cancel(order.id, "buyer")
    with pytest.raises(Conflict, match="order-cancelled"):
        engine.cashier.pay(order, "ok")  # as it was read before it was cancelled
    assert list(provider.given.values()) == [order.total_fen]


def test_a_rehearsals_order_is_paid_by_nobody(engine: Engine, store: OrdersStore, provider: Refunds) -> None:
    now = datetime.now(UTC)
    stock = slot(rehearsal=True, opens_at=now - timedelta(minutes=1), closes_at=now + timedelta(minutes=9))
    store.allotments.add([stock])
    order = bought(engine, stock, pay=True)
    assert order.payment is not None
    assert order.payment.provider == "rehearsal"
    engine.aftercare.cancel(order.id, "buyer")
    assert provider.given == {}
