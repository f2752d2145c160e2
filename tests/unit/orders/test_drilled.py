"""Payments in a drill: slow when the flag says so, and webhooks lost as if they had never been sent."""

from typing import Any

import pytest
from tests.unit.orders.builders import allotment
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.money import lapse, now_of, paid_webhook
from tests.unit.orders.test_aftercare import bought

from chassis.faults import Fault, Name
from orders import paying
from orders.engine import Engine
from orders.payments import Forged, Lost, Notification, Paid, Pending, Purchase, TestProvider, drilled
from orders.settings import OrdersSettings
from orders.store import OrdersStore

PURCHASE = Purchase(order_id="o1", amount_fen=1000, description="tea")


class Drill:
    """Lets one fault strike, always."""

    def __init__(self, name: Name, fault: Fault) -> None:
        self._name, self._fault = name, fault
        self.expected: set[Name] = set()
        self.asked: list[dict[str, str]] = []

    def expect(self, *names: Name) -> None:
        self.expected.update(names)

    def on(self, name: Name, **_: str) -> Fault | None:
        return self._fault if name == self._name else None

    def strikes(self, name: Name, **about: str) -> Fault | None:
        self.asked.append(about)
        return self._fault if name == self._name else None


def asked(*_: str) -> bool:
    """Every order's provider is asked before the order lapses."""
    return True


def test_a_slow_payment_takes_longer_and_ends_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("eventlet.sleep", slept.append)
    drill = Drill("slow-payment", Fault(share=1, seconds=3))
    (provider,) = drilled([TestProvider("secret")], drill, asked)  # type: ignore[arg-type]  # a drill by hand
    assert isinstance(provider.charge(PURCHASE, None), Paid)
    assert slept == [3.0]
    assert drill.asked == [{"provider": "test"}]
    assert drill.expected == {"slow-payment", "lost-webhook"}


def test_a_lost_webhook_says_nothing_and_the_provider_knows_of_the_payment_when_it_is_asked() -> None:
    real = TestProvider("secret")
    (provider,) = drilled([real], Drill("lost-webhook", Fault(share=1)), asked)  # type: ignore[arg-type]  # the same
    assert isinstance(provider.charge(PURCHASE, "slow"), Pending)
    elsewhere = TestProvider("secret")  # the buyer pays at the provider, which is not in this process
    elsewhere.charge(PURCHASE, "slow")
    reported = elsewhere.settle(PURCHASE)
    with pytest.raises(Lost):
        provider.webhook(reported.headers, reported.body)
    found = provider.find(PURCHASE)
    assert isinstance(found, Paid)
    assert found.amount == PURCHASE.amount_fen


@pytest.mark.parametrize(
    ("kind", "will_ask"), [("refunded", True), ("refund-failed", True), ("paid", False)], ids=lambda it: str(it)
)
def test_what_nobody_would_ask_for_later_is_heard_in_a_drill_too(kind: Any, will_ask: bool) -> None:
    real, drill = TestProvider("secret"), Drill("lost-webhook", Fault(share=1))
    (provider,) = drilled([real], drill, lambda *_: will_ask)  # type: ignore[arg-type]  # the same
    said = Notification(event_id="e1", order_id="o1", kind=kind, payment_id="p1", amount=1000)
    assert provider.webhook(*real.deliver(said)) == said
    assert drill.asked == [], "and nothing is counted as struck"


def test_a_payment_is_only_lost_while_its_order_waits_and_its_provider_was_asked(
    engine: Engine, store: OrdersStore
) -> None:
    stock = allotment(offered=9)
    store.allotments.add([stock])
    waits, paid, cancelled, over, unasked = (bought(engine, stock) for _ in range(5))
    for order in (waits, paid, cancelled, over):
        engine.cashier.begin(order, "test", "slow")
    engine.cashier.notified("test", paid_webhook(paid))
    engine.aftercare.cancel(cancelled.id, "buyer")
    lapse(store, over)
    everyone = (waits, paid, cancelled, over, unasked)
    assert [order for order in everyone if engine.enquiring.will_ask(order.id, "test")] == [waits]
    assert not engine.enquiring.will_ask(waits.id, "other")
    assert not engine.enquiring.will_ask("no such order", "test")


def test_money_that_comes_in_a_drill_pays_its_order_in_the_end_or_goes_back(
    store: OrdersStore, own_settings: OrdersSettings, provider: Refunds
) -> None:
    drill = Drill("lost-webhook", Fault(share=1))
    (open_to_faults,) = drilled([provider], drill, lambda *about: engine.enquiring.will_ask(*about))  # type: ignore[arg-type]
    engine = Engine(store, own_settings, open_to_faults)
    stock = allotment(offered=9)
    store.allotments.add([stock])
    waits, cancelled = bought(engine, stock), bought(engine, stock)
    for order in (waits, cancelled):
        engine.cashier.begin(order, "test", "slow")
    engine.aftercare.cancel(cancelled.id, "buyer")
    with pytest.raises(Lost):
        open_to_faults.webhook(*provider.settle(paying.purchase(waits)))
    heard = open_to_faults.webhook(*provider.settle(paying.purchase(cancelled)))
    assert heard is not None
    engine.cashier.notified("test", heard)
    lapse(store, waits)
    engine.sweep()
    assert now_of(store, waits).state == "paid"
    assert list(provider.given.values()) == [cancelled.total_fen]


def test_a_forged_webhook_is_seen_as_forged_in_a_drill_too() -> None:
    (provider,) = drilled([TestProvider("secret")], Drill("lost-webhook", Fault(share=1)), asked)  # type: ignore[arg-type]
    with pytest.raises(Forged):
        provider.webhook({"test-signature": "x", "test-timestamp": "1"}, b"{}")


def test_without_a_drill_a_provider_is_what_it_was() -> None:
    (provider,) = drilled([TestProvider("secret")], Drill("poison-event", Fault(share=1)), asked)  # type: ignore[arg-type]
    assert isinstance(provider.charge(PURCHASE, None), Paid)
    assert provider.find(PURCHASE) is None
    assert provider.decides_at_once("slow") is False
