"""Coupons: part of the decision that sells; no budget overrun, nobody twice, nothing lost by whoever dies."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.orders.builders import NOW, request, slot
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.resting import next_millisecond, patient

from chassis.refusals import Conflict, Invalid
from chassis.testing import FakeRelay
from orders import coupons, domain
from orders.domain import Accepted, Outcome, Refused, Replayed, Request
from orders.engine import Engine
from orders.model import Allotment, Change, Coupon, Hold
from orders.settings import OrdersSettings
from orders.store import OrdersStore

Engines = Callable[[], Engine]


def coupon(**fields: Any) -> Coupon:
    known = {
        "code": "KIWI-5",
        "show_id": "show-1",
        "county": "520123",
        "discount_fen": 500,
        "least_fen": 0,
        "budget_fen": 10_000,
        "opens_at": NOW - timedelta(hours=1),
        "closes_at": NOW + timedelta(hours=1),
    }
    wanted = {**known, **fields}
    return Coupon(**{"left_fen": wanted["budget_fen"], **wanted})


def ask(of: Allotment, **fields: Any) -> Request:
    return request(of, **{"coupon_code": "KIWI-5", "pay_by": None, **fields})


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal.code


def decide(stock: Allotment, *wishes: Request, **fields: Any) -> list[Outcome]:
    return domain.decide(stock, (), wishes, {"KIWI-5": coupon(**fields)}).outcomes


def exact(store: OrdersStore, name: str = "KIWI-5") -> Coupon:
    """The coupon, once its figures agree with one another and with the orders."""
    found = store.coupons.get(name)
    assert found is not None
    held = sum(hold.amount_fen for hold in found.holds.values())
    assert found.left_fen + held + found.used_fen == found.budget_fen
    used = [one for one in store.orders.find({}) if one.coupon_code == name and one.state != "cancelled"]
    assert sum(one.discount_fen for one in used) == found.used_fen
    assert len({one.buyer_id for one in used}) == len(used)
    return found


@pytest.fixture
def stocks(store: OrdersStore) -> list[Allotment]:
    """Two slots of one show, and a coupon for both that pays twenty orders."""
    made = [slot(offered=100, slot=number) for number in (1, 2)]
    store.allotments.add(made)
    store.coupons.add([coupon()])
    return made


def test_a_coupon_takes_its_amount_off_the_whole_order() -> None:
    [outcome] = decide(slot(), ask(slot(), quantity=2))
    assert isinstance(outcome, Accepted)
    order = outcome.order
    assert (order.unit_price_fen, order.discount_fen, order.total_fen) == (3990, 500, 7480)


def test_a_coupon_never_takes_off_more_than_the_order_costs() -> None:
    [outcome] = decide(slot(live_price_fen=300), ask(slot()))
    assert isinstance(outcome, Accepted)
    assert (outcome.order.discount_fen, outcome.order.total_fen) == (300, 0)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"show_id": "show-2"}, "no-such-coupon"),
        ({"county": "621226"}, "no-such-coupon"),
        ({"opens_at": NOW + timedelta(seconds=1)}, "coupon-closed"),
        ({"closes_at": NOW}, "coupon-closed"),
        ({"least_fen": 3991}, "coupon-needs-more"),
        ({"left_fen": 499}, "coupon-spent"),
    ],
)
def test_what_does_not_hold_is_refused_with_its_reason(fields: dict[str, Any], reason: str) -> None:
    assert code(decide(slot(), ask(slot()), **fields)[0]) == reason


def test_a_refused_coupon_sells_nothing_and_the_same_buyer_may_come_without_it() -> None:
    stock = slot(offered=1)
    first, second = decide(stock, ask(stock, buyer="b", coupon_code="NONE"), ask(stock, buyer="b", coupon_code=None))
    assert code(first) == "no-such-coupon"
    assert isinstance(second, Accepted)


def test_a_buyer_uses_it_once_also_within_one_batch() -> None:
    stock = slot()
    first, second, other = decide(stock, ask(stock, buyer="b"), ask(stock, buyer="b"), ask(stock))
    assert code(second) == "coupon-used"
    assert isinstance(first, Accepted)
    assert isinstance(other, Accepted)


def test_a_budget_ends_within_one_batch() -> None:
    stock = slot(offered=100)
    outcomes = decide(stock, *(ask(stock) for _ in range(5)), budget_fen=1500, left_fen=1500)
    assert [type(one).__name__ for one in outcomes] == ["Accepted"] * 3 + ["Refused"] * 2
    assert code(outcomes[-1]) == "coupon-spent"


def test_a_coupon_that_could_never_be_used_is_not_issued() -> None:
    with pytest.raises(Invalid):
        coupons.issue(coupon(closes_at=NOW - timedelta(hours=2)), NOW)
    with pytest.raises(Invalid):
        coupons.issue(coupon(budget_fen=499), NOW)


def test_issued_twice_it_is_one_and_a_code_that_is_anothers_is_refused(engine: Engine) -> None:
    issuing = engine.placing.couponing
    wanted = coupon(closes_at=NOW + timedelta(days=36_500))
    assert issuing.issue(wanted) == issuing.issue(wanted)
    with pytest.raises(Conflict):
        issuing.issue(coupon(closes_at=wanted.closes_at, discount_fen=400))


def test_the_budget_holds_for_a_crowd_on_two_items_and_three_replicas(
    new_engine: Engines, store: OrdersStore, stocks: list[Allotment]
) -> None:
    replicas = [new_engine() for _ in range(3)]
    with ThreadPoolExecutor(24) as crowd:
        outcomes = list(crowd.map(lambda n: replicas[n % 3].place(ask(stocks[n % 2])), range(48)))
    accepted = [one for one in outcomes if isinstance(one, Accepted)]
    assert len(accepted) == 20
    assert {code(one) for one in outcomes if isinstance(one, Refused)} == {"coupon-spent"}
    found = exact(store)
    assert (found.left_fen, found.used_fen, found.holds) == (0, 10_000, {})


def test_one_buyer_in_a_hurry_everywhere_uses_it_once(
    new_engine: Engines, store: OrdersStore, stocks: list[Allotment]
) -> None:
    replicas = [new_engine() for _ in range(3)]
    with ThreadPoolExecutor(12) as crowd:
        outcomes = list(crowd.map(lambda n: replicas[n % 3].place(ask(stocks[n % 2], buyer="greedy")), range(12)))
    assert sum(isinstance(one, Accepted) for one in outcomes) == 1
    assert {code(one) for one in outcomes if isinstance(one, Refused)} == {"coupon-used"}
    for replica in replicas:
        replica.tick()
    assert exact(store).used_fen == 500
    assert sum(one.sold for one in store.allotments.many(one.id for one in stocks)) == 1


def test_the_same_request_again_is_the_same_order_and_uses_nothing_more(
    engine: Engine, store: OrdersStore, stocks: list[Allotment]
) -> None:
    first = engine.place(ask(stocks[0], buyer="b", key="k"))
    again = engine.place(ask(stocks[0], buyer="b", key="k"))
    assert isinstance(first, Accepted)
    assert isinstance(again, Replayed)
    assert again.order.id == first.order.id
    assert exact(store).used_fen == 500


def test_a_cancelled_order_gives_its_coupon_back_once_and_its_buyer_may_use_it_again(
    engine: Engine, store: OrdersStore, stocks: list[Allotment]
) -> None:
    outcome = engine.place(ask(stocks[0], buyer="b"))
    assert isinstance(outcome, Accepted)
    for _ in range(2):
        engine.aftercare.cancel(outcome.order.id, "buyer")
        engine.sweep()
    assert exact(store).left_fen == 10_000
    assert isinstance(engine.place(ask(stocks[1], buyer="b")), Accepted)
    assert exact(store).used_fen == 500


class Dies(Exception):
    """Stands for a process that is killed."""


def dies(*_: Any, **__: Any) -> Any:
    raise Dies


@pytest.mark.parametrize(
    ("rows", "step", "sold"),
    [("allotments", "take", 0), ("orders", "add", 1), ("coupons", "apply", 1)],
    ids=["before the units are taken", "before the order is there", "before the hold is concluded"],
)
def test_killed_while_a_coupon_is_held_the_truth_is_what_orders_there_are(
    new_engine: Engines,
    store: OrdersStore,
    stocks: list[Allotment],
    monkeypatch: pytest.MonkeyPatch,
    rows: str,
    step: str,
    sold: int,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(getattr(store, rows)), step, dies)
        with pytest.raises(Dies):
            new_engine().place(ask(stocks[0]))
    assert sum(hold.amount_fen for hold in exact_figures(store).holds.values()) == 500
    for _ in range(3):
        new_engine().sweep()
    found = exact(store)
    assert (found.used_fen, found.holds) == (500 * sold, {})


def test_what_a_dead_process_held_is_found_also_while_others_use_the_coupon() -> None:
    busy, died = coupon(), NOW - timedelta(minutes=1)
    for n, at in enumerate((died, NOW)):
        wanted = Hold(batch_id=f"b{n}", source_id="s", source_version=1, orders={f"o{n}": 500}, at=at)
        busy = after(busy, coupons.hold(busy, wanted, at))
    assert busy.held_since == died
    busy = after(busy, coupons.conclude(busy, "b1:s", ["o1"], NOW))
    assert (busy.held_since, list(coupons.left_behind(busy, NOW, timedelta(seconds=2)))) == (died, ["b0:s"])
    busy = after(busy, coupons.conclude(busy, "b0:s", [], NOW))
    assert (busy.held_since, busy.holds, busy.used_fen) == (None, {}, 500)


def after(found: Coupon, change: Change | None) -> Coupon:
    """The coupon as the change leaves it."""
    assert change is not None
    holds = dict(found.holds)
    plain = {name: value for name, value in change.fields.items() if not name.startswith("holds.")}
    for name in change.fields.keys() - plain.keys():
        holds[name.removeprefix("holds.")] = change.fields[name]
    kept = {key: one for key, one in holds.items() if one is not None}
    return msgspec.structs.replace(found, **plain, holds=kept, version=change.new_version)


def exact_figures(store: OrdersStore) -> Coupon:
    """The coupon while something is still under way."""
    found = store.coupons.get("KIWI-5")
    assert found is not None
    return found


def test_a_batch_that_comes_late_to_a_concluded_hold_is_not_written(
    new_engine: Engines, store: OrdersStore, stocks: list[Allotment], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, other = new_engine(), new_engine()
    take = type(store.allotments).take

    def late(self: Any, takings: Any) -> Any:
        monkeypatch.setattr(type(store.allotments), "take", take)
        other.sweep()  # concludes the hold: nobody will use it
        return take(self, takings)

    monkeypatch.setattr(type(store.allotments), "take", late)
    assert isinstance(slow.place(ask(stocks[0])), Accepted)  # decided again, under a hold of its own
    assert exact(store).used_fen == 500


def test_whoever_cancels_may_use_it_again_at_once_of_whichever_replica(
    store: OrdersStore, own_settings: OrdersSettings, provider: Refunds, stocks: list[Allotment]
) -> None:
    one, other = (Engine(store, patient(own_settings), provider) for _ in range(2))
    outcome = one.place(ask(stocks[0], buyer="b"))
    assert isinstance(outcome, Accepted)
    one.aftercare.cancel(outcome.order.id, "buyer")  # its batch is still in the document
    assert isinstance(other.place(ask(stocks[0], buyer="b")), Accepted)
    assert exact(store).used_fen == 500


def test_a_batch_that_somebody_else_made_whole_meanwhile_keeps_its_coupons(
    new_engine: Engines, store: OrdersStore, stocks: list[Allotment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stood still for long between its write and its look at what it wrote; others were faster there."""
    other = new_engine()
    take = type(store.allotments).take

    def stands_still(self: Any, takings: Any) -> set[str]:
        monkeypatch.undo()
        other.place(ask(stocks[1], coupon_code=None))
        took: set[str] = take(self, takings)
        assert took == {stocks[0].id}
        for _ in range(2):
            next_millisecond()
            other.place(ask(stocks[0], coupon_code=None))  # finds it old, and makes its orders
            other.tick()
        return {one.id for one in store.allotments.many(took) if one.batches.keys() & {takings[0].batch_id}}

    monkeypatch.setattr(type(store.allotments), "take", stands_still)
    outcomes = new_engine().placing.place([ask(stocks[0], buyer="b"), ask(stocks[1], buyer="c")])
    assert not any(isinstance(one, Refused) for one in outcomes)
    for _ in range(2):
        other.sweep()
    assert exact(store).used_fen == 1000


def test_an_order_that_could_not_be_is_not_made_later(
    new_engine: Engines, store: OrdersStore, stocks: list[Allotment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever decided it finds its coupon used elsewhere; that use is cancelled, and somebody settles the batch."""
    other = new_engine()
    elsewhere: list[Outcome] = []
    taken, amend = type(store.allotments).take, type(store.allotments).amend

    def another_is_faster(self: Any, takings: Any) -> set[str]:
        monkeypatch.setattr(type(store.allotments), "take", taken)
        elsewhere.append(other.place(ask(stocks[1], buyer="b")))
        return taken(self, takings)

    def another_settles(self: Any, *args: Any) -> bool:
        monkeypatch.setattr(type(store.allotments), "amend", amend)
        monkeypatch.setattr(FakeRelay, "send", lambda *_: None)  # the broker has not acknowledged yet
        assert isinstance(elsewhere[0], Accepted)
        other.aftercare.cancel(elsewhere[0].order.id, "buyer")
        next_millisecond()
        other.sweep()
        return amend(self, *args)

    monkeypatch.setattr(type(store.allotments), "take", another_is_faster)
    monkeypatch.setattr(type(store.allotments), "amend", another_settles)
    new_engine().place(ask(stocks[0], buyer="b"))
    live = [one for one in store.orders.find({}) if one.state != "cancelled"]
    assert sum(one.quantity for one in live) == sum(one.sold for one in store.allotments.many(s.id for s in stocks))
