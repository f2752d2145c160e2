"""The heads of requests as they come over the wire: which are taken, which are refused, and where a request ends."""

import httpx
import pytest
from tests.chassis.wire import connect, raw

from stack.issuer import Issuer
from stack.services import Service

NEXT = b"GET /numbers/21 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Content-Length: 4\r\nContent-Length: 0\r\n",
        b"Content-Length: 4, 4\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length: 0_4\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 4\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"X: y\n\nTransfer-Encoding: chunked\r\n",
        b"X: y\rTransfer-Encoding: chunked\r\n",
        b"no field at all\r\nContent-Length: 4\r\n",
    ],
)
def test_no_request_can_be_smuggled_in_the_body_of_another(sample: Service, fields: bytes) -> None:
    answer = raw(sample, b"POST /slow HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n" + NEXT)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /fruits\x00 HTTP/1.1\r\nHost: x", b"400"),
        (b"GET /fruits and more HTTP/1.1\r\nHost: x", b"400"),
        (b"GET /\xe7\x8c\x95 HTTP/1.1\r\nHost: x", b"400"),
        (b"FETCH /fruits HTTP/1.1\r\nHost: x", b"400"),
        (b"POST /fruits RTSP/1.0\r\nHost: x", b"400"),
        (b"GET /fruits HTTP/2.0\r\nHost: x", b"505"),
        (b"GET /fruits HTTP/1.1\r\nX: \x00", b"400"),
        (b"GET /fruits HTTP/1.1\r\nX: " + b"a" * 8_200, b"400"),
        (b"GET /fruits HTTP/1.1" + b"\r\nX: " * 100, b"431"),
        (b"GET /fruits HTTP/1.1" + (b"\r\nX: " + b"a" * 6_000) * 12, b"400"),
        (b"GET /" + b"a" * 8_200 + b" HTTP/1.1\r\nHost: x", b"414"),
    ],
)
def test_a_head_that_does_not_fit_is_refused_and_the_connection_ends(
    sample: Service, head: bytes, status: bytes
) -> None:
    answer = raw(sample, head + b"\r\n\r\n" + NEXT)
    assert status in answer
    assert b"\r\n42" not in answer


def test_as_many_fields_as_ever_fit(sample: Service) -> None:
    head = b"GET /numbers/21 HTTP/1.1\r\nConnection: close" + b"\r\nX: a" * 98
    assert raw(sample, head + b"\r\n\r\n").endswith(b"\r\n\r\n42")


def test_requests_sent_at_once_are_answered_in_turn(sample: Service) -> None:
    first = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    second = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    answers = raw(sample, first + second + b"2\r\n{}\r\n0\r\n\r\n" + NEXT)
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers.split(b"HTTP/1.1 200 OK")] == [
        b"",
        b'"done"',
        b'"done"',
        b"42",
    ]


def test_a_body_that_nobody_asked_for_is_passed_over(sample: Service) -> None:
    unasked = b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /"
    answers = raw(sample, unasked + NEXT)
    assert answers.startswith(b"HTTP/1.1 404 ")
    assert answers.endswith(b"\r\n\r\n42")


@pytest.mark.parametrize(
    ("version", "wish", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: Keep-Alive\r\n", True),
        ("1.1", "Connection: close\r\n", False),
        ("1.1", "Connection: TE, Close\r\n", False),
        ("1.1", "Connection: keep-alive\r\nConnection: close\r\n", False),
        ("1.0", "", False),
        ("1.0", "Connection: keep-alive\r\n", True),
    ],
)
def test_a_connection_is_kept_as_its_client_wishes(sample: Service, version: str, wish: str, kept: bool) -> None:
    first = f"GET /fruits/kiwi HTTP/{version}\r\nHost: x\r\n{wish}\r\n".encode()
    answer = raw(sample, first + NEXT)
    assert answer.endswith(b"42") == kept
    head = answer.partition(b"\r\n\r\n")[0]
    assert (b"Connection: close" in head) == (not kept)
    assert (b"Connection: keep-alive" in head) == (kept and "keep-alive" in wish.lower())


def test_another_protocol_is_not_taken_up_when_it_is_offered(sample: Service) -> None:
    offer = b"GET /numbers/21 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"
    answer = raw(sample, offer)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"42")


def test_a_field_cannot_pass_itself_off_as_another(anybody: httpx.Client) -> None:
    assert anybody.get("/fruits", headers={"X_Request_Id": "mine"}).headers["x-request-id"] != "mine"


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(sample: Service, issuer: Issuer) -> None:
    head = f"POST /quick HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {issuer.token('b1')}\r\nConnection: close\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 29\r\nExpect: 100-continue\r\n\r\n"
    with connect(sample) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b'{"fruit":"kiwi","quantity":2}')
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_asks_before_it_sends_is_refused_before_it_sends(sample: Service) -> None:
    head = b"POST /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\nExpect: 100-continue\r\n\r\n"
    answer = raw(sample, head)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"Connection: close" in answer
