"""Money that cannot pay its order goes back, once; what was not to be had at once is tried again."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.orders.builders import allotment
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.money import Other, astray, away, long_ago, now_of, paid_webhook, refunded_webhook
from tests.unit.orders.test_aftercare import at_peace, bought

from chassis import metrics
from chassis.refusals import Conflict, Unavailable
from contracts import metrics as declared
from contracts.ids import new_id
from orders.engine import Engine
from orders.model import Allotment
from orders.payments import Refund, RefundRefused, TestProvider
from orders.refunding import Refunding
from orders.store import OrdersStore

Engines = Callable[[], Engine]


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=20)
    store.allotments.add([made])
    return made


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
