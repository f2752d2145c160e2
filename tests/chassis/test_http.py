"""The HTTP door from outside: typed requests, problems, limits, standard headers."""

import json
import re
import socket
from typing import Any

import httpx
import pytest

from chassis.auth import Role
from chassis.http import PUBLIC, Answer, Call, Page, http, page
from stack.issuer import Issuer
from stack.services import Service

KEY = {"Idempotency-Key": "first"}
WISH = {"fruit": "kiwi", "quantity": 2}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"/problems/{code}"
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert told["instance"] == f"urn:shanhuo:request:{answer.headers['x-request-id']}"
    return told


def raw(service: Service, request: bytes) -> bytes:
    """Send bytes, and read what comes until the server closes."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


# --- what fits


def test_a_typed_body_reaches_the_method_and_its_answer_comes_back(buyer: httpx.Client) -> None:
    answer = buyer.post("/wishes", json=WISH, headers=KEY)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == "/wishes/1"
    assert answer.json() == {"fruit": "kiwi", "quantity": 2, "buyer": "b1", "key": "first"}


def test_a_method_that_returns_nothing_answers_204(sample: Service) -> None:
    with sample.client("c", ["county"], "520123") as county:
        answer = county.post("/counties/520123/stamp")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers


def test_parameters_of_the_path_are_typed(anybody: httpx.Client) -> None:
    assert anybody.get("/numbers/21").json() == 42
    problem(anybody.get("/numbers/many"), 404, "no-such-path")


def test_a_list_comes_in_pages(anybody: httpx.Client) -> None:
    first = anybody.get("/fruits", params={"limit": 2}).json()
    assert first == {"items": ["apple", "chestnut"], "next": "chestnut"}
    second = anybody.get("/fruits", params={"limit": 3, "after": first["next"]}).json()
    assert second == {"items": ["kiwi", "pear", "plum"], "next": None}


def test_a_parameter_may_be_repeated_where_a_list_is_wanted(anybody: httpx.Client) -> None:
    assert anybody.get("/fruits?letter=p&letter=k&after=").json()["items"] == ["kiwi", "pear", "plum"]


def test_a_body_whose_fields_all_have_defaults_may_be_absent(anybody: httpx.Client) -> None:
    assert anybody.post("/slow").json() == "done"


def test_an_upload_is_read_row_by_row(sample: Service) -> None:
    with sample.client("c", ["county"], "520123") as county:
        text = "\ufefffruit,price_fen\r\nkiwi,100\r\npear,cheap\r\n"
        answer = county.post(
            "/prices/import", content=text.encode(), headers={"Content-Type": "text/csv; charset=UTF-8"}
        )
    assert answer.json() == {
        "rows": 2,
        "accepted": 1,
        "unchanged": 0,
        "refused": [{"row": 3, "field": "price_fen", "reason": "expected a whole number", "value": "cheap"}],
    }


def test_a_head_request_has_the_headers_and_no_body(anybody: httpx.Client) -> None:
    answer = anybody.head("/fruits")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
    assert anybody.get("/fruits").status_code == 200


def test_a_chunked_body_is_read(sample: Service, buyer: httpx.Client) -> None:
    answer = buyer.post(
        "/wishes",
        content=iter([b'{"fruit":"kiwi",', b'"quantity":2}']),
        headers={**KEY, "Content-Type": "application/json"},
    )
    assert answer.status_code == 201


# --- what does not fit


@pytest.mark.parametrize(
    ("body", "field", "valid"),
    [
        ({"fruit": "kiwi", "quantity": 0}, "$.quantity", {"type": "integer", "minimum": 1, "maximum": 99}),
        ({"fruit": "kiwi"}, "$.quantity", {"type": "integer", "minimum": 1, "maximum": 99}),
        ({"fruit": "", "quantity": 1}, "$.fruit", {"type": "string", "minLength": 1}),
        ({"fruit": "kiwi", "quantity": 1, "notes": ["a", 5]}, "$.notes[1]", {"type": "string"}),
        ({"fruit": "kiwi", "quantity": "2"}, "$.quantity", {"type": "integer", "minimum": 1, "maximum": 99}),
    ],
)
def test_a_wrong_field_is_named_with_its_reason_and_what_is_valid(
    buyer: httpx.Client, body: Any, field: str, valid: Any
) -> None:
    told = problem(buyer.post("/wishes", json=body, headers=KEY), 422, "invalid-body")
    assert told["errors"] == [{"field": field, "reason": told["detail"], "valid": valid}]


def test_a_body_of_another_shape_is_refused_at_its_root(buyer: httpx.Client) -> None:
    told = problem(buyer.post("/wishes", json=[1], headers=KEY), 422, "invalid-body")
    assert told["errors"][0]["field"] == "$"
    assert told["errors"][0]["valid"]["type"] == "object"


def test_a_wrong_parameter_is_named(anybody: httpx.Client) -> None:
    told = problem(anybody.get("/fruits", params={"limit": "201"}), 422, "invalid-parameter")
    assert told["errors"][0]["field"] == "limit"
    assert told["errors"][0]["valid"] == {"type": "integer", "minimum": 1, "maximum": 200}


def test_an_unknown_parameter_is_refused_with_the_known_ones(anybody: httpx.Client) -> None:
    told = problem(anybody.get("/fruits", params={"lettre": "p"}), 422, "unknown-parameter")
    assert told["errors"][0]["valid"] == ["after", "letter", "limit"]


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b'{"fruit": kiwi}', 10),
        (b'{"fruit": "kiwi"', 16),
        (b'{"fruit": "\xff"}', 11),
        (b'{"x":' + b"[" * 100_000, None),
    ],
)
def test_a_body_that_is_no_json_is_refused_with_the_position(
    buyer: httpx.Client, body: bytes, position: int | None
) -> None:
    told = problem(
        buyer.post("/wishes", content=body, headers={**KEY, "Content-Type": "application/json"}), 400, "malformed-json"
    )
    assert position is None or told["position"] == position


def test_a_missing_body_is_refused(buyer: httpx.Client) -> None:
    problem(buyer.post("/wishes", headers={**KEY, "Content-Type": "application/json"}), 400, "body-missing")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_media_type_is_refused_with_the_right_one(buyer: httpx.Client, media_type: str) -> None:
    headers = {**KEY, "Content-Type": media_type} if media_type else KEY
    told = problem(buyer.post("/wishes", content=b'{"fruit":"kiwi","quantity":1}', headers=headers), 415, "media-type")
    assert told["errors"][0]["valid"] == "application/json"


@pytest.mark.parametrize("media_type", ["application/json", "text/csv; charset=gbk"])
def test_an_upload_that_is_no_utf_8_csv_is_refused(sample: Service, media_type: str) -> None:
    with sample.client("c", ["county"], "520123") as county:
        problem(county.post("/prices/import", content=b"a,b", headers={"Content-Type": media_type}), 415, "media-type")


def test_a_compressed_body_is_refused(buyer: httpx.Client) -> None:
    headers = {**KEY, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    problem(buyer.post("/wishes", content=b"\x1f\x8b", headers=headers), 415, "content-encoding")


def test_an_upload_that_is_not_utf_8_is_refused_with_its_line(sample: Service) -> None:
    with sample.client("c", ["county"], "520123") as county:
        answer = county.post(
            "/prices/import", content=b"fruit,price_fen\n\xc3\x28,1", headers={"Content-Type": "text/csv"}
        )
    assert problem(answer, 400, "not-utf-8")["line"] == 2


def test_an_idempotency_key_is_asked_for_where_the_route_needs_one(buyer: httpx.Client) -> None:
    for headers in ({}, {"Idempotency-Key": "with space"}, {"Idempotency-Key": "x" * 256}):
        told = problem(buyer.post("/wishes", json=WISH, headers=headers), 400, "idempotency-key")
        assert told["errors"][0]["field"] == "Idempotency-Key"


def test_an_unknown_path_is_a_problem(anybody: httpx.Client) -> None:
    for path in ("/nothing", "/fruits/kiwi/peel", "//fruits", "/wishes/", "/%E7%8C%95%ff"):
        problem(
            anybody.get(path),
            404 if path != "/wishes/" else 405,
            "no-such-path" if path != "/wishes/" else "method-not-allowed",
        )


def test_another_method_is_refused_with_those_allowed(anybody: httpx.Client) -> None:
    answer = anybody.get("/wishes")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
    assert anybody.delete("/fruits").headers["allow"] == "GET, HEAD"
    assert anybody.request("OPTIONS", "/fruits").status_code == 405


def test_a_refusal_of_the_domain_carries_its_figures(buyer: httpx.Client) -> None:
    told = problem(buyer.post("/wishes", json={**WISH, "fruit": "durian"}, headers=KEY), 409, "sold-out")
    assert told["detail"] == "No durian remains."
    assert told["remaining"] == 0


def test_a_bug_is_a_500_that_tells_nothing_and_is_logged(sample: Service, anybody: httpx.Client) -> None:
    answer = anybody.get("/broken")
    problem(answer, 500, "bug")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    logged = [json.loads(line) for line in sample.log().splitlines() if answer.headers["x-request-id"] in line]
    assert [line["level"] for line in logged] == ["ERROR"]
    assert "RuntimeError: the secret is 42" in logged[0]["exception"]


def test_an_engine_that_is_away_is_a_503_to_try_again(anybody: httpx.Client) -> None:
    answer = anybody.get("/away")
    problem(answer, 503, "engine-away")
    assert answer.headers["retry-after"] == "1"
    assert "db.internal" not in answer.text


# --- sizes


def test_a_body_that_announces_too_much_is_refused_unread(sample: Service, issuer: Issuer) -> None:
    head = f"POST /wishes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {issuer.token('b1')}\r\nIdempotency-Key: k\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n"
    answer = raw(sample, head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in answer
    assert b'"limit_bytes":1048576' in answer


def test_a_chunked_body_that_grows_too_large_is_refused(buyer: httpx.Client) -> None:
    pieces = (b" " * 65_536 for _ in range(40))
    answer = buyer.post("/wishes", content=pieces, headers={**KEY, "Content-Type": "application/json"})
    problem(answer, 413, "too-large")
    assert answer.headers["connection"] == "close"


def test_a_large_upload_is_refused_with_an_answer_the_sender_can_read(buyer: httpx.Client) -> None:
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


# --- names and headers


def test_every_answer_names_its_request(anybody: httpx.Client) -> None:
    one, other = (anybody.get("/fruits").headers["x-request-id"] for _ in range(2))
    assert one < other


def test_a_request_id_is_kept_when_it_is_presentable(anybody: httpx.Client) -> None:
    def named(name: str) -> str:
        return anybody.get("/fruits", headers={"X-Request-Id": name}).headers["x-request-id"]

    assert named("trace-1.2:3") == "trace-1.2:3"
    for unfit in ("", "a b", "x" * 129, 'a"b', "<script>"):
        assert re.fullmatch(r"[0-9a-f-]{36}", named(unfit))


def test_what_a_caller_alone_may_see_is_not_stored_on_the_way(buyer: httpx.Client, anybody: httpx.Client) -> None:
    assert buyer.get("/me").headers["cache-control"] == "no-store"
    assert "cache-control" not in anybody.get("/fruits").headers


def test_no_page_of_another_origin_may_call_unless_it_is_set(anybody: httpx.Client) -> None:
    answer = anybody.get("/fruits", headers={"Origin": "https://page.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


# --- declaring


def test_a_route_that_does_not_say_who_may_call_it_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match=r"POST /orders: say who"):
        http("POST", "/orders")
    for who in (set(), "buyer", {"buyer"}, [Role.BUYER, "platform"], 5):
        with pytest.raises(TypeError, match=r"POST /orders: say who"):
            http("POST", "/orders", who=who)  # type: ignore[arg-type]  # that is what is tested


def test_a_route_whose_method_takes_other_parameters_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match=r"GET /orders/<order_id>: .*must take \(self, call, order_id\)"):

        @http("GET", "/orders/<order_id>", who=PUBLIC)
        def order(self: Any, call: Call[None], number: str) -> None: ...


def test_a_route_with_an_unheard_of_method_or_a_body_on_a_get_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="FETCH /orders"):
        http("FETCH", "/orders", who=PUBLIC)
    with pytest.raises(TypeError, match="a GET has no body"):
        http("GET", "/orders", who=PUBLIC, body=dict)


def test_a_declared_method_is_still_the_plain_method() -> None:
    class Shop:
        @http("GET", "/orders", who=PUBLIC, returns=str)
        def orders(self, call: Call[None]) -> Answer:
            return Answer(call.request_id)

    assert Shop().orders(Call(request_id="r")) == Answer("r")


def test_the_one_too_many_only_says_that_there_is_a_next_page() -> None:
    assert page([1, 2, 3], 2, str) == Page([1, 2], "2")
    assert page([1, 2], 2, str) == Page([1, 2], None)
    assert page([], 2, str) == Page([], None)
