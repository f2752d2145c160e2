"""Many requests placed in turns: while the orders of one turn are made, the next is decided. Knows no database.

A turn begins when the one before has passed its decision, so that requests on one allotment are still decided in
their order.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final

from orders.committer import Passed
from orders.domain import Outcome, Request

Place = Callable[[Sequence[Request], Passed], list[Outcome]]
_SIDE_BY_SIDE: Final = 2
_A_TURN: Final = 1_000  # a batch rides in its allotment, and is copied with each of its writes


def in_turns(place: Place, requests: Sequence[Request], size: int = _A_TURN) -> list[Outcome]:
    """An outcome for each request, in their order. What a turn raises is raised when all have ended."""
    turns = [requests[start : start + size] for start in range(0, len(requests), size)]
    before = Event()
    before.set()
    futures = []
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for turn in turns:
            passed = Event()
            futures.append(pool.submit(_turn, place, turn, before, passed))
            before = passed
    return [outcome for future in futures for outcome in future.result()]


def _turn(place: Place, requests: Sequence[Request], before: Event, passed: Event) -> list[Outcome]:
    before.wait()
    try:
        return place(requests, passed.set)
    finally:
        passed.set()
