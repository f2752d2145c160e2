"""How a Kafka client waits for its sockets under eventlet, also when one of them is closed while it waits.

kafka-python has a thread of its own that selects, and closes sockets from other threads. eventlet's `select` breaks of
it: it raises and leaves listeners behind in its hub, so that every later `select` on these sockets raises too, and the
client can neither go on nor be closed. And of two sockets that are ready at once it tells one; for the other it wakes
whoever waited a second time, wherever they are by then.
"""

import selectors
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import eventlet
from eventlet.hubs import get_hub
from eventlet.patcher import is_monkey_patched

_NO_MORE: Final = (OSError, RuntimeError, ValueError, KeyError)  # what a hub says of a socket that was closed


def selector() -> type[selectors.BaseSelector]:
    """What clients should select with: in a process without greenthreads what they always do."""
    return GreenSelector if is_monkey_patched("select") else selectors.DefaultSelector


class GreenSelector(selectors.SelectSelector):
    """Waits in eventlet's hub, and tells all that is ready. A socket that was closed counts: reading it says so."""

    def _select(
        self, readers: Iterable[int], writers: Iterable[int], _: Iterable[int], timeout: float | None = None
    ) -> tuple[list[int], list[int], list[int]]:
        wait = _Wait()
        try:
            wait.listen(wait.hub.READ, readers, wait.readers)
            wait.listen(wait.hub.WRITE, writers, wait.writers)
            return wait.until(timeout)
        finally:
            wait.end()


class _Wait:
    """One wait of one greenthread; woken once."""

    def __init__(self) -> None:
        self.hub = get_hub()
        self.readers: list[int] = []
        self.writers: list[int] = []
        self._waiting = eventlet.getcurrent()
        self._listeners: list[Any] = []
        self._timers: list[Any] = []
        self._woken = False

    def listen(self, kind: str, filenos: Iterable[int], ready: list[int]) -> None:
        for fileno in filenos:
            try:
                self._listeners.append(self.hub.add(kind, fileno, self._heard(ready), self._reused, lambda: None))
            except _NO_MORE:
                self._heard(ready)(fileno)

    def until(self, timeout: float | None) -> tuple[list[int], list[int], list[int]]:
        if timeout is not None:
            # In two steps: the hub fires timers before it looks at sockets, and should have looked once.
            self._later(timeout, self._wake)
        self.hub.switch()
        return self.readers, self.writers, []

    def end(self) -> None:
        """Leave nothing behind, whatever became of the sockets."""
        self._woken = True
        for timer in self._timers:
            timer.cancel()
        for listener in self._listeners:
            with suppress(*_NO_MORE):
                self.hub.remove(listener)

    def _heard(self, ready: list[int]) -> Callable[[int], None]:
        def note(fileno: int) -> None:
            ready.append(fileno)
            self._wake()

        return note

    def _reused(self, *_: object) -> None:
        """A socket was closed, and a new one has its number."""
        self._wake()

    def _wake(self) -> None:
        """Soon, so that whatever else is ready by now is told too."""
        if not self._woken:
            self._woken = True
            self._later(0, self._waiting.switch)

    def _later(self, seconds: float, what: Callable[[], object]) -> None:
        self._timers.append(self.hub.schedule_call_global(seconds, what))
