"""The crowd's plan: the same seed is the same crowd, and everything that can happen happens."""

from collections import Counter, defaultdict

import pytest

from evening.plan import AUDIENCE, Behaviour, Plan, lineup, plan
from stack.local import DATA

SLOTS = lineup((DATA / "lineup.csv").read_text(encoding="utf-8"))


def crowd(*, seed: int = 20181203, viewers: int = 1_000) -> Plan:
    return plan(SLOTS, seed=seed, viewers=viewers, speed=144)


def test_the_same_seed_makes_the_same_crowd() -> None:
    assert crowd() == crowd()


def test_another_seed_makes_another_crowd() -> None:
    assert crowd(seed=1).arrivals != crowd(seed=2).arrivals


def test_the_line_up_has_two_shows_of_four_slots() -> None:
    shows = crowd().shows()
    assert len(shows) == 2
    assert [[slot.number for slot in crowd().of(show)] for show in shows] == [[1, 2, 3, 4]] * 2


def test_every_behaviour_occurs_and_most_simply_pay() -> None:
    seen = Counter(arrival.behaviour for arrival in crowd().arrivals)
    assert set(seen) == set(Behaviour)
    assert seen[Behaviour.PAYS] > sum(seen.values()) / 2


def test_every_channel_of_a_show_has_buyers() -> None:
    seen = defaultdict(set)
    for arrival in crowd().arrivals:
        seen[arrival.show].update(ask.channel for ask in arrival.asks)
    for slot in SLOTS:
        assert seen[slot.show] == set(slot.channels)


def test_buyers_come_in_a_burst_that_dies_away() -> None:
    window = crowd().window(SLOTS[0])
    on_time = [arrival.after for arrival in crowd().arrivals if arrival.behaviour is not Behaviour.LATE]
    assert sum(after < window / 3 for after in on_time) > sum(after >= window / 3 for after in on_time)
    assert 0 < min(on_time) < max(on_time) <= window * 0.9


def test_only_the_greedy_ask_for_more_than_the_limit_at_once() -> None:
    limits = {(slot.show, slot.number): slot.limit for slot in SLOTS}
    for arrival in crowd().arrivals:
        too_much = any(ask.quantity > limits[arrival.show, arrival.slot] for ask in arrival.asks)
        assert too_much == (arrival.behaviour is Behaviour.GREEDY)


def test_the_piecemeal_pass_the_limit_over_two_channels() -> None:
    limits = {(slot.show, slot.number): slot.limit for slot in SLOTS}
    for arrival in crowd().arrivals:
        if arrival.behaviour is Behaviour.PIECEMEAL:
            assert sum(ask.quantity for ask in arrival.asks) > limits[arrival.show, arrival.slot]
            assert len({ask.channel for ask in arrival.asks}) == 2
            assert len({ask.key for ask in arrival.asks}) == 2


def test_who_taps_twice_sends_the_same_request_under_the_same_key() -> None:
    twice = [arrival.asks for arrival in crowd().arrivals if arrival.behaviour is Behaviour.TWICE]
    assert all(first == second for first, second in twice)


def test_nobody_comes_twice_for_the_same_slot() -> None:
    visits = Counter((arrival.buyer, arrival.show, arrival.slot) for arrival in crowd().arrivals)
    assert set(visits.values()) == {1}


def test_the_default_crowd_wants_more_tea_than_there_is() -> None:
    tea = next(slot for slot in SLOTS if slot.sku == "LS-TEA-100")
    asked = [
        arrival.asks[0].quantity
        for arrival in crowd(viewers=900).arrivals
        if (arrival.show, arrival.slot) == (tea.show, tea.number)
        and arrival.behaviour not in {Behaviour.LATE, Behaviour.GREEDY}
    ]
    assert sum(asked) > tea.offered


def test_the_channels_peaks_add_up_to_the_evenings_audience() -> None:
    peaks: Counter[tuple[str, str]] = Counter()
    for sample in crowd().samples:
        peaks[sample.show, sample.channel] = max(peaks[sample.show, sample.channel], sample.viewers)
    assert sum(peaks.values()) == AUDIENCE == 1_150_000


def test_a_window_leaves_time_to_come_too_late() -> None:
    played = crowd()
    for slot in SLOTS:
        assert 1 <= played.window(slot) < played.seconds(slot.minutes)


@pytest.mark.parametrize("speed", [1, 144, 1_152])
def test_a_plan_holds_at_any_speed(speed: float) -> None:
    played = plan(SLOTS, seed=1, viewers=20, speed=speed)
    assert played.arrivals
    assert all(arrival.after > 0 for arrival in played.arrivals)
