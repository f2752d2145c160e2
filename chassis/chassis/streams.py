"""Answers without an end of their own, which the server ends in good order when it stops. Knows no socket."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import eventlet


class Stopping(BaseException):
    """Thrown into a stream that waits for its next piece when it is to end."""


class Stream:
    """One such answer, sent piece by piece in the green thread that made it."""

    def __init__(self, pieces: Iterable[bytes], connection: Any, closed: Callable[["Stream"], object]) -> None:
        self._given = pieces
        self._pieces = iter(pieces)
        self._connection = connection
        self._closed = closed
        self._thread = eventlet.getcurrent()
        self._waiting = False
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._ended:
            raise StopIteration
        self._waiting = True
        try:
            return next(self._pieces)
        except Stopping:
            raise StopIteration from None
        finally:
            self._waiting = False

    def end(self) -> None:
        """After the piece that is being sent, with its connection: who comes back is to come to another server."""
        self._ended = True
        self._connection.leave()
        if self._waiting:
            eventlet.kill(self._thread, Stopping())

    def close(self) -> None:
        """Lets the generator clean up; WSGI calls it however the answer ended."""
        self._closed(self)
        if hasattr(self._given, "close"):
            self._given.close()
