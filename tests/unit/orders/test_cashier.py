"""Money for orders by every way it comes, on a real database: charged, told by webhooks in any order, found later."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.unit.orders.builders import allotment, slot
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.test_aftercare import at_peace, bought
from tests.unit.orders.test_placing import Dies, dies

from chassis import metrics
from chassis.refusals import Conflict, PaymentRequired, Unavailable
from contracts import metrics as declared
from contracts.ids import new_id
from orders import paying
from orders.cashier import Cashier
from orders.engine import Engine
from orders.model import Allotment, Order
from orders.payments import Declined, Notification, Purchase, Refund, RefundRefused, TestProvider
from orders.payments.test import payment_id
from orders.refunding import Refunding
from orders.store import OrdersStore

Engines = Callable[[], Engine]


class Other(TestProvider):
    """A second provider, so that a buyer can pay with either, or both."""

    name = "other"


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=20)
    store.allotments.add([made])
    return made


def now_of(store: OrdersStore, order: Order) -> Order:
    found = store.orders.get(order.id)
    assert found is not None
    return found


def events_of(store: OrdersStore, order: Order) -> list[str]:
    row = store.orders.collection.find_one({"_id": order.id})
    assert row is not None
    return [event["type"] for event in row.get("outbox", ()) if event["type"] != "order.placed"]


def paid_webhook(order: Order, **fields: Any) -> Notification:
    known = {
        "event_id": "event-1",
        "order_id": order.id,
        "kind": "paid",
        "payment_id": f"test-of-{order.id}",
        "amount": order.total_fen,
    }
    return Notification(**{**known, **fields})


def refunded_webhook(order: Order, **fields: Any) -> Notification:
    return paid_webhook(order, **{"kind": "refunded", **fields})


def astray(reason: str) -> float:
    return float(metrics.counter(declared.PAYMENTS_ASTRAY).labels("test", reason)._value.get())


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


# --- the ways money comes ---


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


# --- money that cannot pay its order goes back, once ---


@pytest.mark.parametrize("amount", [1, 4979, 4981])
@pytest.mark.parametrize("currency", ["CNY", "USD"])
def test_another_amount_or_currency_never_pays_and_goes_back_once(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds, amount: int, currency: str
) -> None:
    order, before = bought(engine, stock), astray("mismatch")
    for _ in range(3):
        engine.cashier.notified("test", paid_webhook(order, amount=amount, currency=currency))
        engine.sweep()
    found = now_of(store, order)
    assert (found.state, found.payment, found.owed) == ("placed", None, [])
    assert list(provider.given.values()) == [amount]
    assert astray("mismatch") == before + 1


def test_the_right_number_in_another_currency_is_a_mismatch_too(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    engine.cashier.notified("test", paid_webhook(order, currency="JPY"))
    assert now_of(store, order).state == "placed"
    assert list(provider.given.values()) == [order.total_fen]


def test_a_mismatch_is_logged_without_the_buyer(
    engine: Engine, stock: Allotment, caplog: pytest.LogCaptureFixture
) -> None:
    order = bought(engine, stock)
    with caplog.at_level(logging.WARNING):
        engine.cashier.notified("test", paid_webhook(order, amount=1))
    assert "cannot pay its order" in caplog.text
    assert order.buyer_id not in caplog.text


def test_a_charge_that_took_too_little_is_refused_and_goes_back(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    with pytest.raises(Conflict, match="payment-mismatch"):
        engine.cashier.pay(order, "short")
    assert list(provider.given.values()) == [order.total_fen - 1]
    assert engine.cashier.pay(now_of(store, order), "ok").state == "paid"


@pytest.mark.parametrize("end", ["cancelled", "lapsed"])
def test_money_for_an_order_that_ended_goes_back_once(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds, end: str
) -> None:
    order = bought(engine, stock, **({"pay_by": long_ago()} if end == "lapsed" else {}))
    if end == "lapsed":
        assert engine.aftercare.lapse_due() == 1
    else:
        engine.aftercare.cancel(order.id, "buyer")
    for _ in range(3):
        engine.cashier.notified("test", paid_webhook(order))
        engine.sweep()
    assert now_of(store, order).state == "cancelled"
    assert list(provider.given.values()) == [order.total_fen]
    at_peace(store, stock.id)


def test_who_pays_with_two_providers_gets_the_second_payment_back(
    store: OrdersStore, own_settings: Any, stock: Allotment, provider: Refunds
) -> None:
    other = Other()
    engine = Engine(store, own_settings, other, provider)
    order = bought(engine, stock)
    assert engine.cashier.begin(order, "other", "ok").order.state == "paid"
    engine.cashier.notified("test", paid_webhook(order))
    found = now_of(store, order)
    assert found.payment is not None
    assert (found.payment.provider, [one.why for one in found.astray]) == ("other", ["twice"])
    assert list(provider.given.values()) == [order.total_fen]


def test_a_refund_heard_of_before_its_payment_keeps_the_order_unpaid(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    engine.cashier.notified("test", refunded_webhook(order))
    engine.cashier.notified("test", paid_webhook(order))
    assert (now_of(store, order).state, provider.given) == ("placed", {})
    assert engine.cashier.pay(now_of(store, order), "ok").state == "paid"


def test_hearing_of_our_own_refund_changes_nothing(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock, pay=True)
    assert order.payment is not None
    engine.aftercare.cancel(order.id, "buyer")
    before = now_of(store, order)
    engine.cashier.notified("test", refunded_webhook(order, payment_id=order.payment.payment_id))
    assert now_of(store, order) == before
    assert len(provider.given) == 1


def test_a_refund_made_at_the_provider_is_said_aloud(
    engine: Engine, store: OrdersStore, stock: Allotment, caplog: pytest.LogCaptureFixture
) -> None:
    order = bought(engine, stock, pay=True)
    assert order.payment is not None
    with caplog.at_level(logging.WARNING):
        engine.cashier.notified("test", refunded_webhook(order, payment_id=order.payment.payment_id))
    assert "refunded at the provider, not here" in caplog.text
    assert now_of(store, order).state == "paid"


def test_money_for_an_order_that_is_not_here_is_counted_and_answered(engine: Engine, stock: Allotment) -> None:
    before = astray("no-such-order")
    lost = paid_webhook(bought(engine, stock), order_id=new_id())
    engine.cashier.notified("test", lost)
    assert astray("no-such-order") == before + 1


# --- death between the charge and the mark ---


def test_killed_after_the_charge_the_webhook_heals(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = bought(engine, stock)
    with monkeypatch.context() as patch:
        patch.setattr(TestProvider, "charge", dies_after_taking)
        with pytest.raises(Dies):
            engine.cashier.begin(order, "test", "slow")
    said = provider.webhook(*provider.settle(paying.purchase(order)))
    assert said is not None
    engine.cashier.notified("test", said)
    assert now_of(store, order).state == "paid"


def dies_after_taking(provider: TestProvider, purchase: Purchase, token: str | None) -> Any:
    del token
    provider.settle(purchase)
    return dies()


def test_killed_after_the_charge_without_a_webhook_the_sweep_asks_before_it_lets_the_order_lapse(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = bought(new_engine(), stock)
    with monkeypatch.context() as patch:
        patch.setattr(Cashier, "_mark", dies)
        patch.setattr(
            TestProvider, "charge", lambda provider, bought, _: provider.settle(bought) and provider.find(bought)
        )
        with pytest.raises(Dies):
            new_engine().cashier.begin(order, "test", "slow")
    lapse(store, order)
    new_engine().sweep()
    assert now_of(store, order).state == "paid"
    assert events_of(store, order) == ["order.paid"]


def lapse(store: OrdersStore, order: Order) -> None:
    store.orders.collection.update_one({"_id": order.id}, {"$set": {"pay_by": long_ago()}})


def test_a_payment_that_still_waits_when_its_time_is_over_lapses(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(engine, stock)
    engine.cashier.begin(order, "test", "slow")
    lapse(store, order)
    engine.sweep()
    assert now_of(store, order).state == "cancelled"
    assert isinstance(provider.find(paying.purchase(order)), Declined)  # it was closed there, so that nobody pays
    said = provider.webhook(*provider.settle(paying.purchase(order)))  # and yet the money comes
    assert said is not None
    engine.cashier.notified("test", said)
    assert list(provider.given.values()) == [order.total_fen]
    at_peace(store, stock.id)


def test_while_a_provider_is_away_what_it_was_asked_for_does_not_lapse_and_the_rest_does(
    engine: Engine, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, other = bought(engine, stock), bought(engine, stock)
    engine.cashier.begin(asked, "test", "slow")
    for order in (asked, other):
        lapse(store, order)
    with monkeypatch.context() as patch:
        patch.setattr(TestProvider, "find", away)
        engine.sweep()
    assert (now_of(store, asked).state, now_of(store, other).state) == ("placed", "cancelled")
    engine.sweep()
    assert now_of(store, asked).state == "placed"  # and has more time
    lapse(store, asked)
    engine.sweep()
    assert now_of(store, asked).state == "cancelled"


def test_what_is_paid_in_the_moment_in_which_it_would_lapse_is_paid(
    engine: Engine, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = bought(engine, stock)
    engine.cashier.begin(order, "test", "slow")
    lapse(store, order)
    with monkeypatch.context() as patch:
        patch.setattr(TestProvider, "close", lambda provider, it: provider.settle(it) and provider.find(it))
        engine.sweep()
    assert now_of(store, order).state == "paid"


def away(*_: Any) -> Any:
    raise Unavailable("payment-provider-away", "The payment provider cannot be reached.")


def test_a_provider_that_is_away_leaves_the_order_as_it_is(
    engine: Engine, store: OrdersStore, stock: Allotment
) -> None:
    order = bought(engine, stock)
    with pytest.raises(Unavailable):
        engine.cashier.pay(order, "away")
    assert engine.cashier.pay(now_of(store, order), "ok").state == "paid"


# --- refunds that fail ---


@pytest.mark.parametrize("failure", [RefundRefused("no"), Unavailable("payment-provider-away", "Away.")])
def test_a_refund_that_fails_stays_owed_is_tried_later_and_holds_up_nobody(
    engine: Engine, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    order = bought(engine, stock, pay=True, quantity=5)
    tried: list[Refund] = []

    def fails(_: TestProvider, refund: Refund) -> None:
        tried.append(refund)
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(Refunds, "refund", fails)
        engine.aftercare.cancel(order.id, "buyer")
        engine.sweep()
    assert len(tried) == 1  # and not at every sweep
    found = now_of(store, order)
    assert ([one.kind for one in found.owed], found.state) == (["refund"], "cancelled")
    bought(engine, stock, quantity=20)  # the units are free again


def test_what_was_settled_while_a_refund_is_postponed_is_not_owed_again(
    engine: Engine, store: OrdersStore, stock: Allotment, provider: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = bought(engine, stock, pay=True, quantity=5)

    def meanwhile() -> datetime:
        """Another replica gives the units back, just before this one writes."""
        store.orders.clear_owed([order.id], [one.id for one in now_of(store, order).owed if one.kind == "units"])
        return datetime.now(UTC)

    with monkeypatch.context() as patch:
        patch.setattr(Refunds, "refund", away)
        patch.setattr(type(engine.aftercare), "settle", lambda *_: None)
        engine.aftercare.cancel(order.id, "buyer")
        assert [one.kind for one in now_of(store, order).owed] == ["units", "refund"]
        Refunding(store, engine.providers, 0.0, meanwhile).give_back([now_of(store, order)])
    assert [one.kind for one in now_of(store, order).owed] == ["refund"]


def test_a_provider_that_is_away_is_asked_for_one_refund_and_units_do_not_wait_for_it(
    engine: Engine, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [bought(engine, stock, pay=True) for _ in range(5)]
    remaining: list[int] = []

    def slow(_: TestProvider, __: Refund) -> None:
        found = store.allotments.get(stock.id)
        remaining.append(found.remaining if found else 0)
        away()

    with monkeypatch.context() as patch:
        patch.setattr(Refunds, "refund", slow)
        with monkeypatch.context() as dead:
            dead.setattr(type(engine.aftercare), "settle", lambda *_: None)
            for order in orders:
                engine.aftercare.cancel(order.id, "buyer")
        engine.sweep()
    assert remaining == [20]
    assert [[one.kind for one in now_of(store, order).owed] for order in orders] == [["refund"]] * 5


def test_a_postponed_refund_is_given_when_its_time_comes(
    store: OrdersStore, own_settings: Any, stock: Allotment, provider: Refunds, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = own_settings.__class__(**{**as_fields(own_settings), "payment_retry_seconds": 0.0})
    engine = Engine(store, hurried, provider)
    order = bought(engine, stock, pay=True)
    with monkeypatch.context() as patch:
        patch.setattr(Refunds, "refund", away)
        engine.aftercare.cancel(order.id, "buyer")
    engine.sweep()
    assert list(provider.given.values()) == [order.total_fen]
    at_peace(store, stock.id)


def as_fields(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


def test_a_refund_that_failed_at_the_provider_is_said_aloud_and_counted(
    engine: Engine, stock: Allotment, caplog: pytest.LogCaptureFixture
) -> None:
    counter = metrics.counter(declared.REFUNDS_REFUSED).labels("test")
    before = counter._value.get()
    with caplog.at_level(logging.ERROR):
        engine.cashier.notified("test", paid_webhook(bought(engine, stock), kind="refund-failed"))
    assert "a refund failed at the provider" in caplog.text
    assert counter._value.get() == before + 1


# --- who is not asked ---


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


# --- all of it in any order, at once, and with deaths in between ---


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
