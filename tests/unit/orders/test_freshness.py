"""Stale edits are refused, fresh and careless ones are not."""

import pytest
from tests.unit.orders.builders import allotment, order, parcel

from chassis.refusals import Stale
from orders import freshness


@pytest.mark.parametrize("if_match", [None, "*", '"1"', '"7", "1"'])
def test_who_saw_it_as_it_is_or_does_not_say_may_change_it(if_match: str | None) -> None:
    freshness.require_fresh(order(), if_match)


@pytest.mark.parametrize("if_match", ['"0"', "1", 'W/"1"', ""])
def test_who_saw_another_state_may_not(if_match: str) -> None:
    with pytest.raises(Stale, match="order-changed") as refused:
        freshness.require_fresh(order(), if_match)
    assert refused.value.figures == {"version": 1}


def test_the_refusal_names_what_has_changed() -> None:
    for noun, code in ((allotment(version=3), "allotment-changed"), (parcel(version=3), "parcel-changed")):
        with pytest.raises(Stale, match=code):
            freshness.require_fresh(noun, '"2"')
