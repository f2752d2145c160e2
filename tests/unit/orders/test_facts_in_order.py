"""What happens to an order at one replica is told after what happened to it at another: the relay's promise, "an event
is on the broker before its successor, whatever their topics", holds for a process; these are about several.
"""

import pytest
from tests.unit.orders.acting import Allot, Pay, Place
from tests.unit.orders.bookkeeper import told_too_early
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.evening import Evening, Wish
from tests.unit.orders.replicas import Broker, Replica
from tests.unit.orders.resting import at_peace, found_at_once, patient

from orders.settings import OrdersSettings
from orders.store import OrdersStore


@pytest.mark.parametrize("dies", [False, True])
def test_an_order_is_said_to_be_placed_before_it_is_said_to_be_paid(
    store: OrdersStore, own_settings: OrdersSettings, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    found_at_once(monkeypatch)
    evening, broker = Evening(), Broker()
    one, other = (Replica(patient(own_settings), broker, Refunds()) for _ in range(2))
    Allot(offered=9, limit=None, slot=None).run(evening, one)
    Place((Wish(stock=0, buyer=0, key=0, quantity=2),)).run(evening, one)
    Pay(0).run(evening, other)
    other.publish()
    if not dies:
        one.publish()
    at_peace(evening, broker, Replica(own_settings, broker, Refunds()), [other] if dies else [one, other])
    assert not told_too_early(broker.topics())
