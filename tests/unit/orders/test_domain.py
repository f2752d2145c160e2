"""The rules of selling."""

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.orders.builders import NOW, allotment, order, request, slot

from orders import batches, domain
from orders.domain import Accepted, Outcome, Refused, Replayed
from orders.model import Allotment, Batch


def code(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused)
    return outcome.refusal.code


def test_an_order_carries_the_price_the_weight_and_the_total() -> None:
    stock = slot()
    [outcome] = domain.decide(stock, (), [request(stock, quantity=3)]).outcomes
    assert isinstance(outcome, Accepted)
    assert (outcome.order.unit_price_fen, outcome.order.total_fen, outcome.order.weight_g) == (3990, 11970, 7500)


def test_the_shelf_sells_at_the_everyday_price_at_any_time() -> None:
    stock = allotment()
    [outcome] = domain.decide(stock, (), [request(stock, arrived_at=NOW + timedelta(days=300))]).outcomes
    assert isinstance(outcome, Accepted)
    assert outcome.order.unit_price_fen == 4980


def test_a_slot_that_was_never_featured_sells_nothing() -> None:
    stock = slot(opens_at=None, closes_at=None, live_price_fen=None)
    [outcome] = domain.decide(stock, (), [request(stock)]).outcomes
    assert code(outcome) == "window-not-open"


def test_a_buyer_who_comes_before_the_window_is_told_when_it_opens() -> None:
    stock = slot()
    [outcome] = domain.decide(stock, (), [request(stock, arrived_at=NOW - timedelta(microseconds=1))]).outcomes
    assert isinstance(outcome, Refused)
    assert outcome.refusal.figures == {"opens_at": NOW}


def test_the_window_is_open_at_its_first_instant_and_closed_at_its_last() -> None:
    stock = slot()
    first, last = domain.decide(stock, (), [request(stock), request(stock, arrived_at=stock.closes_at)]).outcomes
    assert isinstance(first, Accepted)
    assert code(last) == "window-closed"


def test_arrival_counts_however_long_the_queue_was() -> None:
    stock = slot()
    just_in_time = request(stock, arrived_at=NOW + timedelta(minutes=10) - timedelta(milliseconds=1))
    assert isinstance(domain.decide(stock, (), [just_in_time]).outcomes[0], Accepted)


def test_who_wants_more_than_remain_is_told_how_many_remain() -> None:
    stock = allotment(offered=3)
    [outcome] = domain.decide(stock, (), [request(stock, quantity=4)]).outcomes
    assert isinstance(outcome, Refused)
    assert (outcome.refusal.code, outcome.missed) == ("sold-out", 1)
    assert outcome.refusal.figures == {"remaining": 3, "waitlist": f"/allotments/{stock.id}/waitlist"}


def test_what_remains_is_promised_to_who_waits_as_long_as_it_would_serve_somebody() -> None:
    stock = allotment(offered=3, least_waiting=2)
    nobodys, waited = domain.decide(stock, (), [request(stock), request(stock, quantity=2, waited=True)]).outcomes
    assert isinstance(nobodys, Refused)
    assert nobodys.refusal.figures["remaining"] == 0
    assert isinstance(waited, Accepted)
    leftover = msgspec.structs.replace(stock, remaining=1)
    assert isinstance(domain.decide(leftover, (), [request(leftover)]).outcomes[0], Accepted)


def test_where_there_are_buckets_each_unit_takes_a_place_of_its_buyers_limit() -> None:
    stock = allotment(offered=30, per_buyer_limit=5, loans=1)
    before = order(msgspec.structs.replace(stock, loans=0), quantity=1, buyer_id="b1")
    decision = domain.decide(stock, [before], [request(stock, buyer="b1", quantity=2) for _ in range(3)])
    assert [line.places for line in decision.lines] == [(2, 3), (4, 5)]
    assert domain.order_of(stock, decision.lines[0]).keys[1:] == [f"limit:{stock.id}:b1:{place}" for place in (2, 3)]


def test_a_place_that_a_cancelled_order_gave_back_is_taken_again() -> None:
    stock = allotment(offered=30, per_buyer_limit=3, loans=1)
    first, second = (
        domain.order_of(stock, line)
        for line in domain.decide(stock, (), [request(stock, buyer="b1") for _ in range(2)]).lines
    )
    gone = msgspec.structs.replace(first, state="cancelled", keys=first.keys[:1])
    [line] = domain.decide(stock, [gone, second], [request(stock, buyer="b1", quantity=2)]).lines
    assert line.places == (1, 3)


def test_a_small_wish_is_served_after_a_large_one_was_refused() -> None:
    stock = allotment(offered=3)
    large, small = domain.decide(stock, (), [request(stock, quantity=4), request(stock, quantity=3)]).outcomes
    assert isinstance(large, Refused)
    assert isinstance(small, Accepted)


def test_a_closed_allotment_sells_nothing() -> None:
    stock = allotment(state="closed", returned=10, remaining=0)
    assert code(domain.decide(stock, (), [request(stock)]).outcomes[0]) == "allotment-closed"


def test_the_limit_counts_what_the_buyer_has_from_whatever_channel() -> None:
    stock = allotment(per_buyer_limit=3)
    before = order(stock, buyer_id="b1", channel="youku", quantity=2)
    [outcome] = domain.decide(stock, [before], [request(stock, buyer="b1", quantity=2)]).outcomes
    assert isinstance(outcome, Refused)
    assert outcome.refusal.figures == {"limit": 3, "already": 2}


def test_cancelled_orders_do_not_count_against_the_limit() -> None:
    stock = allotment(per_buyer_limit=2)
    before = order(stock, buyer_id="b1", quantity=2, state="cancelled")
    assert isinstance(domain.decide(stock, [before], [request(stock, buyer="b1", quantity=2)]).outcomes[0], Accepted)


def test_orders_of_a_pending_batch_count_against_the_limit_once() -> None:
    stock = allotment(per_buyer_limit=3)
    first = domain.decide(stock, (), [request(stock, buyer="b1", quantity=2)])
    pending = msgspec.structs.replace(stock, batches={"b": first.lines}, pending=["b"], remaining=8, sold=2)
    inserted = [domain.order_of(stock, line) for line in first.lines]
    again = request(stock, buyer="b1", quantity=1)
    assert isinstance(domain.decide(pending, inserted, [again]).outcomes[0], Accepted)
    greedy = request(stock, buyer="b1", quantity=2)
    assert code(domain.decide(pending, inserted, [greedy]).outcomes[0]) == "per-buyer-limit"


def test_the_same_request_twice_is_one_order() -> None:
    stock = allotment()
    first = request(stock, buyer="b1", key="k")
    again = request(stock, buyer="b1", key="k")
    decision = domain.decide(stock, (), [first, again])
    accepted, replayed = decision.outcomes
    assert isinstance(accepted, Accepted)
    assert replayed == Replayed(accepted.order)
    assert decision.units == 1


def test_a_replay_is_answered_after_the_stock_is_gone_and_the_window_closed() -> None:
    stock = slot(offered=1)
    known = order(stock, quantity=1, buyer_id="b1", keys=[domain.request_key("b1", "k")])
    gone = msgspec.structs.replace(stock, remaining=0, sold=1, state="closed")
    again = request(stock, buyer="b1", key="k", arrived_at=NOW + timedelta(days=1))
    assert domain.decide(gone, [known], [again]).outcomes == [Replayed(known)]


def test_the_same_key_for_another_request_is_refused() -> None:
    stock = allotment()
    decision = domain.decide(
        stock, (), [request(stock, buyer="b1", key="k"), request(stock, buyer="b1", key="k", quantity=2)]
    )
    assert code(decision.outcomes[1]) == "idempotency-key-reused"
    assert decision.units == 1


def test_two_buyers_may_choose_the_same_key() -> None:
    assert domain.request_key("b1", "k") != domain.request_key("b2", "k")


def test_what_another_platform_sold_is_a_paid_order_at_its_own_price() -> None:
    stock = allotment()
    sold = request(stock, imported=True, unit_price_fen=255, external_number="536365", pay_by=None)
    [outcome] = domain.decide(stock, (), [sold]).outcomes
    assert isinstance(outcome, Accepted)
    assert outcome.order.state == "paid"
    assert outcome.order.payment is not None
    assert outcome.order.payment.amount_fen == 255
    assert [type(fact).__name__ for fact in domain.first_facts(outcome.order)] == ["OrderPlaced", "OrderPaid"]


def test_a_rehearsals_missed_demand_is_nobodys() -> None:
    stock = slot(offered=1, rehearsal=True)
    [outcome] = domain.decide(stock, (), [request(stock, quantity=5)]).outcomes
    assert isinstance(outcome, Refused)
    assert outcome.missed == 0


def test_a_line_makes_the_same_order_whoever_makes_it() -> None:
    stock = slot()
    decision = domain.decide(stock, (), [request(stock)])
    again = msgspec.convert(msgspec.to_builtins(decision.lines[0], builtin_types=(type(NOW),)), type(decision.lines[0]))
    assert domain.order_of(stock, again) == domain.order_of(stock, decision.lines[0])


wishes = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6), st.sampled_from("abcdefgh")), max_size=30)


def ask(stock: Allotment, some: list[tuple[int, int, str]]) -> list[domain.Request]:
    return [request(stock, buyer=f"b{buyer}", quantity=units, key=key) for buyer, units, key in some]


@given(offered=st.integers(1, 40), limit=st.none() | st.integers(1, 8), some=wishes, split=st.integers(0, 30))
def test_whatever_is_asked_in_whatever_batches_nothing_is_oversold_and_limits_hold(
    offered: int, limit: int | None, some: list[tuple[int, int, str]], split: int
) -> None:
    stock = allotment(offered=offered, per_buyer_limit=limit)
    requests = ask(stock, some)
    first = domain.decide(stock, (), requests[:split])
    between = msgspec.structs.replace(
        stock,
        remaining=offered - first.units,
        sold=first.units,
        batches={"b": batches.written(Batch(lines=first.lines))},
        pending=["b"],
    )
    pending = [domain.order_of(between, line) for line in batches.lines(between.batches)]
    second = domain.decide(between, pending, requests[split:])
    orders = [domain.order_of(stock, line) for line in (*first.lines, *second.lines)]
    assert sum(one.quantity for one in orders) <= offered
    assert len({one.request_key for one in orders}) == len(orders)
    for buyer in {one.buyer_id for one in orders}:
        assert limit is None or sum(one.quantity for one in orders if one.buyer_id == buyer) <= limit


@given(offered=st.integers(1, 40), limit=st.none() | st.integers(1, 8), some=wishes, split=st.integers(0, 30))
def test_one_batch_or_two_come_to_the_same(
    offered: int, limit: int | None, some: list[tuple[int, int, str]], split: int
) -> None:
    stock = allotment(offered=offered, per_buyer_limit=limit)
    requests = ask(stock, some)
    whole = domain.decide(stock, (), requests)
    first = domain.decide(stock, (), requests[:split])
    between = msgspec.structs.replace(stock, remaining=offered - first.units, sold=first.units)
    taken = [domain.order_of(stock, line) for line in first.lines]
    second = domain.decide(between, taken, requests[split:])
    assert whole.lines == [*first.lines, *second.lines]
    assert [type(one) for one in whole.outcomes] == [type(one) for one in (*first.outcomes, *second.outcomes)]


@given(some=wishes)
def test_a_refusal_is_never_given_while_enough_remain(some: list[tuple[int, int, str]]) -> None:
    stock = allotment(offered=12)
    remaining = 12
    for outcome, asked in zip(*(lambda r: (domain.decide(stock, (), r).outcomes, r))(ask(stock, some)), strict=True):
        if isinstance(outcome, Accepted):
            remaining -= asked.quantity
        elif isinstance(outcome, Refused) and outcome.refusal.code == "sold-out":
            assert outcome.refusal.figures["remaining"] == remaining
            assert asked.quantity > remaining
