"""The HTTP door from outside: too much, too little, and what is no HTTP at all."""

import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.chassis.wire import raw

from stack.issuer import Issuer
from stack.services import Service

Problem = Callable[[httpx.Response, int, str], dict[str, Any]]
KEY = {"Idempotency-Key": "first"}


def test_a_body_that_announces_too_much_is_refused_unread(sample: Service, issuer: Issuer) -> None:
    head = f"POST /wishes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {issuer.token('b1')}\r\nIdempotency-Key: k\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n"
    answer = raw(sample, head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in answer
    assert b'"limit_bytes":1048576' in answer


def test_a_chunked_body_that_grows_too_large_is_refused(problem: Problem, buyer: httpx.Client) -> None:
    pieces = (b" " * 65_536 for _ in range(40))
    answer = buyer.post("/wishes", content=pieces, headers={**KEY, "Content-Type": "application/json"})
    problem(answer, 413, "too-large")
    assert answer.headers["connection"] == "close"


_TRAILERS = b"2\r\n{}\r\n0\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"1" * 1_000_000,
        b"2;" + b"x" * 1_000_000,
        b"2\r\n{}" + b"x" * 1_000_000,
        _TRAILERS + b"X: " + b"y" * 1_000_000,
        _TRAILERS + b"X: y\r\n" * 101 + b"\r\n",
    ],
    ids=["a size", "its extension", "what follows a chunk", "a trailer", "trailers"],
)
def test_there_is_an_end_to_what_stands_between_chunks(sample: Service, body: bytes) -> None:
    """Nobody need be known to send this; the server answers before the end, so it does not keep it either."""
    head = b"POST /bells HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(sample, head + body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"malformed-chunks" in answer
    assert answer.count(b"HTTP/1.1") == 1
    assert b"Connection: close" in answer


def test_trailers_are_passed_over(sample: Service) -> None:
    head = b"POST /bells HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    second = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert raw(sample, head + _TRAILERS + b"X: y\r\n\r\n" + second).count(b"HTTP/1.1 200 ") == 2


def test_a_large_upload_is_refused_with_an_answer_the_sender_can_read(problem: Problem, buyer: httpx.Client) -> None:
    for _ in range(3):
        answer = buyer.post("/wishes", content=b" " * 8_000_000, headers={**KEY, "Content-Type": "application/json"})
        problem(answer, 413, "too-large")


def test_uploads_have_a_limit_of_their_own(sample: Service) -> None:
    with sample.client("c", ["county"], "520123") as county:
        text = "fruit,price_fen\n" + "kiwi,1\n" * 200_000
        answer = county.post("/prices/import", content=text.encode(), headers={"Content-Type": "text/csv"})
    assert answer.json()["accepted"] == 200_000


def test_a_body_that_ends_early_is_refused(sample: Service, issuer: Issuer) -> None:
    host, _, port = sample.url.removeprefix("http://").partition(":")
    head = f"POST /wishes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {issuer.token('b1')}\r\nIdempotency-Key: k\r\n"
    head += 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"fruit":'
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        connection.shutdown(socket.SHUT_WR)
        assert b"body-incomplete" in connection.recv(65_536)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS here\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /fruits HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nnonsense\r\n",
        b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_service_lives_on(
    sample: Service, anybody: httpx.Client, request_bytes: bytes
) -> None:
    assert b" 400 " in raw(sample, request_bytes) or b" 505 " in raw(sample, request_bytes)
    assert anybody.get("/health/live").status_code == 200


def test_a_client_that_leaves_does_not_disturb_the_others(sample: Service, anybody: httpx.Client) -> None:
    host, _, port = sample.url.removeprefix("http://").partition(":")
    for request in (b"", b"GET /fru", b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"):
        connection = socket.create_connection((host, int(port)), timeout=10)
        connection.sendall(request)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.close()
    assert anybody.get("/fruits").status_code == 200
    sample.check()
