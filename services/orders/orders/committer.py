"""Group commit: those who come while a commit is under way share the next one. Knows neither orders nor databases.

Who comes to an empty room commits at once, so a lone buyer waits for nobody; who comes meanwhile takes a seat, and
the first of the seated commits for all of them. No thread of its own: the callers do the work.

A commit may say that it has `passed` its decision, and only waits for the database. Then the next one may begin to
decide, as soon as enough are seated to be worth it: so neither the database waits for us nor we for the database. Two
decide never at once, and no more than two commits are under way.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
A = TypeVar("A")
_SIDE_BY_SIDE: Final = 2
Passed = Callable[[], None]


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


class _Room(Generic[R, A]):
    """Who waits for one key, and what is under way for it."""

    __slots__ = ("deciding", "last", "running", "seats")

    def __init__(self) -> None:
        self.seats: deque[_Seat[R, A]] = deque()
        self.deciding = False
        self.running = 0
        self.last = 0

    def call(self) -> None:
        """Let the first of the seated commit, if it is time."""
        worth_it = self.running == 0 or (self.running < _SIDE_BY_SIDE and len(self.seats) * 2 >= self.last)
        if self.seats and not self.deciding and worth_it:
            self.deciding = True
            self.seats[0].gate.release()


class Committer(Generic[K, R, A]):
    """`submit` returns the answer to one request; `commit` answers many of one key, in their order."""

    def __init__(self, commit: Callable[[K, Sequence[R], Passed], Sequence[A]], most: int = 256) -> None:
        self._commit = commit
        self._most = most
        self._rooms: dict[K, _Room[R, A]] = {}
        self._lock = threading.Lock()

    def submit(self, key: K, request: R) -> A:
        """Answered together with whoever else is waiting on this key."""
        seat: _Seat[R, A] = _Seat(request)
        with self._lock:
            room = self._rooms.setdefault(key, _Room())
            room.seats.append(seat)
            room.call()
        seat.gate.acquire()
        if not seat.answered:
            self._lead(key, room)
        if seat.error is not None:
            raise seat.error
        return seat.answer  # type: ignore[return-value]  # answered, so it is one

    def _lead(self, key: K, room: _Room[R, A]) -> None:
        """Commit for the seated (the caller is the first of them)."""
        with self._lock:
            seats = [room.seats.popleft() for _ in range(min(len(room.seats), self._most))]
            room.running += 1
            room.last = len(seats)
        passed = self._once(room)
        try:
            answers = self._commit(key, [seat.request for seat in seats], passed)
            for seat, answer in zip(seats, answers, strict=True):
                seat.answer = answer
        except BaseException as error:  # noqa: BLE001  whatever it is, it is the answer to all of them
            for seat in seats:
                seat.error = error
        finally:
            passed()
            self._leave(key, room)
            for seat in seats:
                seat.answered = True
                seat.gate.release()

    def _once(self, room: _Room[R, A]) -> Passed:
        said = False

        def passed() -> None:
            nonlocal said
            with self._lock:
                if not said:
                    said, room.deciding = True, False
                    room.call()

        return passed

    def _leave(self, key: K, room: _Room[R, A]) -> None:
        with self._lock:
            room.running -= 1
            room.call()
            if not room.seats and not room.running and not room.deciding:
                del self._rooms[key]
