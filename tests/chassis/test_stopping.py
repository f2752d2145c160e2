"""A service that is stopped finishes what it has begun, and refuses the rest."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx

from chassis.testing import eventually
from stack.services import Service

StartSample = Callable[..., Service]


class Asking(threading.Thread):
    """A request under way."""

    def __init__(self, service: Service, method: str, path: str, **options: Any) -> None:
        super().__init__(daemon=True)
        self._request = (method, f"{service.url}{path}")
        self._options = options
        self.answer: httpx.Response | None = None
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = httpx.request(*self._request, timeout=20, trust_env=False, **self._options)
        except httpx.TransportError as error:
            self.error = error


def in_flight(service: Service) -> float:
    lines = httpx.get(f"{service.url}/metrics").text.splitlines()
    (line,) = [line for line in lines if line.startswith("http_requests_in_flight{")]
    return float(line.rpartition(" ")[2]) - 1  # the one that asks


def begin_to_stop(service: Service) -> None:
    """SIGTERM; returns when the service takes no new connection any more."""
    service.process.terminate()
    host, _, port = service.url.removeprefix("http://").partition(":")

    def refused() -> bool:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(refused)


def test_a_request_under_way_is_finished_and_the_service_exits_with_0(start_sample: StartSample) -> None:
    service = start_sample()
    asking = Asking(service, "POST", "/slow", json={"seconds": 1.5})
    eventually(lambda: in_flight(service) == 1)
    begin_to_stop(service)
    asking.join(10)
    assert asking.answer
    assert asking.answer.status_code == 200
    assert asking.answer.headers["connection"] == "close"
    assert service.process.process.wait(10) == 0


def test_a_request_on_a_kept_connection_is_refused_while_stopping(start_sample: StartSample) -> None:
    service = start_sample()
    with httpx.Client(base_url=service.url) as kept:
        kept.get("/fruits")
        asking = Asking(service, "POST", "/slow", json={"seconds": 2})
        eventually(lambda: in_flight(service) == 1)
        begin_to_stop(service)
        answer = kept.get("/fruits")
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/stopping"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["connection"] == "close"
    asking.join(10)
    assert asking.answer
    assert asking.answer.status_code == 200


def test_idle_connections_do_not_hold_the_service_up(start_sample: StartSample) -> None:
    service = start_sample()
    with httpx.Client(base_url=service.url) as kept:
        kept.get("/fruits")
        service.process.terminate()
        assert service.process.process.wait(5) == 0


def test_a_stream_is_ended_in_good_order(start_sample: StartSample) -> None:
    service = start_sample()
    with httpx.Client(base_url=service.url, timeout=10) as client, client.stream("GET", "/ticks") as stream:
        pieces = stream.iter_text()
        assert next(pieces) == "data: first\n\n"
        service.process.terminate()
        assert list(pieces) == []
    assert service.process.process.wait(5) == 0


def test_patience_has_an_end(start_sample: StartSample) -> None:
    service = start_sample(SHUTDOWN_GRACE_SECONDS="0.5")
    asking = Asking(service, "POST", "/slow", json={"seconds": 60})
    eventually(lambda: in_flight(service) == 1)
    service.process.terminate()
    assert service.process.process.wait(10) == 0
    asking.join(10)
    assert asking.error


def test_a_pipe_that_a_client_left_does_not_hold_the_service_up(start_sample: StartSample) -> None:
    service = start_sample()
    host, _, port = service.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    service.process.terminate()
    assert service.process.process.wait(5) == 0
