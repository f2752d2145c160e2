"""A recorded show played again: who comes when, faster and more of them, and who does what with their order."""

import pytest

from evening.plan import Behaviour
from load import replaying
from load.recording import Cancelled, Ended, Featured, Paid, Placed, Row, Sampled, Started


def placed(order: int, at: float, who: str = "r-a", quantity: int = 1) -> Placed:
    return Placed(at=at, order=order, who=who, slot=1, channel="web", quantity=quantity)


def show(*rows: Row) -> list[Row]:
    featured = Featured(
        at=10, slot=1, county="520123", sku="S", channels=("web",), offered=50, limit=3, window_seconds=60
    )
    middle = sorted(rows, key=lambda row: row.at)
    return [Started(at=0, show="evening", programme="P"), featured, *middle, Ended(at=100)]


def test_buyers_come_as_long_after_the_item_was_shown_as_they_did() -> None:
    plan = replaying.plan(show(placed(1, 12.5, quantity=2), placed(2, 40, "r-b")), seed=1, speed=1, volume=1)
    assert [(one.after, one.asks[0].quantity) for one in plan.arrivals] == [(2.5, 2), (30.0, 1)]
    assert plan.seconds(plan.slots[0].starts_min) == pytest.approx(10)
    assert plan.window(plan.slots[0]) == 60


def test_at_ten_times_the_speed_everything_takes_a_tenth() -> None:
    rows = show(placed(1, 30), Paid(at=40, order=1), Sampled(at=50, channel="web", viewers=900))
    plan = replaying.plan(rows, seed=1, speed=10, volume=1)
    assert (plan.arrivals[0].after, plan.arrivals[0].thinks) == (2.0, 1.0)
    assert plan.seconds(plan.slots[0].starts_min) == pytest.approx(1)
    assert plan.window(plan.slots[0]) == 6
    assert plan.samples[0].at == 5


def test_three_times_the_volume_is_three_buyers_for_each_with_names_and_keys_of_their_own_and_stock_for_them() -> None:
    rows = show(placed(1, 12), placed(2, 13), Sampled(at=50, channel="web", viewers=900))
    plan = replaying.plan(rows, seed=1, speed=1, volume=3)
    assert len(plan.arrivals) == 6
    assert {one.buyer for one in plan.arrivals} == {"r-a-0", "r-a-1", "r-a-2"}
    assert len({one.asks[0].key for one in plan.arrivals}) == 6
    assert all(2 <= one.after <= 4 for one in plan.arrivals)
    assert (plan.slots[0].offered, plan.slots[0].limit, plan.samples[0].viewers) == (150, 3, 2700)


def test_the_same_seed_is_the_same_crowd() -> None:
    rows = show(*(placed(number, 11 + number, f"r-{number}") for number in range(1, 20)))
    first, again, other = (replaying.plan(rows, seed=seed, speed=2, volume=4) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("then", "behaviour"),
    [
        ([], Behaviour.LAPSES),
        ([Paid(at=13, order=1)], Behaviour.PAYS),
        ([Paid(at=13, order=1), Cancelled(at=14, order=1, reason="buyer")], Behaviour.REPENTS),
        ([Paid(at=13, order=1), Cancelled(at=14, order=1, reason="county")], Behaviour.PAYS),
        ([Cancelled(at=13, order=1, reason="buyer")], Behaviour.CANCELS),
        ([Cancelled(at=13, order=1, reason="expired")], Behaviour.LAPSES),
    ],
)
def test_a_buyer_does_again_what_the_recording_tells_of_the_order(then: list[Row], behaviour: Behaviour) -> None:
    plan = replaying.plan(show(placed(1, 12), *then), seed=1, speed=1, volume=1)
    assert [one.behaviour for one in plan.arrivals] == [behaviour]


def test_a_slot_that_was_shown_twice_counts_from_the_first_time() -> None:
    again = Featured(at=60, slot=1, county="520123", sku="S", channels=("web",), offered=50, limit=3, window_seconds=9)
    plan = replaying.plan(show(placed(1, 70), again), seed=1, speed=1, volume=1)
    assert len(plan.slots) == 1
    assert plan.arrivals[0].after == 60
