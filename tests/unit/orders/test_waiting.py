"""The waitlist on a real database: exact in its order and its units, whoever joins, leaves, serves or dies."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.orders import builders
from tests.unit.orders.builders import allotment, slot
from tests.unit.orders.test_placing import Dies, dies, exact

from chassis.refusals import Conflict, Invalid, NotFound
from contracts.ids import new_id
from orders import waitlist
from orders.domain import Accepted, Outcome, Refused
from orders.engine import Engine
from orders.joining import Joined
from orders.model import Allotment, Bucket, Entry, Order
from orders.store import OrdersStore

Engines = Callable[[], Engine]


def join(engine: Engine, of: Allotment, buyer: str, quantity: int = 1, key: str = "k", **fields: Any) -> Joined:
    now = datetime.now(UTC)
    known = {"request_key": waitlist.entry_key(buyer, key), "arrived_at": now, "placed_at": now}
    return engine.joining.join(builders.request(of, buyer=buyer, quantity=quantity, **(known | fields)))


def buy(engine: Engine, of: Allotment, **fields: Any) -> Outcome:
    now = datetime.now(UTC)
    known = {"arrived_at": now, "placed_at": now, "pay_by": now + timedelta(minutes=15)}
    return engine.place(builders.request(of, **(known | fields)))


def bought(engine: Engine, of: Allotment, **fields: Any) -> Order:
    outcome = buy(engine, of, **fields)
    assert isinstance(outcome, Accepted), outcome
    return outcome.order


def on_air(**fields: Any) -> Allotment:
    now = datetime.now(UTC)
    window = {"opens_at": now - timedelta(minutes=1), "closes_at": now + timedelta(minutes=9)}
    return slot(**(window | fields))


def states(store: OrdersStore, of: Allotment) -> list[tuple[str, str]]:
    entries = sorted(store.waitlist.find({"allotment_id": of.id}), key=lambda entry: entry.ticket)
    return [(entry.buyer_id, entry.state) for entry in entries]


def at_peace(store: OrdersStore, of: Allotment) -> Allotment:
    """Exact, nothing due, and what counts as waiting is what waits."""
    found = exact(store, of.id)
    least, _ = store.waitlist.least_and_units(of.id)
    assert (found.joining, found.attend_since, found.least_waiting) == ([], None, least)
    return found


def offers(store: OrdersStore) -> list[str]:
    return [
        row["_id"]
        for row in store.waitlist.collection.find({})
        for event in row["outbox"]
        if "offered" in event["type"]
    ]


@pytest.fixture
def stock(store: OrdersStore) -> Allotment:
    made = allotment(offered=4)
    store.allotments.add([made])
    return made


@pytest.fixture
def sold(engine: Engine, stock: Allotment) -> list[Order]:
    """All of it, to buyers s0 … s3."""
    return [bought(engine, stock, buyer=f"s{n}") for n in range(4)]


def test_nobody_waits_for_what_can_be_bought(engine: Engine, store: OrdersStore, stock: Allotment) -> None:
    with pytest.raises(Conflict, match="still-available") as refusal:
        join(engine, stock, "early", 4)
    assert refusal.value.figures["remaining"] == 4
    assert join(engine, stock, "greedy", 5).position == 1
    assert isinstance(buy(engine, stock, quantity=4), Accepted)  # which he cannot use
    assert at_peace(store, stock).least_waiting == 5


def test_a_joining_sent_twice_is_one_place(engine: Engine, stock: Allotment, sold: list[Order]) -> None:
    first, again = join(engine, stock, "w1"), join(engine, stock, "w1")
    assert (first.entry.id, first.again, again.again) == (again.entry.id, False, True)
    with pytest.raises(Invalid, match="idempotency-key-reused"):
        join(engine, stock, "w1", 2)
    with pytest.raises(Conflict, match="already-waiting"):
        join(engine, stock, "w1", key="another")


def test_the_rules_of_buying_are_those_of_waiting(engine: Engine, store: OrdersStore) -> None:
    limited = on_air(offered=2, per_buyer_limit=2)
    over = on_air(offered=1, sold=1, closes_at=datetime.now(UTC) - timedelta(seconds=1))
    store.allotments.add([limited, over])
    bought(engine, limited, buyer="b1", quantity=2)
    with pytest.raises(Conflict, match="per-buyer-limit"):
        join(engine, limited, "b1")
    with pytest.raises(Conflict, match="window-closed"):
        join(engine, over, "b1")
    engine.allotments.close(limited.id)
    with pytest.raises(Conflict, match="allotment-closed"):
        join(engine, limited, "b2")
    with pytest.raises(NotFound):
        join(engine, allotment(), "b1")


def test_what_is_given_up_is_offered_to_who_waited_longest(
    engine: Engine, store: OrdersStore, stock: Allotment, sold: list[Order]
) -> None:
    for n in range(3):
        assert join(engine, stock, f"w{n}").position == n + 1
    engine.aftercare.cancel(sold[0].id, "buyer")
    assert states(store, stock) == [("w0", "offered"), ("w1", "waiting"), ("w2", "waiting")]
    at_peace(store, stock)
    (entry,) = store.waitlist.find({"state": "offered"})
    order = store.orders.get(entry.order_id or "")
    assert order is not None
    assert (order.buyer_id, order.state, order.pay_by) == ("w0", "placed", entry.offer_until)
    assert offers(store) == [entry.id]


def test_an_offer_that_lapses_goes_to_the_next(
    engine: Engine, store: OrdersStore, stock: Allotment, sold: list[Order]
) -> None:
    join(engine, stock, "w0")
    join(engine, stock, "w1")
    engine.aftercare.cancel(sold[0].id, "buyer")
    (entry,) = store.waitlist.find({"state": "offered"})
    store.orders.collection.update_one({"_id": entry.order_id}, {"$set": {"pay_by": datetime(2018, 1, 1, tzinfo=UTC)}})
    engine.sweep()
    assert states(store, stock) == [("w0", "offered"), ("w1", "offered")]
    at_peace(store, stock)


def test_who_wants_more_than_is_free_holds_up_nobody_behind_them(
    engine: Engine, store: OrdersStore, stock: Allotment, sold: list[Order]
) -> None:
    join(engine, stock, "large", 3)
    join(engine, stock, "small", 1)
    engine.aftercare.cancel(sold[0].id, "buyer")
    assert states(store, stock) == [("large", "waiting"), ("small", "offered")]
    engine.aftercare.cancel(sold[1].id, "buyer")
    assert isinstance(buy(engine, stock, quantity=1), Accepted), "what nobody who waits can use is anybody's"
    assert at_peace(store, stock).least_waiting == 3


def test_nobody_buys_past_who_waits(
    engine: Engine, store: OrdersStore, stock: Allotment, sold: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    join(engine, stock, "w0", 2)
    with monkeypatch.context() as patch:
        patch.setattr(type(engine.waiting), "attend", lambda *_: None)  # the moment before they are served
        for order in sold[:2]:
            engine.aftercare.cancel(order.id, "buyer")
        outcome = buy(engine, stock, quantity=1)
    assert isinstance(outcome, Refused)
    assert outcome.refusal.figures["remaining"] == 0
    engine.sweep()
    assert states(store, stock) == [("w0", "offered")]
    at_peace(store, stock)


def test_who_leaves_is_not_served_and_holds_nothing(
    engine: Engine, store: OrdersStore, stock: Allotment, sold: list[Order]
) -> None:
    first, second = join(engine, stock, "w0").entry, join(engine, stock, "w1", 3).entry
    engine.waiting.leave(first)
    engine.waiting.leave(first)
    assert at_peace(store, stock).least_waiting == 3
    engine.aftercare.cancel(sold[0].id, "buyer")
    assert isinstance(buy(engine, stock), Accepted)
    assert engine.joining.position(second) == 1
    assert join(engine, stock, "w0", key="again").position == 2


def test_who_was_offered_cancels_the_order_and_cannot_leave(
    engine: Engine, store: OrdersStore, stock: Allotment, sold: list[Order]
) -> None:
    entry = join(engine, stock, "w0").entry
    engine.aftercare.cancel(sold[0].id, "buyer")
    with pytest.raises(Conflict, match="already-offered"):
        engine.waiting.leave(store.waitlist.get(entry.id) or entry)


def test_the_live_price_of_when_they_joined_holds_for_who_waited(engine: Engine, store: OrdersStore) -> None:
    stock = on_air(offered=1, live_price_fen=3990)
    store.allotments.add([stock])
    order = bought(engine, stock)
    join(engine, stock, "w0")
    later = datetime.now(UTC) + timedelta(seconds=5)
    window = {"opens_at": later, "closes_at": later + timedelta(minutes=1), "live_price_fen": 4500}
    store.allotments.collection.update_one({"_id": stock.id}, {"$set": window})  # featured again, dearer
    engine.aftercare.cancel(order.id, "buyer")
    (entry,) = store.waitlist.find({"state": "offered"})
    offered = store.orders.get(entry.order_id or "")
    assert offered is not None
    assert offered.unit_price_fen == 3990


def test_who_bought_their_limit_elsewhere_is_passed_over(engine: Engine, store: OrdersStore) -> None:
    stock = on_air(offered=3, per_buyer_limit=2)
    store.allotments.add([stock])
    first = bought(engine, stock, buyer="b1", quantity=2)
    join(engine, stock, "w0", 2)
    bought(engine, stock, buyer="w0", quantity=1)
    join(engine, stock, "w1", 1)
    engine.aftercare.cancel(first.id, "buyer")
    assert states(store, stock) == [("w0", "passed"), ("w1", "offered")]
    at_peace(store, stock)


def test_a_thousand_join_in_few_writes_each_with_a_ticket_of_their_own(
    engine: Engine, store: OrdersStore, stock: Allotment, sold: list[Order]
) -> None:
    before = at_peace(store, stock).version
    with ThreadPoolExecutor(100) as crowd:
        joined = list(crowd.map(lambda n: join(engine, stock, f"w{n}"), range(1_000)))
    assert at_peace(store, stock).version - before < 200
    assert sorted(one.entry.ticket for one in joined) == list(range(1, 1_001))
    assert sorted(one.position or 0 for one in joined) == list(range(1, 1_001))


def test_on_three_replicas_units_come_back_and_each_is_offered_once_in_order(
    new_engine: Engines, store: OrdersStore
) -> None:
    stock = allotment(offered=30)
    store.allotments.add([stock])
    replicas = [new_engine() for _ in range(3)]
    orders = [bought(replicas[0], stock) for _ in range(30)]

    def come_and_go(n: int) -> None:
        engine = replicas[n % 3]
        if n % 2:
            engine.aftercare.cancel(orders[n // 2].id, "buyer")
        else:
            join(engine, stock, f"w{n // 2:02}")

    for n in range(20):
        join(replicas[n % 3], stock, f"first{n:02}")
    with ThreadPoolExecutor(12) as crowd:
        list(crowd.map(come_and_go, range(60)))
    for engine in replicas:
        engine.sweep()
    found = at_peace(store, stock)
    assert found.remaining == 0
    served = [state for _, state in states(store, stock)]
    assert served == ["offered"] * 30 + ["waiting"] * 20
    assert len(offers(store)) == len(set(offers(store))) == 30


@pytest.mark.parametrize(
    ("rows", "step"),
    [
        ("waiting", "attend"),  # the units are back
        ("waitlist", "call"),  # … who is served is found, not called
        ("placing", "place"),  # … called, no order placed
        ("waiting", "_write"),  # … the order is placed, the entry does not know
        ("waitlist", "least_and_units"),  # … the entry says it, the allotment is not counted again
    ],
)
def test_killed_anywhere_while_serving_the_sweep_serves_each_once(
    new_engine: Engines,
    store: OrdersStore,
    stock: Allotment,
    sold: list[Order],
    monkeypatch: pytest.MonkeyPatch,
    rows: str,
    step: str,
) -> None:
    engine = new_engine()
    join(engine, stock, "w0")
    join(engine, stock, "w1", 4)
    owner = {"waiting": engine.waiting, "placing": engine.placing}.get(rows, store.waitlist)
    with monkeypatch.context() as patch:
        patch.setattr(type(owner), step, dies)
        with pytest.raises(Dies):
            engine.aftercare.cancel(sold[0].id, "buyer")
    for _ in range(2):
        new_engine().sweep()
    assert states(store, stock) == [("w0", "offered"), ("w1", "waiting")]
    assert len(offers(store)) == 1
    assert at_peace(store, stock).remaining == 0


def test_an_order_that_was_placed_for_them_is_found_though_nothing_is_free_any_more(
    new_engine: Engines, store: OrdersStore, stock: Allotment, sold: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine()
    entry = join(engine, stock, "w0").entry
    with monkeypatch.context() as patch:
        patch.setattr(type(engine.waiting), "_write", dies)
        with pytest.raises(Dies):
            engine.aftercare.cancel(sold[0].id, "buyer")
    with pytest.raises(Conflict, match="already-offered"):  # called: a place that may have an order is not left
        engine.waiting.leave(store.waitlist.get(entry.id) or entry)
    new_engine().allotments.close(stock.id)
    assert states(store, stock) == [("w0", "offered")]
    exact(store, stock.id)


@pytest.mark.parametrize("step", ["put_at_rest", "attend"])
def test_killed_while_joining_they_wait_all_the_same(
    new_engine: Engines,
    store: OrdersStore,
    stock: Allotment,
    sold: list[Order],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    engine = new_engine()
    with monkeypatch.context() as patch:
        patch.setattr(type(engine.waiting), step, dies)
        patch.setattr(type(engine.joining), "_conclude", dies)
        with pytest.raises(Dies):
            join(engine, stock, "w0")
    assert join(new_engine(), stock, "w0").again, "retried, it is the same place"
    new_engine().sweep()
    assert at_peace(store, stock).least_waiting == 1
    engine.aftercare.cancel(sold[0].id, "buyer")
    assert states(store, stock) == [("w0", "offered")]


def test_killed_while_leaving_the_sweep_counts_again(
    new_engine: Engines, store: OrdersStore, stock: Allotment, sold: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine()
    entry = join(engine, stock, "w0").entry
    with monkeypatch.context() as patch:
        patch.setattr(type(engine.waiting), "attend", dies)
        with pytest.raises(Dies):
            engine.waiting.leave(entry)
    new_engine().sweep()
    assert at_peace(store, stock).least_waiting == 0


def test_a_rehearsals_waitlist_works_and_says_nothing(engine: Engine, store: OrdersStore) -> None:
    stock = on_air(offered=1, rehearsal=True)
    store.allotments.add([stock])
    order = bought(engine, stock)
    join(engine, stock, "w0")
    join(engine, stock, "w1")
    engine.aftercare.cancel(order.id, "buyer")
    engine.allotments.close(stock.id)
    assert states(store, stock) == [("w0", "offered"), ("w1", "missed")]
    assert offers(store) == []
    document = store.allotments.collection.find_one({"_id": stock.id}) or {}
    assert [event["type"] for event in document["outbox"]] == ["allotment.closed"]


def test_nobody_is_made_to_wait_for_what_a_bucket_holds(engine: Engine, store: OrdersStore) -> None:
    stock = allotment(offered=8, sold=6, loans=1)
    store.allotments.add([stock])
    store.buckets.add([Bucket(id=new_id(), allotment_id=stock.id, units=6, remaining=6)])
    with pytest.raises(Conflict, match="still-available") as refusal:
        join(engine, stock, "w0", 7)
    assert refusal.value.figures["remaining"] == 8
    assert join(engine, stock, "w0", 9).position == 1


def test_what_a_bucket_gives_back_is_offered_first(engine: Engine, store: OrdersStore) -> None:
    stock = allotment(offered=2, sold=2, loans=1)
    store.allotments.add([stock])
    join(engine, stock, "w0", 2)
    store.buckets.add([Bucket(id=new_id(), allotment_id=stock.id, units=2, remaining=2)])
    assert isinstance(buy(engine, stock), Refused)
    engine.sweep()
    assert states(store, stock) == [("w0", "offered")]
    assert at_peace(store, stock).sold == 2


def entry(**fields: Any) -> Entry:
    known: dict[str, Any] = {
        "id": new_id(),
        "allotment_id": "a1",
        "item_id": "item-1",
        "buyer_id": "b1",
        "channel": "web",
        "quantity": 1,
        "unit_price_fen": 1,
        "request_key": new_id(),
        "joined_at": builders.NOW,
        "ticket": 1,
        "state": "waiting",
    }
    return Entry(**(known | fields))


def test_the_queue_is_read_no_further_than_it_can_be_served() -> None:
    def queue() -> Any:
        yield from (entry(quantity=units) for units in (3, 5, 2))
        raise AssertionError("nothing is left that anybody could use")

    assert [one.quantity for one in waitlist.fitting(6, queue(), least=2)] == [3, 2]


def test_what_is_promised_to_the_called_is_promised_to_nobody_else() -> None:
    first, second, third = (entry(ticket=n, quantity=units) for n, units in ((1, 2), (2, 2), (3, 1)))
    assert waitlist.chosen(3, [first, second, third], [first]) == [third]
    assert waitlist.chosen(2, [second, third], [first]) == []


def test_for_one_who_was_called_and_does_not_fit_nothing_is_kept() -> None:
    first, second, third = (entry(ticket=n, quantity=units) for n, units in ((1, 2), (2, 1), (3, 1)))
    assert waitlist.chosen(1, [second, third], [first]) == [second]
    assert waitlist.chosen(2, [second, third], [first]) == []


def test_who_was_called_by_two_at_once_holds_up_nobody_else(
    new_engine: Engines, store: OrdersStore, stock: Allotment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One chose who wants less; before it says so more comes back, and another one serves who wants more."""
    slow, other = new_engine(), new_engine()
    two, one, last = (bought(slow, stock, quantity=units) for units in (2, 1, 1))
    join(slow, stock, "more", 3)
    join(slow, stock, "less", 2)
    call = type(store.waitlist).call

    def late(rows: Any, allotment_id: str, entry_ids: Any) -> None:
        monkeypatch.setattr(type(store.waitlist), "call", call)
        other.aftercare.cancel(one.id, "buyer")
        call(rows, allotment_id, entry_ids)

    monkeypatch.setattr(type(store.waitlist), "call", late)
    slow.aftercare.cancel(two.id, "buyer")
    assert states(store, stock) == [("more", "offered"), ("less", "called")]  # and nothing is left for the latter
    join(slow, stock, "least", 1)
    slow.aftercare.cancel(last.id, "buyer")
    assert states(store, stock) == [("more", "offered"), ("less", "called"), ("least", "offered")]
    assert at_peace(store, stock).remaining == 0
    for entry in store.waitlist.of_buyers(stock.id, ["more"]):
        slow.aftercare.cancel(entry.order_id or "", "buyer")
    assert states(store, stock)[1] == ("less", "offered")
    assert at_peace(store, stock).remaining == 1
