"""A browser on the live page: reads the events, and comes back with the last one it saw when a stream ends."""

import json
import socket
import time
from http.client import HTTPException, HTTPResponse
from typing import Any, Final

from tests.integration.rolling import Balancer, Said

_RETRY_SECONDS: Final = 0.3  # the page says 2: a test has no time for it


class Viewer:
    """What one browser has seen. A stream that breaks is a failure; one that ends in good order is not."""

    def __init__(self, balancer: Balancer, said: Said, path: str) -> None:
        self.slots: list[int] = []
        self.streams = 0
        self.resets = 0
        self._balancer = balancer
        self._said = said
        self._path = path
        self._last = ""
        self._socket: socket.socket | None = None
        self._left = False

    def watch(self) -> None:
        """One stream, to its end."""
        if self._left:
            return
        try:
            self._read(self._opened())
        except (OSError, HTTPException) as broken:
            if not self._left:
                raise self._said.failure(f"GET {self._path}: {type(broken).__name__}: {broken}") from broken
        time.sleep(_RETRY_SECONDS)

    def leave(self) -> None:
        """The tab is closed."""
        self._left = True
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)

    def _opened(self) -> HTTPResponse:
        connection = self._balancer.connect()
        self._socket = connection.sock
        connection.request("GET", self._path, headers={"Last-Event-ID": self._last} if self._last else {})
        answer = connection.getresponse()
        if answer.status != 200:
            raise HTTPException(f"answered {answer.status}")
        self.streams += 1
        return answer

    def _read(self, answer: HTTPResponse) -> None:
        fields: dict[str, str] = {}
        for line in answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            else:
                self._take(fields)
                fields = {}
        if not answer.isclosed():
            raise HTTPException("it ended in the middle")

    def _take(self, fields: dict[str, Any]) -> None:
        self._last = fields.get("id", self._last)
        self.resets += fields.get("event") == "reset"
        if fields.get("event") == "item.featured":
            self.slots.append(json.loads(fields["data"])["slot"])
