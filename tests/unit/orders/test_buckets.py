"""Buckets on a real database: replicas that fight for an allotment sell from documents of their own, exactly."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.orders import builders
from tests.unit.orders.builders import allotment

from orders import batches, domain, lending
from orders.domain import Accepted, Outcome, Refused, Request
from orders.engine import Engine
from orders.model import Allotment, Batch, Bucket
from orders.settling import batch_id
from orders.store import OrdersStore, Taking

Engines = Callable[[], Engine]


def request(of: Allotment, **fields: Any) -> Request:
    """One that does not lapse while the test runs: the builders live in 2018."""
    return builders.request(of, pay_by=None, **fields)


class Dies(Exception):
    """Stands for a process that is killed."""


def dies(*_: Any, **__: Any) -> Any:
    raise Dies


def exact(store: OrdersStore, key: str) -> Allotment:
    """The allotment with its buckets as buyers see it, once its figures agree with one another and with the orders."""
    found = store.allotments.get(key)
    assert found is not None
    out = store.buckets.of([key])
    for bucket in out:
        assert bucket.sold + bucket.remaining + bucket.returned == bucket.units
    whole = lending.whole(found, out)
    assert found.sold + found.remaining + found.returned == whole.offered
    orders = [order for order in store.orders.find({"allotment_id": key}) if order.state != "cancelled"]
    assert sum(order.quantity for order in orders) == whole.sold
    return whole


def lent(engine: Engine, of: Allotment) -> None:
    """Let the engine open a bucket with its next order, as after losing the document to others again and again."""
    for _ in range(4):
        engine.placing.buckets.lost(of.id)
    assert isinstance(engine.place(request(of)), Accepted)


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=1000)
    store.allotments.add([made])
    return made


def test_a_replica_alone_opens_no_bucket(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    for _ in range(10):
        engine.place(request(stock))
    found = store.allotments.get(stock.id)
    assert found is not None
    assert found.loans == 0


def test_who_keeps_losing_the_document_sells_from_a_bucket(
    engine: Engine, store: OrdersStore, stock: Allotment
) -> None:
    lent(engine, stock)
    before = store.allotments.get(stock.id)
    assert isinstance(engine.place(request(stock, quantity=7)), Accepted)
    after = store.allotments.get(stock.id)
    assert before is not None
    assert after is not None
    assert after.version == before.version
    [bucket] = store.buckets.unsettled([stock.id])
    assert (bucket.units, bucket.remaining, bucket.sold) == (249, 242, 7)
    assert exact(store, stock.id).remaining == 992


def test_no_unit_in_a_bucket_is_out_of_reach(new_engine: Engines, store: OrdersStore, stock: Allotment) -> None:
    holder, other = new_engine(), new_engine()
    lent(holder, stock)
    assert isinstance(other.place(request(stock, quantity=999)), Accepted)
    refused = other.place(request(stock))
    assert isinstance(refused, Refused)
    assert refused.refusal.figures["remaining"] == 0
    assert isinstance(holder.place(request(stock)), Refused)
    assert exact(store, stock.id).remaining == 0


def test_a_refusal_counts_what_buckets_hold(new_engine: Engines, store: OrdersStore, stock: Allotment) -> None:
    holder, other = new_engine(), new_engine()
    lent(holder, stock)
    refused = other.place(request(stock, quantity=1000))
    assert isinstance(refused, Refused)
    assert refused.refusal.figures["remaining"] == 999
    assert exact(store, stock.id).remaining == 999


def test_64_buyers_on_three_replicas_with_buckets_get_exactly_what_there_is(
    new_engine: Engines, store: OrdersStore
) -> None:
    stock = allotment(offered=600)
    store.allotments.add([stock])
    replicas = [new_engine() for _ in range(3)]
    for replica in replicas[:2]:
        lent(replica, stock)

    def buy(_: int) -> Outcome:
        return random.choice(replicas).place(request(stock))

    with ThreadPoolExecutor(64) as crowd:
        outcomes = list(crowd.map(buy, range(900)))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 598
    assert {outcome.refusal.figures["remaining"] for outcome in outcomes if isinstance(outcome, Refused)} == {0}
    for replica in replicas:
        replica.tick()
    assert exact(store, stock.id).sold == 600


def test_a_limit_holds_whatever_document_the_units_come_from(new_engine: Engines, store: OrdersStore) -> None:
    stock = allotment(offered=2000, per_buyer_limit=3)
    store.allotments.add([stock])
    replicas = [new_engine() for _ in range(3)]
    for replica in replicas[:2]:
        lent(replica, stock)
    with ThreadPoolExecutor(24) as crowd:
        outcomes = list(crowd.map(lambda n: replicas[n % 3].place(request(stock, buyer="greedy")), range(24)))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 3
    assert {outcome.refusal.code for outcome in outcomes if isinstance(outcome, Refused)} == {"per-buyer-limit"}
    for replica in replicas:
        replica.tick()
    assert exact(store, stock.id).sold == 5


def test_one_key_on_many_replicas_with_buckets_is_one_order(new_engine: Engines, store: OrdersStore) -> None:
    stock = allotment(offered=2000)
    store.allotments.add([stock])
    replicas = [new_engine() for _ in range(3)]
    for replica in replicas[:2]:
        lent(replica, stock)
    with ThreadPoolExecutor(12) as crowd:
        outcomes = list(crowd.map(lambda n: replicas[n % 3].place(request(stock, buyer="b", key="k")), range(12)))
    assert len({outcome.order.id for outcome in outcomes if not isinstance(outcome, Refused)}) == 1
    assert not any(isinstance(outcome, Refused) for outcome in outcomes)
    for replica in replicas:
        replica.tick()
    assert exact(store, stock.id).sold == 3


@pytest.mark.parametrize(("rows", "step"), [("buckets", "add"), ("orders", "add")])
def test_killed_while_opening_a_bucket_the_units_are_not_lost(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch, rows: str, step: str
) -> None:
    killed = new_engine()
    for _ in range(4):
        killed.placing.buckets.lost(stock.id)
    with monkeypatch.context() as patch:
        patch.setattr(type(getattr(store, rows)), step, dies)
        with pytest.raises(Dies):
            killed.place(request(stock))
    new_engine().sweep()
    assert isinstance(new_engine().place(request(stock, quantity=999)), Accepted)
    assert exact(store, stock.id).remaining == 0


@pytest.mark.parametrize(
    ("rows", "step"),
    [("buckets", "apply"), ("allotments", "apply"), ("buckets", "settled"), ("allotments", "forget_recalled")],
)
def test_killed_while_a_bucket_is_brought_back_nothing_comes_back_twice(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch, rows: str, step: str
) -> None:
    lent(new_engine(), stock)
    with monkeypatch.context() as patch:
        patch.setattr(type(getattr(store, rows)), step, dies)
        with pytest.raises(Dies):
            new_engine().place(request(stock, quantity=1000))
    for _ in range(2):
        new_engine().sweep()
    assert isinstance(new_engine().place(request(stock, quantity=999)), Accepted)
    assert exact(store, stock.id).remaining == 0


def test_closed_with_buckets_open_everything_unsold_goes_back(
    new_engine: Engines, store: OrdersStore, stock: Allotment
) -> None:
    lent(new_engine(), stock)
    closed = new_engine().allotments.close(stock.id)
    assert closed is not None
    assert (closed.sold, closed.returned, closed.revision) == (1, 999, 1)
    assert exact(store, stock.id).returned == 999


def test_units_of_a_void_line_go_back_to_their_bucket_or_if_it_is_closed_are_owed() -> None:
    holds = Bucket(id="b", allotment_id="a", units=10, remaining=4, sold=6)
    assert lending.unsell(holds, 2, builders.NOW).fields == {"sold": 4, "remaining": 6}
    recalled = lending.recall(holds, builders.NOW)
    assert recalled is not None
    assert [one.amount for one in recalled.append["owed"]] == [4]
    closed = Bucket(id="b", allotment_id="a", units=10, remaining=0, sold=6, state="settled", version=3)
    change = lending.unsell(closed, 2, builders.NOW)
    assert (change.fields, [one.amount for one in change.append["owed"]]) == (
        {"sold": 4, "state": "closed", "returned": 2},
        [2],
    )


def test_a_loan_that_is_not_at_rest_yet_is_seen_in_its_batch() -> None:
    stock = allotment(offered=100, sold=30, loans=1, batches={"b": batches.written(Batch(loan=20))}, pending=["b"])
    assert lending.whole(stock, []).sold == 10
    assert lending.whole(stock, [lending.bucket(stock.id, "b", 20)]).remaining == 90


def test_a_sweep_that_took_its_time_makes_no_order_of_a_line_that_was_void(
    new_engine: Engines, store: OrdersStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line could not be, for its buyer had the last place of the limit; meanwhile that place became free."""
    slow, other = new_engine(), new_engine()
    stock = allotment(offered=10, per_buyer_limit=1, loans=1)
    store.allotments.add([stock])
    first = other.place(request(stock, buyer="b"))
    assert isinstance(first, Accepted)
    now = store.allotments.get(stock.id)
    assert now is not None
    lines = domain.decide(now, (), [request(now, buyer="b")]).lines
    store.allotments.take([Taking(now, batch_id(datetime.now(UTC) - timedelta(minutes=1)), Batch(lines=lines))])
    find = type(store.allotments).left_behind

    def long_ago(rows: Any, before_batch: str) -> list[Allotment]:
        found = find(rows, before_batch)
        monkeypatch.setattr(type(store.allotments), "left_behind", find)
        other.sweep()
        other.aftercare.cancel(first.order.id, "buyer")
        return list(found)

    monkeypatch.setattr(type(store.allotments), "left_behind", long_ago)
    slow.sweep()
    assert exact(store, stock.id).sold == 0
