"""Callers who notice every failure: each takes its turns on a connection of its own.

A connection is used until its answer says that it ends, or it is seen to have ended, as every client does; then a new
one is made. Nobody tries anything again unless told to be stubborn. What came of all is in `Said`. Knows no service.
"""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import TracebackType
from typing import Any, Final, Protocol, Self

from contracts.ids import new_id

PATIENCE_SECONDS: Final = 20.0
_FOR_NOW: Final = frozenset({429, 502, 503, 504})
_RETRY_SECONDS: Final = 0.2


class Failed(Exception):
    """A request was not answered as it had to be."""


class Doors(Protocol):
    """Where callers are let in."""

    def connect(self) -> HTTPConnection:
        """A connection, made. Raises OSError if it is not taken."""


class Door:
    """One address: a service's name, behind which somebody chooses a replica for every connection."""

    def __init__(self, address: str) -> None:
        """`address`: HOST:PORT."""
        host, _, port = address.partition(":")
        self._host, self._port = host, int(port or 80)

    def connect(self) -> HTTPConnection:
        connection = HTTPConnection(self._host, self._port, timeout=PATIENCE_SECONDS)
        connection.connect()
        return connection


class Said:
    """What came of all requests. `retried`: how often somebody had to ask again, which only the stubborn do."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        self.longest = 0.0
        self.connections = 0
        self.retried = 0
        self._began = time.monotonic()

    def answer(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.longest = max(self.longest, seconds)

    def failure(self, what: str) -> Failed:
        self.failures.append(f"after {time.monotonic() - self._began:.2f} s: {what}")
        return Failed(what)


class Caller:
    """One client with one connection, or with a new one for each request if it is `fresh`.

    `stubborn`: seconds for which it asks the same again, with the same key, where no answer came that counts.
    """

    def __init__(self, doors: Doors, said: Said, *, fresh: bool = False, stubborn: float = 0.0) -> None:
        self.kept: dict[str, Any] = {}  # whatever its turns want to remember
        self._doors = doors
        self._said = said
        self._fresh = fresh
        self._stubborn = stubborn
        self._connection: HTTPConnection | None = None

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: Mapping[str, str] | None = None,
        key: str = "",
        expect: int | Iterable[int] = 200,
    ) -> Any:
        """The answer's JSON; None if it has none. A POST that is given no key has one of its own."""
        headers = {"Accept-Encoding": "identity", **(by or {})}
        if method == "POST":
            headers["Idempotency-Key"] = key or new_id()
        if body is not None:
            headers["Content-Type"] = "application/json"
        answer, text = self._answer(method, path, None if body is None else json.dumps(body), headers)
        if answer.status not in ({expect} if isinstance(expect, int) else set(expect)):
            raise self.failed(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else None

    def failed(self, what: str) -> Failed:
        """Note it."""
        return self._said.failure(what)

    def drop(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _answer(self, *request: Any) -> tuple[HTTPResponse, bytes]:
        """The first that counts; of the impatient the first of all."""
        gives_up = time.monotonic() + self._stubborn
        while True:
            began = time.monotonic()
            try:
                answer, text = self._exchange(*request)
            except (OSError, HTTPException) as broken:
                self.drop()
                if began >= gives_up:
                    raise self.failed(f"{request[0]} {request[1]}: {type(broken).__name__}: {broken}") from broken
            else:
                self._said.answer(answer.status, time.monotonic() - began)
                if answer.status not in _FOR_NOW or began >= gives_up:
                    return answer, text
            self._said.retried += 1
            time.sleep(_RETRY_SECONDS)

    def _exchange(self, *request: Any) -> tuple[HTTPResponse, bytes]:
        if self._connection is None or self._fresh or _ended(self._connection):
            self.drop()
            self._connection = self._doors.connect()
            self._said.connections += 1
        self._connection.request(*request)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.will_close:
            self.drop()
        return answer, text


class Load:
    """Callers that take their turns until the block ends. Every second one of them is `fresh`, if any is to be."""

    def __init__(
        self,
        doors: Doors,
        turn: Callable[[Caller], None],
        callers: int = 6,
        pause: float = 0.03,
        *,
        fresh: bool = False,
        stubborn: float = 0.0,
    ) -> None:
        self.said = Said()
        self._turn = turn
        self._callers = [
            Caller(doors, self.said, fresh=fresh and number % 2 == 1, stubborn=stubborn) for number in range(callers)
        ]
        self._pause = pause
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def also(self, what: Callable[[], None], every: float = 0.0) -> None:
        """Something else that is done again and again from now on."""
        thread = threading.Thread(target=self._repeat, args=(what, every), daemon=True)
        self._threads.append(thread)
        thread.start()

    def __enter__(self) -> Self:
        for number, caller in enumerate(self._callers):
            self.also(partial(self._turn, caller), self._pause * (20 if number == 0 else 1))  # one is in no hurry
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        for caller in self._callers:
            caller.drop()

    def _repeat(self, what: Callable[[], None], pause: float) -> None:
        while not self._over.is_set():
            try:
                what()
            except Failed:
                time.sleep(0.05)  # it is noted already
            except Exception as error:
                self.said.failure(f"the turn itself: {type(error).__name__}: {error}")
                raise
            time.sleep(pause)


def _ended(connection: HTTPConnection) -> bool:
    """Whether the server has ended it: every client looks before it uses a connection again."""
    assert connection.sock is not None
    connection.sock.setblocking(False)
    try:
        return not connection.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.sock.settimeout(PATIENCE_SECONDS)
