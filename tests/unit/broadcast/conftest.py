"""Fixtures of broadcast's tests: callers, what is known, and the real store on a fresh database."""

from collections.abc import Iterator

import pytest

from broadcast.domain import Caller
from broadcast.lineup import Known
from broadcast.settings import BroadcastSettings
from broadcast.store import BroadcastStore
from chassis.config import load
from chassis.testing import FakeRelay, connected

from .stages import LEISHAN, XIUWEN, an_item


@pytest.fixture
def platform() -> Caller:
    return Caller(platform=True)


@pytest.fixture
def xiuwen() -> Caller:
    return Caller(platform=False, county=XIUWEN)


@pytest.fixture
def known() -> Known:
    """Two counties, with a kiwi and a tea each."""
    items = [an_item(county, sku) for county in (XIUWEN, LEISHAN) for sku in ("KIWI", "TEA")]
    return Known(frozenset({XIUWEN, LEISHAN}), {(item.county, item.sku): item for item in items})


@pytest.fixture
def relay() -> FakeRelay:
    return FakeRelay()


@pytest.fixture
def empty_store(settings: dict[str, str], relay: FakeRelay) -> Iterator[BroadcastStore]:
    """The real store on a fresh database; only the relay is a fake."""
    loaded = load(BroadcastSettings, settings)
    with connected(loaded, "broadcast", BroadcastStore.documents):
        yield BroadcastStore(relay, loaded)  # type: ignore[arg-type]  # stands for the relay
