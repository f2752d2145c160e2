"""The sockets of the HTTP door: listens, keeps connections, and leaves in good order when the service stops.

Stopping: no new connection is taken; requests under way are finished; streams are ended; a request that still arrives
on a kept connection gets 503; after `shutdown_grace_seconds` what is left is cut off. What requests mean is `app.py`'s.
"""

import errno
import logging
from functools import partial
from typing import Any, Final

import eventlet
from eventlet.event import Event
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
from chassis.standard import endpoints

_log = logging.getLogger(__name__)

_BACKLOG: Final = 1024
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
        self._app: Any = None
        self._server: Any = None

    def register(self, entrypoint: Any) -> None:
        """A route of this service; called before the server starts."""
        self._entrypoints.append(entrypoint)

    def start(self) -> None:
        """Listen. From here on, requests are answered."""
        settings: Settings = self.container.config["settings"]
        self._app = self._application(settings)
        address = parse_address(self.container.config["WEB_SERVER_ADDRESS"])
        # eventlet would share the address with any other process that listens on it, and each get half of the requests
        self._listening = eventlet.listen(address, backlog=_BACKLOG, reuse_port=False)
        self._listening.settimeout(None)
        self._server = Server(self._listening, self._app)
        self._accepting = self.container.spawn_managed_thread(self._accept)

    def drain(self) -> None:
        """Finish what is under way and take nothing new. Returns when done; every later caller waits for the first."""
        if self._left is not None:
            self._left.wait()
            return
        self._left = Event()
        self.health.leave()
        if self._server is not None:
            self._app.draining = self._server.draining = True
            self._accepting.kill()
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

    def _application(self, settings: Settings) -> Application:
        verifier = Verifier(settings.oidc_issuer, settings.oidc_audience)
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
            self.container.spawn_managed_thread(partial(self._server.serve, connected, address), "http connection")
