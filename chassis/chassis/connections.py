"""HTTP connections on eventlet's server: which there are, what each is doing, and how they end. Knows no route."""

import io
import logging
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

import eventlet
from eventlet import greenio, wsgi

from chassis.heads import BadHead, Head, version_of

_log = logging.getLogger(__name__)

_KEPT_SECONDS: Final = 75
_SILENT_SECONDS: Final = 30
_LINGER_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.02
_PIECE_BYTES: Final = 65_536
_MOST_LINES: Final = 100
_NO_MORE: Final = (b"\r\n", b"\n", b"")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n"


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


class Connection(wsgi.HttpProtocol):
    """One connection; the application finds it in `environ["chassis.connection"]` and may make a request its last."""

    rfile: Any
    unheard = False

    def setup(self) -> None:
        """eventlet's, and what is the same for every request of the connection."""
        super().setup()
        host, port = wsgi.addr_to_host_port(self.connection.getsockname())
        peer, peer_port = wsgi.addr_to_host_port(self.client_address)
        self._always = {
            **self.server.get_environ(),
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "REMOTE_ADDR": peer,
            "REMOTE_PORT": str(peer_port),
            "GATEWAY_INTERFACE": "CGI/1.1",
            "chassis.connection": self,
        }

    def parse_request(self) -> bool:
        """Read the head. llhttp decides what is one; refusals are in the standard library's words where it has any."""
        lines = [self.raw_requestline, *self._fields()]
        version = version_of(self.raw_requestline)
        try:
            if version is None:
                raise BadHead("HTTP/1.0 or HTTP/1.1 is spoken here")
            head = Head(b"".join(lines), version)
        except BadHead as wrong:
            return self._refuse(lines, str(wrong))
        self.headers = head
        self.requestline = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        self.command, self.path, self.request_version = head.method, head.path, version
        self.close_connection = not head.keeps
        return True

    def get_environ(self) -> dict[str, Any]:
        """What the application is told of the request, and where it finds its body and this connection."""
        environ = {**self._always, **self.headers.environ(), "eventlet.posthooks": []}
        expects = environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        environ["wsgi.input"] = environ["eventlet.input"] = wsgi.Input(
            self.rfile,
            environ.get("CONTENT_LENGTH") if chunked else environ.get("CONTENT_LENGTH", "0"),
            self.connection,
            wfile=self.wfile if expects else None,
            wfile_line=_CONTINUE if expects else None,
            chunked_input=chunked,
        )
        return environ

    def _fields(self) -> Iterator[bytes]:
        """The lines up to the empty one. eventlet sees to it that they are not too long, alone and together."""
        for _ in range(_MOST_LINES):
            line = self.rfile.readline()
            yield line
            if line in _NO_MORE:
                return

    def _refuse(self, lines: list[bytes], why: str) -> bool:
        self.close_connection = True
        rest, self.rfile = self.rfile, io.BytesIO(b"".join(lines[1:]))
        try:
            if super().parse_request():
                self.send_error(HTTPStatus.BAD_REQUEST, why)
        finally:
            self.rfile = rest
        return False

    def leave(self, unheard: bool) -> None:
        """Make this request the connection's last; `unheard` when part of it is still being sent."""
        self.close_connection = True
        self.unheard = unheard

    def finish(self) -> None:
        """Close. Over what is still being sent that would be a reset, and the answer lost: hear it out a little."""
        if self.unheard:
            try:
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_WR)
                with eventlet.Timeout(_LINGER_SECONDS, False):
                    while self.connection.recv(_PIECE_BYTES):
                        pass
            except OSError:
                _log.debug("the client left first")
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Complaints about requests that are no HTTP."""
        _log.debug(format, *args)
