"""The group-commit engine on a real database: exact under concurrency, and after a death between any two writes."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from pymongo.errors import AutoReconnect
from tests.unit.orders import builders
from tests.unit.orders.builders import allotment

from chassis.testing import FakeRelay
from orders import placing
from orders.domain import Accepted, Outcome, Refused, Replayed, Request
from orders.engine import Engine
from orders.model import Allotment
from orders.settings import OrdersSettings
from orders.store import OrderDoc, OrdersStore

Engines = Callable[[], Engine]


def request(of: Allotment, **fields: Any) -> Request:
    """One that does not lapse while the test runs: the builders live in 2018."""
    return builders.request(of, pay_by=None, **fields)


def exact(store: OrdersStore, key: str) -> Allotment:
    """The allotment, once its figures agree with one another and with the orders."""
    found = store.allotments.get(key)
    assert found is not None
    assert found.sold + found.remaining + found.returned == found.offered
    orders = [order for order in store.orders.find({"allotment_id": key}) if order.state != "cancelled"]
    assert sum(order.quantity for order in orders) == found.sold
    return found


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [type(outcome).__name__ for outcome in outcomes]


class Dies(Exception):
    """Stands for a process that is killed."""


def dies(*_: Any, **__: Any) -> Any:
    raise Dies


def away(*_: Any, **__: Any) -> Any:
    raise AutoReconnect("away")


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=50)
    store.allotments.add([made])
    return made


def test_the_next_may_decide_only_when_all_allotments_were_decided(
    engine: Engine, store: OrdersStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "_ALLOTMENTS_AT_ONCE", 2)
    stocks = [allotment(offered=1) for _ in range(5)]
    store.allotments.add(stocks)
    left: list[int] = []

    def passed() -> None:
        left.append(sum(one.remaining for one in store.allotments.many(of.id for of in stocks)))

    assert kinds(engine.placing.place([request(of) for of in stocks], passed)) == ["Accepted"] * 5
    assert left == [0]


def test_an_order_is_at_rest_with_its_event_before_the_buyer_is_told(
    engine: Engine, store: OrdersStore, stock: Allotment, relay: FakeRelay
) -> None:
    outcome = engine.place(request(stock, quantity=2))
    assert isinstance(outcome, Accepted)
    assert store.orders.get(outcome.order.id) is not None
    assert [(event.type, event.subject, event.sequence) for event in relay.sent] == [
        ("order.placed", outcome.order.id, 1)
    ]
    assert exact(store, stock.id).remaining == 48


def test_while_the_broker_is_away_each_order_carries_its_event_and_the_allotment_does_not_grow(
    engine: Engine, store: OrdersStore, stock: Allotment, relay: FakeRelay
) -> None:
    relay.behind = True
    outcome = engine.place(request(stock))
    assert isinstance(outcome, Accepted)
    document = OrderDoc._get_collection().find_one({"_id": outcome.order.id})
    assert document is not None
    assert [(event["type"], event["sequence"]) for event in document["outbox"]] == [("order.placed", 1)]
    assert (OrderDoc, outcome.order.id) in relay.told
    engine.tick()
    assert exact(store, stock.id).batches == {}


def test_a_batch_stays_until_the_broker_has_its_events_and_who_dies_before_is_stood_in_for(
    new_engine: Engines, store: OrdersStore, stock: Allotment, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = new_engine()
    with monkeypatch.context() as patch:
        patch.setattr(relay, "send", lambda *_: None)  # it is never told that they are published
        outcome = killed.place(request(stock))
    killed.tick()
    assert isinstance(outcome, Accepted)
    assert len(exact(store, stock.id).pending) == 1
    new_engine().sweep()
    assert [event.subject for event in relay.sent] == [outcome.order.id]
    assert exact(store, stock.id).pending == []


def test_one_write_decides_many_requests(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    outcomes = engine.placing.place([request(stock) for _ in range(60)])
    assert kinds(outcomes) == ["Accepted"] * 50 + ["Refused"] * 10
    found = exact(store, stock.id)
    assert (found.remaining, found.version) == (0, 1)


def test_many_allotments_are_decided_at_once(engine: Engine, store: OrdersStore) -> None:
    stocks = [allotment(offered=2) for _ in range(30)]
    store.allotments.add(stocks)
    outcomes = engine.placing.place([request(one) for one in stocks for _ in range(3)])
    assert kinds(outcomes) == ["Accepted", "Accepted", "Refused"] * 30
    for one in stocks:
        assert exact(store, one.id).remaining == 0


def test_an_unknown_allotment_is_not_found(engine: Engine) -> None:
    outcome = engine.place(request(allotment()))
    assert isinstance(outcome, Refused)
    assert outcome.refusal.status == 404


def test_64_buyers_on_three_replicas_get_exactly_what_there_is(new_engine: Engines, store: OrdersStore) -> None:
    stock = allotment(offered=200)
    store.allotments.add([stock])
    replicas = [new_engine() for _ in range(3)]

    def buy(_: int) -> Outcome:
        return random.choice(replicas).place(request(stock))

    with ThreadPoolExecutor(64) as crowd:
        outcomes = list(crowd.map(buy, range(400)))
    assert sorted(kinds(outcomes)) == ["Accepted"] * 200 + ["Refused"] * 200
    for engine in replicas:
        engine.tick()
    found = exact(store, stock.id)
    assert (found.remaining, found.batches, found.pending) == (0, {}, [])


def test_limits_hold_for_one_buyer_in_many_hurries_on_many_replicas(new_engine: Engines, store: OrdersStore) -> None:
    stock = allotment(offered=100, per_buyer_limit=3)
    store.allotments.add([stock])
    replicas = [new_engine() for _ in range(3)]
    with ThreadPoolExecutor(24) as crowd:
        outcomes = list(crowd.map(lambda n: replicas[n % 3].place(request(stock, buyer="greedy")), range(24)))
    assert sorted(kinds(outcomes)) == ["Accepted"] * 3 + ["Refused"] * 21
    assert exact(store, stock.id).sold == 3


def test_one_request_sent_many_times_at_once_is_one_order(new_engine: Engines, store: OrdersStore) -> None:
    stock = allotment(offered=10)
    store.allotments.add([stock])
    replicas = [new_engine() for _ in range(3)]
    with ThreadPoolExecutor(12) as crowd:
        outcomes = list(
            crowd.map(lambda n: replicas[n % 3].place(request(stock, buyer="b", key="k", quantity=2)), range(12))
        )
    assert sorted(kinds(outcomes)) == ["Accepted"] + ["Replayed"] * 11
    assert len({outcome.order.id for outcome in outcomes if isinstance(outcome, Accepted | Replayed)}) == 1
    assert exact(store, stock.id).sold == 2


def test_one_key_for_two_allotments_at_once_is_one_order_and_no_unit_is_lost(
    new_engine: Engines, store: OrdersStore
) -> None:
    stocks = [allotment(offered=10) for _ in range(2)]
    store.allotments.add(stocks)
    replicas = [new_engine() for _ in range(2)]
    with ThreadPoolExecutor(8) as crowd:
        outcomes = list(
            crowd.map(lambda n: replicas[n % 2].place(request(stocks[n % 2], buyer="b", key="k")), range(8))
        )
    refused = [outcome.refusal for outcome in outcomes if isinstance(outcome, Refused)]
    assert {refusal.code for refusal in refused} == {"idempotency-key-reused"}
    assert store.orders.collection.count_documents({}) == 1
    assert sum(exact(store, one.id).sold for one in stocks) == 1


def test_a_lost_race_for_a_key_takes_the_units_back(
    engine: Engine, store: OrdersStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = allotment(offered=10), allotment(offered=10)
    store.allotments.add([first, second])
    engine.place(request(first, buyer="b", key="k"))
    with monkeypatch.context() as patch:  # the other order comes between the reading and the inserting
        patch.setattr(engine.placing, "_taken", lambda *_: ({second.id: []}, set()))
        outcome = engine.place(request(second, buyer="b", key="k", quantity=4))
    assert isinstance(outcome, Refused)
    assert outcome.refusal.code == "idempotency-key-reused"
    found = exact(store, second.id)
    assert (found.sold, found.batches, found.pending) == (0, {}, [])


def test_killed_between_taking_and_inserting_the_next_buyer_finishes_the_batch(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, other = new_engine(), new_engine()
    lost = [request(stock, quantity=3) for _ in range(5)]
    with monkeypatch.context() as patch:
        patch.setattr(type(store.orders), "add", dies)
        with pytest.raises(Dies):
            killed.placing.place(lost)
    assert store.orders.collection.count_documents({}) == 0
    assert isinstance(other.place(request(stock)), Accepted)
    other.tick()
    found = exact(store, stock.id)
    assert (found.sold, found.batches, found.pending) == (16, {}, [])
    assert {order.id for order in store.orders.by_keys(one.request_key for one in lost)} == {
        one.order_id for one in lost
    }


def test_killed_between_taking_and_inserting_a_sweep_finishes_the_batch_and_the_retry_gets_its_order(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = request(stock, buyer="b", key="k", quantity=3)
    with monkeypatch.context() as patch:
        patch.setattr(type(store.orders), "add", dies)
        with pytest.raises(Dies):
            new_engine().placing.place([wish])
    new_engine().sweep()
    again = new_engine().place(request(stock, buyer="b", key="k", quantity=3))
    assert isinstance(again, Replayed)
    assert again.order.id == wish.order_id
    found = exact(store, stock.id)
    assert (found.sold, found.batches, found.pending) == (3, {}, [])


def test_who_asks_again_is_told_of_no_order_that_is_not_at_rest_yet(
    store: OrdersStore, own_settings: OrdersSettings, provider: Any, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = msgspec.structs.replace(own_settings, settle_after_seconds=3600.0)  # nobody's batch is old
    wish = request(stock, buyer="b", key="k", quantity=3)
    with monkeypatch.context() as patch:
        patch.setattr(type(store.orders), "add", dies)
        with pytest.raises(Dies):
            Engine(store, patient, provider).placing.place([wish])
    assert store.orders.get(wish.order_id) is None
    again = Engine(store, patient, provider).place(request(stock, buyer="b", key="k", quantity=3))
    assert isinstance(again, Replayed)
    assert store.orders.get(again.order.id) is not None
    assert exact(store, stock.id).sold == 3


def test_who_asks_again_is_not_promised_an_order_that_can_never_be(
    store: OrdersStore, own_settings: OrdersSettings, provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last place of a buyer's limit was decided upon twice, in two documents; who decided second died."""
    patient = msgspec.structs.replace(own_settings, settle_after_seconds=3600.0)
    of = allotment(offered=50, per_buyer_limit=2, loans=1)
    store.allotments.add([of])
    add = type(store.orders).add

    def dies_after_the_other_got_it(rows: Any, orders: Any, *_: Any) -> Any:
        """The other decided in a bucket of its own, for another request of the same buyer."""
        (order,) = orders
        add(rows, [msgspec.structs.replace(order, id=f"{order.id}-first", keys=["first", *order.keys[1:]])])
        raise Dies

    with monkeypatch.context() as patch:
        patch.setattr(type(store.orders), "add", dies_after_the_other_got_it)
        with pytest.raises(Dies):
            Engine(store, patient, provider).placing.place([request(of, buyer="b", key="k", quantity=2)])
    again = Engine(store, patient, provider).place(request(of, buyer="b", key="k", quantity=2))
    assert isinstance(again, Refused)
    assert again.refusal.code == "per-buyer-limit"


def test_killed_in_the_middle_of_inserting_the_sweep_inserts_the_rest(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = type(store.orders).add

    def half(self: Any, orders: Any, *told: Any) -> Any:
        add(self, list(orders)[: len(orders) // 2], *told)
        raise Dies

    with monkeypatch.context() as patch:
        patch.setattr(type(store.orders), "add", half)
        with pytest.raises(Dies):
            new_engine().placing.place([request(stock) for _ in range(10)])
    new_engine().sweep()
    assert exact(store, stock.id).sold == 10


def test_who_finishes_for_the_dead_and_finds_the_database_away_finishes_later(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper = new_engine()
    with monkeypatch.context() as patch:
        patch.setattr(type(store.orders), "add", dies)
        with pytest.raises(Dies):
            new_engine().placing.place([request(stock) for _ in range(3)])
    with monkeypatch.context() as patch:
        patch.setattr(type(store.orders), "add", away)
        with pytest.raises(AutoReconnect):
            sweeper.sweep()
    sweeper.sweep()
    found = exact(store, stock.id)
    assert (found.sold, found.batches, found.pending) == (3, {}, [])


def test_killed_before_the_batch_is_removed_nothing_happens_twice(
    new_engine: Engines, store: OrdersStore, stock: Allotment, relay: FakeRelay
) -> None:
    new_engine().placing.place([request(stock) for _ in range(10)])
    for _ in range(2):
        new_engine().sweep()
    found = exact(store, stock.id)
    assert (found.sold, found.batches, found.pending) == (10, {}, [])
    assert len({event.id for event in relay.sent}) == 10


def test_two_who_settle_the_same_batch_at_once_do_it_once(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(store.orders), "add", dies)
        with pytest.raises(Dies):
            new_engine().placing.place([request(stock) for _ in range(20)])
    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(lambda engine: engine.sweep(), [new_engine() for _ in range(4)]))
    assert exact(store, stock.id).sold == 20


def test_what_was_given_up_is_no_order_for_anybody_and_never_becomes_one(store: OrdersStore, stock: Allotment) -> None:
    given_up, real = (builders.order(stock) for _ in range(2))
    store.orders.add([real])
    store.orders.give_up([given_up.id, real.id])
    assert store.orders.add([given_up]) == {given_up.id}
    assert store.orders.get(given_up.id) is None
    assert store.orders.existing([given_up.id, real.id]) == {real.id}
    assert [one.id for one in store.orders.many([given_up.id, real.id])] == [real.id]
    assert [one.id for one in store.orders.page({}, None, 1)] == [real.id]


def test_an_outage_while_taking_leaves_nothing_and_the_retry_is_served(
    engine: Engine, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = request(stock)
    with monkeypatch.context() as patch:
        patch.setattr(type(store.allotments), "take", away)
        with pytest.raises(AutoReconnect):
            engine.place(wish)
    assert isinstance(engine.place(wish), Accepted)
    assert exact(store, stock.id).sold == 1


def test_once_sold_out_a_refusal_costs_no_write_and_a_replay_is_still_answered(
    engine: Engine, store: OrdersStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = allotment(offered=1)
    store.allotments.add([stock])
    engine.place(request(stock, buyer="b", key="k"))
    engine.tick()
    engine.placing._sold_out_memory = 60.0
    engine.place(request(stock))
    for write in ("take", "apply", "change", "tidy"):
        monkeypatch.setattr(type(store.allotments), write, dies)
    monkeypatch.setattr(type(store.allotments), "many", lambda *_: [])
    refused = engine.place(request(stock))
    assert isinstance(refused, Refused)
    assert refused.refusal.figures["remaining"] == 0
    assert isinstance(engine.place(request(stock, buyer="b", key="k")), Replayed)


def test_missed_demand_is_added_up_and_told_in_one_event(engine: Engine, store: OrdersStore) -> None:
    stock = allotment(offered=1)
    store.allotments.add([stock])
    engine.placing.place([request(stock, quantity=2) for _ in range(5)])
    engine.tick()
    engine.tick()
    document = store.allotments.collection.find_one({"_id": stock.id})
    assert document is not None
    [event] = document["outbox"]
    assert (event["type"], event["sequence"], b'"quantity":5' in event["data"]) == ("demand.missed", 1, True)


def test_requests_are_placed_under_the_ids_they_came_with(engine: Engine, stock: Allotment) -> None:
    wishes: list[Request] = [request(stock) for _ in range(3)]
    outcomes = engine.placing.place(wishes)
    assert [outcome.order.id for outcome in outcomes if isinstance(outcome, Accepted)] == [
        wish.order_id for wish in wishes
    ]
