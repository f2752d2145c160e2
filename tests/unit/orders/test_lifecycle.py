"""The rules of an order's life."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.orders.builders import NOW, order, paid_order, slot

from chassis.refusals import Conflict, Invalid
from orders import lifecycle
from orders.domain import CHANNEL_PROVIDER
from orders.model import Change, Order, Payment


def after(before: Order, change: Change | None) -> Order:
    assert change is not None
    appended: dict[str, Any] = {name: [*getattr(before, name), *new] for name, new in change.append.items()}
    return msgspec.structs.replace(before, **change.fields, **appended, version=change.new_version)


def debts(one: Order) -> dict[str, int]:
    return {owed.kind: owed.amount for owed in one.owed}


def test_a_placed_order_is_paid_in_full() -> None:
    placed = order()
    payment = Payment(provider="test", payment_id="t", amount_fen=placed.total_fen, paid_at=NOW)
    change = lifecycle.pay(placed, payment)
    assert after(placed, change).state == "paid"
    assert [type(fact).__name__ for fact in change.facts] == ["OrderPaid"]


def test_another_amount_than_the_orders_is_a_bug() -> None:
    with pytest.raises(ValueError, match="charged 1 fen"):
        lifecycle.pay(order(), Payment(provider="test", payment_id="t", amount_fen=1, paid_at=NOW))


def test_a_paid_order_has_nothing_to_pay() -> None:
    assert not lifecycle.must_pay(paid_order(), NOW)
    assert lifecycle.must_pay(order(), NOW)


def test_a_cancelled_order_cannot_be_paid() -> None:
    with pytest.raises(Conflict, match="order-cancelled"):
        lifecycle.must_pay(order(state="cancelled"), NOW)


def test_after_the_time_to_pay_an_order_cannot_be_paid() -> None:
    with pytest.raises(Conflict, match="payment-time-over"):
        lifecycle.must_pay(order(), NOW + timedelta(minutes=15))


def test_cancelling_an_unpaid_order_owes_its_units_and_no_money() -> None:
    placed = order(quantity=3)
    assert debts(after(placed, lifecycle.cancel(placed, "buyer", NOW))) == {"units": 3}


def test_cancelling_a_paid_order_owes_the_money_too() -> None:
    paid = paid_order(quantity=3)
    cancelled = after(paid, lifecycle.cancel(paid, "county", NOW))
    assert debts(cancelled) == {"units": 3, "refund": paid.total_fen}
    assert (cancelled.state, cancelled.cancel_reason, cancelled.refunded_fen) == ("cancelled", "county", paid.total_fen)


def test_cancelling_twice_is_cancelling_once() -> None:
    assert lifecycle.cancel(order(state="cancelled"), "buyer", NOW) is None


def test_a_packed_order_cannot_be_cancelled() -> None:
    with pytest.raises(Conflict, match="too-late-to-cancel"):
        lifecycle.cancel(_packed(), "buyer", NOW)


def _packed() -> Order:
    return msgspec.structs.replace(paid_order(), state="packed", parcel_id="p")


def test_an_unpaid_order_lapses_when_its_time_is_over_and_not_before() -> None:
    placed = order()
    assert lifecycle.lapse(placed, NOW + timedelta(minutes=15) - timedelta(seconds=1)) is None
    lapsed = after(placed, lifecycle.lapse(placed, NOW + timedelta(minutes=15)))
    assert (lapsed.state, lapsed.cancel_reason) == ("cancelled", "expired")


def test_a_paid_order_does_not_lapse() -> None:
    assert lifecycle.lapse(paid_order(), NOW + timedelta(days=1)) is None


def give_back(one: Order, quantity: int, *, name: str = "r1", restock: bool = True) -> Change | None:
    return lifecycle.give_back(one, return_id=name, quantity=quantity, restock=restock, now=NOW)


def test_part_of_a_packed_order_comes_back() -> None:
    packed = msgspec.structs.replace(_packed(), quantity=5, unit_price_fen=100, total_fen=500)
    back = after(packed, give_back(packed, 2))
    assert (back.state, back.returned_quantity, back.refunded_fen) == ("packed", 2, 200)
    assert debts(back) == {"units": 2, "refund": 200}


def test_spoiled_goods_are_refunded_but_not_sold_again() -> None:
    assert "units" not in debts(after(_packed(), give_back(_packed(), 1, restock=False)))


def test_the_same_return_twice_is_one() -> None:
    packed = _packed()
    back = after(packed, give_back(packed, 1))
    assert give_back(back, 1) is None


def test_no_more_comes_back_than_was_bought() -> None:
    packed = _packed()
    back = after(packed, give_back(packed, 1))
    with pytest.raises(Invalid, match="Only 1 can come back") as refused:
        give_back(back, 2, name="r2")
    assert refused.value.figures == {"left": 1}


def test_an_unpaid_order_has_nothing_to_return() -> None:
    with pytest.raises(Conflict, match="nothing-to-return"):
        give_back(order(), 1)


def test_an_unpacked_order_that_came_back_whole_is_not_packed_any_more() -> None:
    paid = paid_order(quantity=2)
    assert after(paid, give_back(paid, 2)).state == "returned"


def test_cancelling_after_a_partial_return_gives_back_only_the_rest() -> None:
    paid = paid_order(quantity=3)
    part = after(paid, give_back(paid, 1))
    change = lifecycle.cancel(part, "buyer", NOW)
    rest = after(part, change)
    assert [owed.amount for owed in rest.owed if owed.kind == "units"] == [1, 2]
    assert rest.refunded_fen == paid.total_fen


def test_money_of_other_platforms_and_of_rehearsals_is_not_ours_to_refund() -> None:
    for provider in (CHANNEL_PROVIDER, lifecycle.REHEARSAL_PROVIDER):
        paid = paid_order(provider=provider)
        assert "refund" not in debts(after(paid, lifecycle.cancel(paid, "county", NOW)))


def test_a_rehearsals_events_say_so() -> None:
    rehearsed = order(slot(rehearsal=True))
    change = lifecycle.cancel(rehearsed, "buyer", NOW)
    assert change is not None
    assert all(fact.rehearsal for fact in change.facts)  # type: ignore[attr-defined]  # order facts have it


@pytest.mark.parametrize("parts", [[1, 1, 1], [2, 1], [3], [1, 2]])
def test_refunds_of_parts_share_a_discount_and_add_up_to_the_whole(parts: list[int]) -> None:
    paid = msgspec.structs.replace(_packed(), quantity=3, unit_price_fen=500, total_fen=1000)
    for n, quantity in enumerate(parts):
        paid = after(paid, give_back(paid, quantity, name=f"r{n}"))
    assert (paid.state, paid.refunded_fen) == ("returned", 1000)
    assert [goods.refund_fen for goods in paid.returns] in ([333, 333, 334], [666, 334], [1000], [333, 667])
