"""Placing in turns: in order, the next decided while the last is being made."""

from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest
from tests.unit.orders.builders import allotment, request

from orders.committer import Passed
from orders.domain import Request
from orders.turns import in_turns


class Engine:
    """Decides at once; making takes as long as it is told to, and may fail."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.decided: list[list[int]] = []
        self.second_decided = Event()
        self.overlapped = False
        self._fails_at = fails_at

    def __call__(self, requests: Sequence[Request], passed: Passed) -> Any:
        turn = len(self.decided)
        self.decided.append([one.quantity for one in requests])
        if turn == 1:
            self.second_decided.set()
        if turn == self._fails_at:
            raise ConnectionError
        passed()
        if turn == 0:
            self.overlapped = self.second_decided.wait(5)
        return [one.quantity for one in requests]


def wishes(number: int) -> list[Request]:
    stock = allotment()
    return [request(stock, quantity=count + 1) for count in range(number)]


def test_turns_are_decided_in_order_and_answered_in_order() -> None:
    engine = Engine()
    assert in_turns(engine, wishes(7), size=3) == [1, 2, 3, 4, 5, 6, 7]  # type: ignore[comparison-overlap]  # plain numbers
    assert engine.decided == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_turn_is_decided_while_the_one_before_is_being_made() -> None:
    engine = Engine()
    in_turns(engine, wishes(4), size=2)
    assert engine.overlapped


def test_nothing_is_placed_for_nobody() -> None:
    assert in_turns(Engine(), []) == []


def test_what_a_turn_raises_holds_up_no_other_and_is_raised_in_the_end() -> None:
    engine = Engine(fails_at=1)
    with pytest.raises(ConnectionError):
        in_turns(engine, wishes(6), size=2)
    assert len(engine.decided) == 3
