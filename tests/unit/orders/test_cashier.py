"""Money for orders by every way it comes, on a real database: charged, told by webhooks in any order, found later."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.unit.orders.builders import allotment, slot
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.money import events_of, lapse, now_of, paid_webhook
from tests.unit.orders.test_aftercare import at_peace, bought
from tests.unit.orders.test_placing import Dies, dies

from chassis.refusals import Conflict, PaymentRequired
from orders import paying
from orders.engine import Engine
from orders.model import Allotment, Order
from orders.payments.test import payment_id
from orders.refunding import Refunding
from orders.store import OrdersStore

Engines = Callable[[], Engine]


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=20)
    store.allotments.add([made])
    return made


def test_what_is_decided_at_once_is_written_once(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    order = bought(engine, stock, pay=True)
    found = now_of(store, order)
    assert (found.state, found.asked, found.version) == ("paid", [], 2)


def test_a_slow_payment_is_remembered_before_it_is_asked_for_and_paid_by_its_webhook(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    begun = engine.cashier.begin(order, "test", "slow")
    assert begun.pending is not None
    assert (begun.order.state, begun.order.asked) == ("placed", ["test"])
    said = provider.webhook(*provider.settle(paying.purchase(order)))
    assert said is not None
    engine.cashier.notified("test", said)
    assert now_of(store, order).state == "paid"
    assert engine.cashier.begin(order, "test", "slow").order.state == "paid"
    assert events_of(store, order) == ["order.paid"]


def test_the_same_webhook_again_changes_nothing(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    for _ in range(3):
        engine.cashier.notified("test", paid_webhook(order))
    assert now_of(store, order).version == 2
    assert (events_of(store, order), provider.given) == (["order.paid"], {})


def test_a_webhook_and_the_charge_it_tells_of_are_one_payment(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    charged = engine.cashier.pay(order, "ok")
    assert charged.payment is not None
    engine.cashier.notified("test", paid_webhook(order, payment_id=charged.payment.payment_id))
    assert (events_of(store, order), provider.given) == (["order.paid"], {})


def test_a_webhook_that_came_before_its_charge_was_answered_is_the_same_payment(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    first = bought(engine, stock)
    known = engine.cashier.pay(first, "ok").payment
    assert known is not None
    number = Refunds().charge(paying.purchase(order), "ok").payment_id  # type: ignore[union-attr]  # it is paid
    engine.cashier.notified("test", paid_webhook(order, payment_id=number))
    assert engine.cashier.pay(order, "ok").state == "paid"  # as it was read before
    assert (events_of(store, order), provider.given) == (["order.paid"], {})


def test_an_order_that_costs_nothing_is_paid_by_nobody(engine: Engine, store: OrdersStore, provider: Refunds) -> None:
    now = datetime.now(UTC)
    stock = slot(live_price_fen=0, opens_at=now - timedelta(minutes=1), closes_at=now + timedelta(minutes=9))
    store.allotments.add([stock])
    order = engine.cashier.pay(bought(engine, stock), "declined")
    assert order.payment is not None
    assert (order.state, order.payment.provider) == ("paid", paying.NOBODY)
    engine.aftercare.cancel(order.id, "buyer")
    assert provider.given == {}


def test_a_declined_payment_may_be_tried_again(engine: Engine, stock: Allotment) -> None:
    order = bought(engine, stock)
    with pytest.raises(PaymentRequired):
        engine.cashier.pay(order, "declined")
    assert engine.cashier.pay(order, "ok").state == "paid"


@pytest.mark.parametrize(("owner", "step"), [("refunding", "give_back"), ("orders", "clear_owed")])
def test_killed_while_money_goes_back_it_goes_back_once(
    new_engine: Engines,
    store: OrdersStore,
    stock: Allotment,
    provider: Refunds,
    monkeypatch: pytest.MonkeyPatch,
    owner: str,
    step: str,
) -> None:
    order = bought(new_engine(), stock)
    new_engine().aftercare.cancel(order.id, "buyer")
    with monkeypatch.context() as patch:
        patch.setattr(Refunding if owner == "refunding" else type(store.orders), step, dies)
        with pytest.raises(Dies):
            new_engine().cashier.notified("test", paid_webhook(order))
    for _ in range(2):
        new_engine().sweep()
    assert list(provider.given.values()) == [order.total_fen]
    assert now_of(store, order).owed == []


def test_a_charge_and_its_webhook_many_times_at_once_at_several_replicas_are_one_payment(
    new_engine: Engines, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    engines = [new_engine() for _ in range(3)]
    order = bought(engines[0], stock)
    number = payment_id(order.id, "ok")

    def come(n: int) -> None:
        engine = engines[n % 3]
        if n % 2:
            engine.cashier.notified("test", paid_webhook(order, payment_id=number))
        else:
            assert engine.cashier.pay(order, "ok").state == "paid"

    with ThreadPoolExecutor(12) as crowd:
        list(crowd.map(come, range(24)))
    assert (events_of(store, order), provider.given, now_of(store, order).astray) == (["order.paid"], {}, [])


STEPS = ("pay", "pay-slowly", "paid-a", "paid-b", "short-c", "refunded-r", "paid-r", "cancel", "time-over", "sweep")


class Till(NamedTuple):
    """One order, and what the provider took for it and gave back by itself."""

    engine: Engine
    store: OrdersStore
    provider: Refunds
    order: Order
    taken: dict[str, int]
    gone: set[str]

    def hear(self, name: str, amount: int, kind: Any = "paid") -> None:
        number = f"test-{name}-{self.order.id}"
        self.taken[number] = amount
        self.engine.cashier.notified("test", paid_webhook(self.order, payment_id=number, amount=amount, kind=kind))

    def pay(self, token: str) -> None:
        try:
            begun = self.engine.cashier.begin(now_of(self.store, self.order), "test", token)
        except Conflict:
            return
        if begun.order.payment:
            self.taken[begun.order.payment.payment_id] = begun.order.payment.amount_fen

    def step(self, name: str) -> None:
        due = self.order.total_fen
        match name:
            case "pay" | "pay-slowly":
                self.pay("ok" if name == "pay" else "slow")
            case "paid-a" | "paid-b" | "short-c":
                self.hear(name, due - (name == "short-c"))
            case "refunded-r":
                self.gone.add(f"test-r-{self.order.id}")
                self.hear("r", due, "refunded")
            case "paid-r" if self.gone:
                self.hear("r", due)
            case "cancel":
                self.engine.aftercare.cancel(self.order.id, "buyer")
            case "time-over" if now_of(self.store, self.order).state == "placed":
                lapse(self.store, self.order)
            case "sweep":
                self.engine.sweep()

    def balance(self) -> int:
        """What the provider still has of all that it took."""
        given = sum(self.provider.given.values())
        return sum(amount for number, amount in self.taken.items() if number not in self.gone) - given


@hypothesis.given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=9))
@hypothesis.settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_in_any_order_the_provider_keeps_what_paid_the_order_and_nothing_else(
    store: OrdersStore, own_settings: Any, steps: list[str]
) -> None:
    shelf, provider = allotment(offered=5), Refunds()
    store.allotments.add([shelf])
    engine = Engine(store, own_settings, provider)
    till = Till(engine, store, provider, bought(engine, shelf), {}, set())
    for name in steps:
        till.step(name)
    engine.sweep()
    order = now_of(store, till.order)
    assert till.balance() == (order.payment.amount_fen - order.refunded_fen if order.payment else 0)
    assert (order.state == "paid") == bool(till.balance())
    assert events_of(store, order).count("order.paid") == bool(order.payment)
    assert order.owed == []
    at_peace(store, shelf.id)
