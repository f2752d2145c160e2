"""Callers who notice every failure, at doors that behave as they are told to."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from evening.callers import Caller, Door, Failed, Said


class Handler(BaseHTTPRequestHandler):
    """Answers what `answers` says next, and remembers the keys it was shown; 0 hangs up without a word."""

    protocol_version = "HTTP/1.1"
    answers: list[int]
    keys: list[str]

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.keys.append(self.headers.get("Idempotency-Key", ""))
        status = self.answers.pop(0) if self.answers else 200
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def answers() -> list[int]:
    return []


@pytest.fixture
def keys() -> list[str]:
    return []


@pytest.fixture
def door(answers: list[int], keys: list[str]) -> Iterator[Door]:
    kind = type("Told", (Handler,), {"answers": answers, "keys": keys})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Door(f"127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


@pytest.fixture
def said() -> Said:
    return Said()


def test_a_connection_is_kept_as_long_as_it_is_good(door: Door, said: Said) -> None:
    caller = Caller(door, said)
    assert caller.ask("GET", "/") == {}
    caller.ask("GET", "/")
    assert (said.connections, said.statuses[200]) == (1, 2)


def test_who_is_fresh_makes_a_new_connection_for_each_request(door: Door, said: Said) -> None:
    caller = Caller(door, said, fresh=True)
    caller.ask("GET", "/")
    caller.ask("GET", "/")
    assert said.connections == 2


@pytest.mark.parametrize("status", [0, 503, 404])
def test_who_is_not_stubborn_notes_every_answer_but_the_one_expected(
    door: Door, said: Said, answers: list[int], status: int
) -> None:
    answers[:] = [status]
    with pytest.raises(Failed):
        Caller(door, said).ask("POST", "/orders", {}, expect=200)
    assert len(said.failures) == 1
    assert said.retried == 0


def test_who_is_stubborn_asks_the_same_again_with_the_same_key(
    door: Door, said: Said, answers: list[int], keys: list[str]
) -> None:
    answers[:] = [0, 503, 201]
    Caller(door, said, stubborn=30).ask("POST", "/orders", {}, expect=201)
    assert said.failures == []
    assert said.retried == 2
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_a_refusal_that_counts_is_not_asked_again(door: Door, said: Said, answers: list[int]) -> None:
    answers[:] = [409]
    with pytest.raises(Failed, match="409"):
        Caller(door, said, stubborn=30).ask("POST", "/orders", {}, expect=201)
    assert said.retried == 0


def test_where_nobody_listens_that_is_noted_too(said: Said) -> None:
    with pytest.raises(Failed, match="ConnectionRefusedError"):
        Caller(Door("127.0.0.1:1"), said).ask("GET", "/")
