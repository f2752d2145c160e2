"""HTTP connections on eventlet's server: which there are, what each is doing, and how they end. Knows no route."""

import logging
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sized
from typing import Any, Final

import eventlet
from eventlet import wsgi

from chassis.exchanges import Connection
from chassis.streams import Stream

_log = logging.getLogger(__name__)

_KEPT_SECONDS: Final = 75
_SILENT_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.02
_YOUNG_SECONDS: Final = 1.0  # who has just connected is about to ask
_FAREWELL_SECONDS: Final = 0.5  # for clients to hear that a connection ends, and to end it too


class Known(list[Any]):
    """A connection as eventlet knows it, `[address, socket, state]`, and what else is to be known to end it."""

    def __init__(self, connected: Any, address: Any) -> None:
        super().__init__([address, connected, wsgi.STATE_IDLE])
        self._since = time.monotonic()
        self._asked = False

    def asks(self) -> None:
        """A request begins."""
        self._asked = True
        self[2] = wsgi.STATE_REQUEST

    @property
    def busy(self) -> bool:
        """Whether a request is under way, or surely about to be."""
        young = not self._asked and time.monotonic() - self._since < _YOUNG_SECONDS
        return self[2] == wsgi.STATE_REQUEST or (self[2] == wsgi.STATE_IDLE and (young or self._heard()))

    def dismiss(self) -> None:
        """Say that nothing will be answered any more; what is still sent is heard, so that nobody is reset."""
        self[2] = wsgi.STATE_CLOSE
        self._shut(socket.SHUT_WR)

    def cut(self) -> None:
        """End it, whatever it is doing."""
        self[2] = wsgi.STATE_CLOSE
        self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        try:
            self[1].shutdown(how)
        except OSError as gone:
            _log.debug("the client left first", extra={"reason": str(gone)})

    def _heard(self) -> bool:
        """Whether something has come that nobody has read yet."""
        try:
            return bool(self[1].fd.recv(1, socket.MSG_PEEK))
        except OSError:  # nothing yet, or broken
            return False


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
        self.leaving = False  # from when on every answer is the last of its connection
        self._known: dict[int, Known] = {}
        self._streams: dict[Stream, None] = {}

    def take(self, connected: Any, address: Any) -> Known:
        """Know of a connection, to be served at once."""
        known = Known(connected, address)
        self._known[id(known)] = known
        return known

    def serve(self, known: Known) -> None:
        """All requests of one connection. What breaks a connection must not break the service."""
        connected = known[1]
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(_SILENT_SECONDS)
            self.process_request(known)
        except OSError as broken:
            _log.debug("connection broken", extra={"reason": str(broken)})
        except Exception:  # noqa: BLE001  nameko would stop the service for it; it is logged and ends here
            _log.exception("connection failed")
        finally:
            del self._known[id(known)]
            connected.close()

    def streaming(self, pieces: Iterable[bytes], connection: Connection) -> Stream:
        """The pieces as an answer that `end_streams` can end."""
        stream = Stream(pieces, connection, lambda ended: self._streams.pop(ended, None))
        self._streams[stream] = None
        return stream

    def end_streams(self, over: float = 0.0) -> None:
        """End the streams in good order, one by one over so many seconds: nobody comes back in a crowd."""
        streams, began = list(self._streams), time.monotonic()
        for number, stream in enumerate(streams):
            eventlet.sleep(max(0.0, began + over * number / len(streams) - time.monotonic()))
            stream.end()

    def leave(self, grace: float) -> None:
        """Let requests under way finish for at most `grace` seconds, say goodbye to the idle, then close everything."""
        self.leaving = True
        self.end_streams()
        self._wait(grace, self._busy)
        if left := len(self._busy()):
            _log.warning("requests cut off", extra={"requests": left})
        else:
            self._wait(min(_FAREWELL_SECONDS, grace), lambda: self._known)
        self.cut()

    def cut(self) -> None:
        """Close every connection, whatever it is doing."""
        for known in list(self._known.values()):
            known.cut()

    def _wait(self, seconds: float, going_on: Callable[[], Sized]) -> None:
        deadline = time.monotonic() + seconds
        while going_on() and time.monotonic() < deadline:
            eventlet.sleep(_LOOK_SECONDS)

    def _busy(self) -> list[Known]:
        """Those with a request under way. The others are said goodbye to as soon as they are seen to be idle."""
        busy = []
        for known in list(self._known.values()):
            if known.busy:
                busy.append(known)
            elif known[2] == wsgi.STATE_IDLE:
                known.dismiss()
        return busy


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
