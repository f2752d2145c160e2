"""The store of orders on a real database, and engines on it as different processes would have them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from chassis.config import load
from chassis.testing import FakeRelay, connected
from orders.engine import Engine
from orders.payments import Refund, TestProvider
from orders.settings import OrdersSettings
from orders.store import OrdersStore


class Refunds(TestProvider):
    """The test provider, remembering what it gave back."""

    def __init__(self) -> None:
        super().__init__(webhook_secret="shared with nobody else")
        self.given: dict[str, int] = {}

    def refund(self, refund: Refund) -> None:
        super().refund(refund)
        self.given[refund.key] = refund.amount


@pytest.fixture
def own_settings(settings: dict[str, str]) -> OrdersSettings:
    return load(OrdersSettings, {**settings, "SETTLE_AFTER_SECONDS": "0", "SOLD_OUT_MEMORY_SECONDS": "0"})


@pytest.fixture
def relay() -> FakeRelay:
    return FakeRelay()


@pytest.fixture
def store(own_settings: OrdersSettings, relay: FakeRelay) -> Iterator[OrdersStore]:
    with connected(own_settings, "orders", OrdersStore.documents):
        yield OrdersStore(relay, own_settings)


@pytest.fixture
def provider() -> Refunds:
    return Refunds()


@pytest.fixture
def new_engine(store: OrdersStore, own_settings: OrdersSettings, provider: Refunds) -> Callable[[], Engine]:
    """Each call makes what one more replica would have."""
    return lambda: Engine(store, own_settings, provider)


@pytest.fixture
def engine(new_engine: Callable[[], Engine]) -> Engine:
    return new_engine()


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)
