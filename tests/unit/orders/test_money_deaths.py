"""Death between a charge and its mark, and a provider that is away: asked before an order lapses."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.scraped import here, value
from tests.unit.orders.builders import allotment
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.money import away, events_of, lapse, now_of
from tests.unit.orders.test_aftercare import at_peace, bought
from tests.unit.orders.test_placing import Dies, dies

from chassis.refusals import Unavailable
from contracts import metrics as declared
from orders import paying
from orders.cashier import Cashier
from orders.engine import Engine
from orders.model import Allotment
from orders.payments import Declined, Purchase, TestProvider
from orders.store import OrdersStore

Engines = Callable[[], Engine]


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=20)
    store.allotments.add([made])
    return made


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
    found = value(here(), declared.PAYMENTS_FOUND, provider="test") or 0
    new_engine().sweep()
    assert now_of(store, order).state == "paid"
    assert events_of(store, order) == ["order.paid"]
    assert value(here(), declared.PAYMENTS_FOUND, provider="test") == found + 1


def test_a_payment_that_another_marked_before_we_did_is_not_one_that_we_found(
    new_engine: Engines, store: OrdersStore, stock: Allotment, provider: Refunds
) -> None:
    order = bought(new_engine(), stock)
    new_engine().cashier.begin(order, "test", "slow")
    provider.settle(paying.purchase(order))
    lapse(store, order)
    due = store.orders.due(datetime.now(UTC), 10)
    found = value(here(), declared.PAYMENTS_FOUND, provider="test") or 0
    for engine in (new_engine(), new_engine(), new_engine()):  # all read it before the first of them marked it
        assert engine.aftercare._enquiring.unpaid(due) == []
    assert events_of(store, order) == ["order.paid"]
    assert value(here(), declared.PAYMENTS_FOUND, provider="test") == found + 1


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


def test_a_provider_that_is_away_leaves_the_order_as_it_is(
    engine: Engine, store: OrdersStore, stock: Allotment
) -> None:
    order = bought(engine, stock)
    with pytest.raises(Unavailable):
        engine.cashier.pay(order, "away")
    assert engine.cashier.pay(now_of(store, order), "ok").state == "paid"
