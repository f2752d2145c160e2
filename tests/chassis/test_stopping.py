"""A service that is stopped lets others find out, goes on answering until they did, and finishes what it has begun."""

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.testing import eventually, patience
from stack.services import Service

StartSample = Callable[..., Service]
DELAY = {"SHUTDOWN_DELAY_SECONDS": "6"}
GRACE = {"SHUTDOWN_GRACE_SECONDS": "60"}  # what waits for it is told from what is only slow
AT_ONCE = 5 * patience()  # seconds
SOON = 10 * patience()
YOUNG_SECONDS = 1.0  # how old a connection may be that is still given the time to ask, as chassis.connections has it
REQUEST = b"GET /fruits HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /fruits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


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


def connected(service: Service, within: float = 10) -> socket.socket:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=within)


def closed(service: Service) -> bool:
    """Whether no new connection is taken any more; who is not answered at once is not waited for."""
    try:
        connected(service, within=0.05).close()
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        pass
    return False


def begin_to_stop(service: Service) -> None:
    """SIGTERM; returns when the service takes no new connection any more."""
    service.process.terminate()
    eventually(lambda: closed(service), every=0.01)


def says_it_is_stopping(service: Service) -> bool:
    return "stopping" in (service.lacks() or "")


def asked(connection: socket.socket) -> bytes:
    """The answer, or the name of what came instead."""
    try:
        connection.sendall(LAST)
        return heard(connection)
    except OSError as broken:
        return type(broken).__name__.encode()


def heard(connection: socket.socket) -> bytes:
    """Everything up to the end of the connection. Raises ConnectionResetError if it ends otherwise."""
    told = b""
    while piece := connection.recv(65_536):
        told += piece
    return told


# --- while others find out


def test_who_is_leaving_says_so_and_answers_as_ever(start_sample: StartSample) -> None:
    service = start_sample(**DELAY)
    with httpx.Client(base_url=service.url) as kept:
        assert kept.get("/fruits").headers["connection"] == "keep-alive"
        service.process.terminate()
        eventually(lambda: says_it_is_stopping(service), every=0.01)
        first, second = kept.get("/fruits"), kept.get("/fruits")  # the second by a new connection
    assert [first.status_code, second.status_code] == [200, 200]
    assert [first.headers["connection"], second.headers["connection"]] == ["close", "close"]
    assert httpx.get(f"{service.url}/health/live").status_code == 200
    assert service.process.process.wait(30) == 0


def test_the_delay_is_kept_whether_or_not_anybody_asks(start_sample: StartSample) -> None:
    service = start_sample(SHUTDOWN_DELAY_SECONDS="1", **GRACE)
    began = time.monotonic()
    begin_to_stop(service)
    assert time.monotonic() - began >= 1
    assert service.process.process.wait(AT_ONCE) == 0


def test_streams_go_on_for_half_of_the_delay_and_then_end_together_with_their_connection(
    start_sample: StartSample,
) -> None:
    service = start_sample(**DELAY)
    with connected(service) as connection:
        connection.sendall(b"GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: b"first" in connection.recv(1000, socket.MSG_PEEK))
        began = time.monotonic()
        service.process.terminate()
        told = heard(connection)
        took = time.monotonic() - began
    assert told.endswith(b"\r\n0\r\n\r\n")
    assert 3 <= took < 6
    assert not closed(service), "others are still answered"
    assert service.process.process.wait(30) == 0


def test_streams_end_one_after_the_other(start_sample: StartSample) -> None:
    service = start_sample(SHUTDOWN_DELAY_SECONDS="10")
    listening = [connected(service) for _ in range(4)]
    for connection in listening:
        connection.sendall(b"GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda connection=connection: b"first" in connection.recv(1000, socket.MSG_PEEK))
    ended: list[float] = []
    threads = [threading.Thread(target=lambda c=c: (heard(c), ended.append(time.monotonic()))) for c in listening]
    for thread in threads:
        thread.start()
    service.process.terminate()
    for thread in threads:
        thread.join(30)
    assert max(ended) - min(ended) > 2.5
    assert service.process.process.wait(30) == 0


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
def test_being_told_twice_changes_nothing(start_sample: StartSample, again: signal.Signals) -> None:
    service = start_sample(**DELAY)
    asking = Asking(service, "POST", "/slow", json={"seconds": 8})
    eventually(lambda: in_flight(service) == 1)
    for number in (signal.SIGTERM, again, again):
        service.process.process.send_signal(number)
        eventually(lambda: says_it_is_stopping(service), every=0.01)
    assert httpx.get(f"{service.url}/fruits").status_code == 200
    asking.join(30)
    assert asking.answer
    assert asking.answer.status_code == 200
    assert service.process.process.wait(30) == 0


def test_who_is_told_to_stop_before_it_began_just_ends(start_sample: StartSample) -> None:
    service = start_sample(ready=False)
    status = Path(f"/proc/{service.process.pid}/status")

    def listens_to_signals() -> bool:
        (caught,) = [line for line in status.read_text().splitlines() if line.startswith("SigCgt")]
        return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)

    eventually(listens_to_signals, every=0.001)
    service.process.terminate()
    assert service.process.process.wait(AT_ONCE) == 0


# --- when they have


def test_a_request_under_way_is_finished_and_the_service_exits_with_0(start_sample: StartSample) -> None:
    service = start_sample()
    asking = Asking(service, "POST", "/slow", json={"seconds": 5})
    eventually(lambda: in_flight(service) == 1)
    begin_to_stop(service)
    asking.join(SOON)
    assert asking.answer
    assert asking.answer.status_code == 200
    assert asking.answer.headers["connection"] == "close"
    assert service.process.process.wait(SOON) == 0


def test_whoever_the_kernel_took_in_before_the_door_closed_is_answered(start_sample: StartSample) -> None:
    service = start_sample(**GRACE)
    answers: list[bytes] = []

    def ask_until_refused() -> None:
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                with connected(service) as connection:
                    answers.append(asked(connection))

    threads = [threading.Thread(target=ask_until_refused) for _ in range(6)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(answers) > 100)
    service.process.terminate()
    for thread in threads:
        thread.join(30)
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}
    assert service.process.process.wait(AT_ONCE) == 0


def test_who_has_just_connected_is_given_the_time_to_ask(start_sample: StartSample) -> None:
    for _ in range(10):  # a machine that is busy may have us ask too late
        service, began = start_sample(**GRACE), time.monotonic()
        with connected(service) as connection:
            begin_to_stop(service)
            connection.sendall(REQUEST)
            if time.monotonic() - began < YOUNG_SECONDS:
                assert heard(connection).startswith(b"HTTP/1.1 200")
                assert service.process.process.wait(AT_ONCE) == 0
                return
        service.process.process.wait(AT_ONCE)
    pytest.fail("nobody was ever quick enough to be given the time")


def test_idle_connections_do_not_hold_the_service_up(start_sample: StartSample) -> None:
    service = start_sample(**GRACE)
    with httpx.Client(base_url=service.url) as kept:
        kept.get("/fruits")
        service.process.terminate()
        assert service.process.process.wait(AT_ONCE) == 0


def test_an_idle_connection_is_ended_and_not_reset_even_if_a_request_comes_too_late(start_sample: StartSample) -> None:
    service = start_sample(**GRACE)
    asking = Asking(service, "POST", "/slow", json={"seconds": 5})
    with connected(service) as connection:
        connection.sendall(REQUEST)
        eventually(lambda: b"plum" in connection.recv(10_000, socket.MSG_PEEK))
        eventually(lambda: in_flight(service) == 1)
        begin_to_stop(service)
        told = heard(connection)
        assert told.startswith(b"HTTP/1.1 200"), "what was answered is not lost"
        connection.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert heard(connection) == b""
    asking.join(30)
    assert asking.answer
    assert service.process.process.wait(AT_ONCE) == 0


def test_a_stream_is_ended_in_good_order(start_sample: StartSample) -> None:
    service = start_sample(**GRACE)
    with httpx.Client(base_url=service.url, timeout=10) as client, client.stream("GET", "/ticks") as stream:
        pieces = stream.iter_text()
        assert next(pieces) == "data: first\n\n"
        service.process.terminate()
        assert list(pieces) == []
    assert service.process.process.wait(AT_ONCE) == 0


def test_patience_has_an_end(start_sample: StartSample) -> None:
    service = start_sample(SHUTDOWN_GRACE_SECONDS="0.5")
    asking = Asking(service, "POST", "/slow", json={"seconds": 60})
    eventually(lambda: in_flight(service) == 1)
    service.process.terminate()
    assert service.process.process.wait(SOON) == 0
    asking.join(SOON)
    assert asking.error


def test_the_whole_stop_has_an_end_too(start_sample: StartSample) -> None:
    service = start_sample(SHUTDOWN_GRACE_SECONDS="0.5", STUCK_SECONDS="60")
    service.process.terminate()
    assert service.process.process.wait(SOON) == 1
    assert "the stop took too long" in service.log()


def test_a_pipe_that_a_client_left_does_not_hold_the_service_up(start_sample: StartSample) -> None:
    service = start_sample(**GRACE)
    with connected(service) as connection:
        connection.sendall(b"GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    service.process.terminate()
    assert service.process.process.wait(AT_ONCE) == 0
