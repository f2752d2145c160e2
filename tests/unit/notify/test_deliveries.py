"""How often and when a notice is tried to be sent."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.notify.facts import NOON

from notify.deliveries import Retries, abandoned, attempted, due_at, is_due, planned

RETRIES = Retries(attempts=4, first=timedelta(seconds=2), most=timedelta(seconds=6))


def test_a_delivery_is_due_at_once() -> None:
    (delivery,) = planned(["u1"], NOON)
    assert is_due(delivery, NOON)
    assert due_at([delivery]) == NOON


def test_a_sent_delivery_is_never_due_again() -> None:
    (delivery,) = planned(["u1"], NOON)
    sent = attempted(delivery, sent=True, now=NOON, luck=0.5, retries=RETRIES)
    assert (sent.state, sent.attempts, due_at([sent])) == ("sent", 1, None)


def test_the_waits_double_up_to_the_longest_and_then_it_is_given_up() -> None:
    (delivery,) = planned(["u1"], NOON)
    waits = []
    while delivery.state == "due":
        delivery = attempted(delivery, sent=False, now=NOON, luck=1.0, retries=RETRIES)
        waits.append(delivery.next_at - NOON if delivery.next_at else None)
    assert waits == [timedelta(seconds=2), timedelta(seconds=4), timedelta(seconds=6), None]
    assert (delivery.state, delivery.attempts) == ("failed", 4)


@given(luck=st.floats(0, 1, exclude_max=True), tries=st.integers(0, 60))
def test_a_wait_is_never_longer_than_the_longest_nor_shorter_than_half_the_first(luck: float, tries: int) -> None:
    patient = Retries(attempts=100, first=timedelta(seconds=2), most=timedelta(seconds=900))
    (delivery,) = planned(["u1"], NOON)
    for _ in range(tries + 1):
        delivery = attempted(delivery, sent=False, now=NOON, luck=luck, retries=patient)
    assert delivery.next_at is not None
    assert timedelta(seconds=1) <= delivery.next_at - NOON <= timedelta(seconds=900)


def test_an_address_that_was_taken_back_is_given_up() -> None:
    (delivery,) = planned(["u1"], NOON)
    assert abandoned(delivery).state == "failed"
    assert due_at([abandoned(delivery)]) is None


def test_the_soonest_delivery_says_when_the_notice_is_due() -> None:
    soon, late = planned(["u1", "u2"], NOON)
    late = attempted(late, sent=False, now=NOON, luck=0.0, retries=RETRIES)
    assert due_at([late, soon]) == NOON
    assert due_at([late]) == NOON + timedelta(seconds=1)
    assert due_at([]) is None
