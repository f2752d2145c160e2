"""HTTP connections on eventlet's server: which there are, what each is doing, and how they end. Knows no route."""

import logging
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import eventlet
from eventlet import greenio, wsgi

from chassis.exchanges import Connection

_log = logging.getLogger(__name__)

_KEPT_SECONDS: Final = 75
_SILENT_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.02


class Stopping(BaseException):
    """Thrown into a stream that waits for its next piece while the server stops."""


class Server(wsgi.Server):
    """eventlet's HTTP server, told which connections there are and what each is doing."""

    def __init__(self, listening: Any, app: Any) -> None:
        super().__init__(
            listening,
            listening.getsockname(),
            app,
            protocol=Connection,
            log_output=False,
            debug=False,
            keepalive=_KEPT_SECONDS,
            socket_timeout=_SILENT_SECONDS,
        )
        self.capitalize_response_headers = False
        self.log = _Complaints()
        self.draining = False
        self._states: dict[int, list[Any]] = {}
        self._streams: dict[Any, Stream] = {}

    def serve(self, connected: Any, address: Any) -> None:
        """All requests of one connection. What breaks a connection must not break the service."""
        state = [address, connected, wsgi.STATE_IDLE]
        self._states[id(state)] = state
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(_SILENT_SECONDS)
            self.process_request(state)
        except OSError as broken:
            _log.debug("connection broken", extra={"reason": str(broken)})
        except Exception:  # noqa: BLE001  nameko would stop the service for it; it is logged and ends here
            _log.exception("connection failed")
        finally:
            del self._states[id(state)]
            connected.close()

    def streaming(self, pieces: Iterable[bytes]) -> "Stream":
        """The pieces as an answer that `leave` can end."""
        return Stream(pieces, self)

    def leave(self, grace: float) -> None:
        """End the streams, let requests under way finish for at most `grace` seconds, then close every connection."""
        self.draining = True
        for thread, stream in list(self._streams.items()):
            if stream.waiting:
                eventlet.kill(thread, Stopping())
        deadline = time.monotonic() + grace
        while self._busy() and time.monotonic() < deadline:
            eventlet.sleep(_LOOK_SECONDS)
        if left := len(self._busy()):
            _log.warning("requests cut off", extra={"requests": left})
        self.cut()

    def cut(self) -> None:
        """Close every connection, whatever it is doing."""
        for state in list(self._states.values()):
            state[2] = wsgi.STATE_CLOSE
            greenio.shutdown_safe(state[1])

    def _busy(self) -> list[Any]:
        return [state for state in self._states.values() if state[2] == wsgi.STATE_REQUEST]


class _Complaints:
    """What eventlet has to say about answers that failed while they were sent."""

    def info(self, message: str, *_: Any) -> None:
        """A traceback, told inside its `except`. A client that left is no error, a stream that broke is."""
        left = isinstance(sys.exc_info()[1], OSError | eventlet.Timeout)
        _log.log(logging.DEBUG if left else logging.ERROR, "answer not sent whole", extra={"reason": message})

    def debug(self, message: str, *_: Any) -> None:
        """Connections that came, went and timed out."""
        _log.debug(message)

    error = debug


class Stream:
    """An answer without an end of its own: the server ends it in good order when it stops."""

    def __init__(self, pieces: Iterable[bytes], server: Server) -> None:
        self._given = pieces
        self._pieces = iter(pieces)
        self._server = server
        self._thread = eventlet.getcurrent()
        self.waiting = False
        server._streams[self._thread] = self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._server.draining:
            raise StopIteration
        self.waiting = True
        try:
            return next(self._pieces)
        except Stopping:
            raise StopIteration from None
        finally:
            self.waiting = False

    def close(self) -> None:
        """Lets the generator clean up; WSGI calls it however the answer ended."""
        self._server._streams.pop(self._thread, None)
        if hasattr(self._given, "close"):
            self._given.close()
