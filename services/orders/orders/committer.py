"""Group commit: those who come while a commit is under way share the next one. Knows neither orders nor databases.

Who comes to an empty room commits at once, so a lone buyer waits for nobody; who comes meanwhile takes a seat, and
when the commit is done the first of the seated commits for all of them. No thread of its own: the callers do the
work, one at a time for each key.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
A = TypeVar("A")


class _Seat(Generic[R, A]):
    """A request that waits, until it is answered or its owner is called to commit.

    It waits at a lock, once: an Event is a lock, a condition and a list, for every request.
    """

    __slots__ = ("answer", "answered", "error", "gate", "request")

    def __init__(self, request: R) -> None:
        self.request = request
        self.gate = threading.Lock()
        self.gate.acquire()
        self.answered = False
        self.answer: A | None = None
        self.error: BaseException | None = None


class Committer(Generic[K, R, A]):
    """`submit` returns the answer to one request; `commit` answers many of one key, in their order."""

    def __init__(self, commit: Callable[[K, Sequence[R]], Sequence[A]], most: int = 256) -> None:
        self._commit = commit
        self._most = most
        self._rooms: dict[K, deque[_Seat[R, A]]] = {}
        self._lock = threading.Lock()

    def submit(self, key: K, request: R) -> A:
        """Answered together with whoever else is waiting on this key."""
        seat: _Seat[R, A] = _Seat(request)
        with self._lock:
            room = self._rooms.get(key)
            if alone := room is None:
                self._rooms[key] = room = deque()
            room.append(seat)
        if not alone:
            seat.gate.acquire()
        if not seat.answered:
            self._lead(key, room)
        if seat.error is not None:
            raise seat.error
        return seat.answer  # type: ignore[return-value]  # answered, so it is one

    def _lead(self, key: K, room: deque[_Seat[R, A]]) -> None:
        """Commit for the seated (the caller is the first of them), then call the next one to lead."""
        seats = [room.popleft() for _ in range(min(len(room), self._most))]
        try:
            answers = self._commit(key, [seat.request for seat in seats])
            for seat, answer in zip(seats, answers, strict=True):
                seat.answer = answer
        except BaseException as error:  # noqa: BLE001  whatever it is, it is the answer to all of them
            for seat in seats:
                seat.error = error
        finally:
            self._hand_over(key, room)
            for seat in seats:
                seat.answered = True
                seat.gate.release()

    def _hand_over(self, key: K, room: deque[_Seat[R, A]]) -> None:
        with self._lock:
            if room:
                room[0].gate.release()
            else:
                del self._rooms[key]
