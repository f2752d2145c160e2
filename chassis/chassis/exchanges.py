"""One connection's requests and answers in turn: the head of each is `heads.py`'s, what to answer `app.py`'s.

An answer that is all there to a request that was all heard is sent here, in one piece. Everything out of the ordinary
(streams, HEAD, bodies unread or in chunks, `Expect`) is sent by eventlet.
"""

import io
import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import eventlet
from eventlet import wsgi

from chassis.chunks import Body
from chassis.heads import BadHead, Head, version_of
from chassis.replies import Reply, status_line

_log = logging.getLogger(__name__)

_LINGER_SECONDS: Final = 2.0
_PIECE_BYTES: Final = 65_536
_MOST_LINES: Final = 100
_NO_MORE: Final = (b"\r\n", b"\n", b"")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n"


class Connection(wsgi.HttpProtocol):
    """One connection; the application finds it in `environ["chassis.connection"]` and may make a request its last."""

    rfile: Any
    application: Any
    conn_state: Any
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

    def _read_request_line(self) -> bytes:
        """Wait for the next request. From its first byte on the connection is not idle, whoever looks at it."""
        self.connection.settimeout(self.server.keepalive)
        try:
            comes = self.rfile.peek(1)
        except TimeoutError:
            raise
        except OSError:  # the client broke off
            comes = b""
        if not comes or self.conn_state[2] == wsgi.STATE_CLOSE:  # said goodbye to: no answer could be sent any more
            return b""
        self.conn_state.asks()
        return super()._read_request_line()  # type: ignore[no-any-return]  # eventlet has no types

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
        environ["wsgi.input"] = environ["eventlet.input"] = Body(
            self.rfile,
            None if chunked else environ.get("CONTENT_LENGTH", "0"),
            self.connection,
            wfile=self.wfile if expects else None,
            wfile_line=_CONTINUE if expects else None,
            chunked_input=chunked,
        )
        return environ

    def handle_one_response(self) -> None:
        """Answer. `server.app` gives a `Reply`, which becomes a WSGI application where eventlet is to send it."""
        reply = self.application(self.environ)
        whole = self._whole(reply)
        if whole is None:
            self.application = self._wsgi(reply)
            super().handle_one_response()
        else:
            self.wfile.write(whole)
            self.wfile.flush()

    def _whole(self, reply: Reply) -> bytes | None:
        """The answer's bytes; None when eventlet is to send it."""
        source = self.environ["wsgi.input"]
        heard = source.wfile is None and not source.chunked_input and source.position >= source.content_length
        if not (heard and reply.whole) or self.command == "HEAD":
            return None
        fields = "".join([f"{name}: {value}\r\n" for name, value in reply.headers])
        head = f"HTTP/1.1 {status_line(reply.status)}\r\n{fields}Date: {_date(int(time.time()))}\r\n{self._wish()}\r\n"
        return b"".join((head.encode("latin-1"), *reply.body))

    def _wish(self) -> str:
        """What is said of the connection: that it ends, or to who asked for it, that it is kept."""
        if self.close_connection:
            return "Connection: close\r\n"
        if self.headers.get("connection", "").lower() != "keep-alive":
            return ""
        return f"Connection: keep-alive\r\nKeep-Alive: timeout={self.server.keepalive}\r\n"

    def _wsgi(self, reply: Reply) -> Callable[..., Iterable[bytes]]:
        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            start_response(status_line(reply.status), reply.headers)
            if self.command == "HEAD":
                return ()
            if not reply.stream:
                return reply.body
            environ["eventlet.minimum_write_chunk_size"] = 0
            return self.server.streaming(reply.body, self)  # type: ignore[no-any-return]  # eventlet has no types

        return application

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

    def leave(self, unheard: bool = False) -> None:
        """Make this request the connection's last; `unheard` when part of it is still being sent."""
        self.close_connection = True
        self.unheard = self.unheard or unheard

    def finish(self) -> None:
        """Close. Over what is still being sent that would be a reset, and the answer lost: hear it out a little."""
        if self.unheard or self.server.leaving:
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


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return str(wsgi.format_date_time(second))
