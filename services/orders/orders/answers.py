"""What became of the requests of one placing, round after round. Decides nothing, knows no database.

A request whose order could not be made is decided again under a new id: the old one was given up for ever.
"""

from collections.abc import Collection, Iterable

import msgspec

from contracts.ids import new_id
from orders.requests import Outcome, Request


class Answers:
    """By the ids that the requests came with."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcome] = {}
        self._came_with: dict[str, str] = {}

    def give(self, request: Request, outcome: Outcome) -> None:
        """This is what became of it."""
        self._outcomes[self._id(request)] = outcome

    def to(self, request: Request) -> Outcome:
        """What became of it."""
        return self._outcomes[self._id(request)]

    def left(self, requests: Iterable[Request], void: Collection[str]) -> list[Request]:
        """Those that have no answer yet, with new ids where their orders are void."""
        waiting = [request for request in requests if self._id(request) not in self._outcomes]
        return [self._again(request) if request.order_id in void else request for request in waiting]

    def _again(self, request: Request) -> Request:
        anew = msgspec.structs.replace(request, order_id=new_id())
        self._came_with[anew.order_id] = self._id(request)
        return anew

    def _id(self, request: Request) -> str:
        return self._came_with.get(request.order_id, request.order_id)
