"""Who stands outside and is told things: somebody's webhook, and browsers on the live page."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import httpx

_SILENCE: Final = 60.0  # seconds; notify breaks it every 15


class Hook:
    """Somebody's webhook: takes what comes at /well, answers 500 at /broken."""

    def __init__(self) -> None:
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(500 if "broken" in self.path else 204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Not worth a line."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def listen(url: str) -> None:
    """A browser on the live page, until the service ends."""
    try:
        with httpx.stream("GET", url, timeout=_SILENCE, trust_env=False) as answer:
            for _ in answer.iter_raw():
                pass
    except httpx.TransportError:
        return
