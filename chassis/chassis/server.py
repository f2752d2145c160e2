"""The sockets of the HTTP door: listens, keeps connections, and leaves in good order when the service stops.

Stopping: from now on it is not ready; for `shutdown_delay_seconds` it answers as ever, each answer the last of its
connection, and streams are ended in the second half; then the listener is closed and what has begun is finished within
`shutdown_grace_seconds`. Nobody is refused by a server that is there. What requests mean is `app.py`'s.
"""

import errno
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final

import eventlet
from eventlet.event import Event
from eventlet.greenio import GreenSocket
from eventlet.semaphore import Semaphore
from nameko.extensions import SharedExtension
from nameko.web.server import parse_address

from chassis.app import Application
from chassis.auth import Verifier
from chassis.config import Settings
from chassis.connections import Server
from chassis.cors import Cors
from chassis.door import Door
from chassis.health import Health
from chassis.newcomers import turn_away
from chassis.outages import pauses
from chassis.routes import PUBLIC
from chassis.standard import endpoints

_log = logging.getLogger(__name__)

_BACKLOG: Final = 1024
_HANDSHAKE_SECONDS: Final = 0.1  # whoever was about to be connected is by then
_NO_MORE_FILES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class WebServer(SharedExtension):
    """One per container, shared by its routes."""

    health = Health()

    def __init__(self) -> None:
        super().__init__()
        self._entrypoints: list[Any] = []
        self._listening: Any = None
        self._accepting: Any = None
        self._left: Event | None = None
        self._server: Any = None
        self._without_keys = True

    def register(self, entrypoint: Any) -> None:
        """A route of this service; called before the server starts."""
        self._entrypoints.append(entrypoint)

    def start(self) -> None:
        """Listen. From here on, requests are answered."""
        settings: Settings = self.container.config["settings"]
        verifier = Verifier(settings.oidc_issuer, settings.oidc_audience)
        if any(entrypoint.route.who is not PUBLIC for entrypoint in self._entrypoints):
            self.health.register("issuer", lambda: "its keys are not there yet" if self._without_keys else None)
            self.container.spawn_managed_thread(lambda: self._fetch_keys(verifier), "issuer's keys")
        app = self._application(settings, verifier)
        address = parse_address(self.container.config["WEB_SERVER_ADDRESS"])
        # eventlet would share the address with any other process that listens on it, and each get half of the requests
        self._listening = eventlet.listen(address, backlog=_BACKLOG, reuse_port=False)
        self._listening.settimeout(None)
        self._server = Server(self._listening, app)
        self._accepting = self.container.spawn_managed_thread(self._accept)

    def leave(self) -> None:
        """Go on for a while as if nothing were, so that whoever sends requests here learns to send them elsewhere."""
        delay = self.container.config["settings"].shutdown_delay_seconds
        until = time.monotonic() + delay
        self.health.leave()
        if self._server is not None:
            self._server.leaving = True
            eventlet.sleep(delay / 2)
            self._server.end_streams(over=delay / 2)
            eventlet.sleep(max(0.0, until - time.monotonic()))

    def drain(self) -> None:
        """Finish what is under way and take nothing new. Returns when done; every later caller waits for the first."""
        if self._left is not None:
            self._left.wait()
            return
        self._left = Event()
        self.health.leave()
        if self._server is not None:
            self._accepting.kill()
            turn_away(self._listening.fd)
            self._take_the_last()
            eventlet.sleep(_HANDSHAKE_SECONDS)
            self._take_the_last()
            self._listening.close()
            self._server.leave(self.container.config["settings"].shutdown_grace_seconds)
        self._left.send(None)

    def stop(self) -> None:
        """Everything was said; nothing is left to do unless no route asked for it."""
        self.drain()

    def kill(self) -> None:
        """Cut everything off."""
        if self._server is not None:
            self._listening.close()
            self._server.cut()

    def _fetch_keys(self, verifier: Verifier) -> None:
        """Whoever calls first is neither kept waiting for them nor refused: until then others have them."""
        for pause in pauses():
            if verifier.prepare():
                break
            eventlet.sleep(pause)
        self._without_keys = False

    def _application(self, settings: Settings, verifier: Verifier) -> Application:
        workers = Semaphore(self.container.max_workers)
        own = [(entrypoint.route, Door(entrypoint, settings, verifier, workers)) for entrypoint in self._entrypoints]
        standard = endpoints(self.container.service_cls, self.health)
        return Application(self.container.service_name, [*standard, *own], Cors(settings.cors_origins))

    def _accept(self) -> None:
        while True:
            try:
                connected, address = self._listening.accept()
            except OSError as wrong:
                if wrong.errno in _NO_MORE_FILES:
                    _log.warning("no connection can be taken", extra={"reason": wrong.strerror})
                    eventlet.sleep(0.1)
                continue
            self._serve(connected, address)

    def _take_the_last(self) -> None:
        for connected, address in _backlog(self._listening):
            self._serve(connected, address)

    def _serve(self, connected: GreenSocket, address: Any) -> None:
        known = self._server.take(connected, address)
        self.container.spawn_managed_thread(partial(self._server.serve, known), "http connection")


def _backlog(listening: GreenSocket) -> Iterator[tuple[GreenSocket, Any]]:
    """Those whom the kernel has taken in already: closing the listener would reset them."""
    with suppress(OSError):  # the end of the queue, or no more files
        while True:
            connected, address = listening.fd.accept()
            yield GreenSocket(connected), address
