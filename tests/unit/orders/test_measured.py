"""What is measured of placing and paying: how each ended, how long it took, and the first order of a window once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.scraped import here, series, value
from tests.unit.orders import builders
from tests.unit.orders.test_watching import on_screen

from chassis.refusals import Unavailable
from contracts import metrics as declared
from orders.engine import Engine
from orders.payments import Purchase, Refund, RefundRefused, TestProvider
from orders.payments.measured import Measured
from orders.store import OrdersStore

Engines = Callable[[], Engine]


def ended() -> dict[str, float]:
    return {outcome: count for (outcome,), count in series(here(), declared.PLACE_SECONDS, "_count").items()}


def gained(before: dict[str, float]) -> dict[str, float]:
    return {outcome: count - before.get(outcome, 0) for outcome, count in ended().items() if count != before[outcome]}


def test_each_order_is_timed_by_how_it_ended(
    engine: Engine, store: OrdersStore, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = builders.allotment(offered=1)
    store.allotments.add([stock])
    wish = builders.request(stock, arrived_at=now, placed_at=now, pay_by=None)
    before, commits = ended(), value(here(), declared.PLACING_COMMIT_SECONDS, "_count") or 0
    engine.place(wish)
    engine.place(wish)
    engine.place(builders.request(stock, arrived_at=now))
    assert gained(before) == {"placed": 1, "replayed": 1, "refused": 1}
    assert value(here(), declared.PLACING_COMMIT_SECONDS, "_count") == commits + 3

    def busy(*_: Any) -> Any:
        raise Unavailable("busy", "Too many are buying this at once.")

    monkeypatch.setattr(engine.placing, "_place_group", busy)
    with pytest.raises(Unavailable):
        engine.place(wish)
    assert gained(before)["failed"] == 1


def firsts() -> tuple[float, float]:
    text = here()
    count = value(text, declared.FIRST_ORDER_SECONDS, "_count") or 0
    return count, value(text, declared.FIRST_ORDER_SECONDS, "_sum") or 0


def test_the_first_order_of_a_window_is_timed_once_among_all_replicas(
    new_engine: Engines, store: OrdersStore, now: datetime
) -> None:
    slot = on_screen(store, now, offered=40, sold=3, sold_before_window=3, opens_at=now - timedelta(seconds=7))
    before = firsts()
    for engine in (new_engine(), new_engine(), new_engine()):
        engine.place(builders.request(slot, arrived_at=now, placed_at=now, pay_by=None))
    count, seconds = firsts()
    assert count - before[0] == 1
    assert seconds - before[1] == pytest.approx(7, abs=0.01)


def test_the_first_order_of_a_rehearsal_or_of_a_shelf_is_not(engine: Engine, store: OrdersStore, now: datetime) -> None:
    rehearsed, shelf = on_screen(store, now, rehearsal=True), builders.allotment()
    store.allotments.add([shelf])
    before = firsts()
    for stock in (rehearsed, shelf):
        engine.place(builders.request(stock, arrived_at=now, placed_at=now, pay_by=None))
    assert firsts() == before


def test_the_first_order_beside_buckets_of_an_earlier_window_is_not_timed_for_they_sold_before_it_unseen(
    engine: Engine, store: OrdersStore, now: datetime
) -> None:
    slot = on_screen(store, now, offered=40, sold=30, sold_before_window=30, loans=1)
    before = firsts()
    engine.place(builders.request(slot, arrived_at=now, placed_at=now, pay_by=None))
    assert firsts() == before


def test_a_provider_is_timed_by_operation_and_end() -> None:
    provider = Measured(TestProvider())
    purchase = Purchase(order_id="o", amount_fen=100, description="kiwifruit")

    def counted(operation: str, outcome: str) -> float:
        labels = {"provider": "test", "operation": operation, "outcome": outcome}
        return value(here(), declared.PAYMENT_SECONDS, "_count", **labels) or 0

    known = {("charge", end): counted("charge", end) for end in ("paid", "declined", "pending", "failed")}
    for token in ("ok", "declined", "slow"):
        provider.charge(purchase, token)
    with pytest.raises(Unavailable):
        provider.charge(purchase, "away")
    assert {key: counted(*key) - count for key, count in known.items()} == dict.fromkeys(known, 1)

    unknown, refused = counted("find", "unknown"), counted("refund", "refused")
    assert provider.find(Purchase(order_id="other", amount_fen=100, description="")) is None
    with pytest.raises(RefundRefused):
        provider.refund(Refund(order_id="o", payment_id="not-ours", paid=100, amount=100, key="k"))
    assert (counted("find", "unknown"), counted("refund", "refused")) == (unknown + 1, refused + 1)
