"""The HTTP door from outside: what it refuses, and how it says so."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from chassis.testing import eventually
from stack.services import Service

StartSample = Callable[..., Service]
Problem = Callable[[httpx.Response, int, str], dict[str, Any]]
KEY = {"Idempotency-Key": "first"}
WISH = {"fruit": "kiwi", "quantity": 2}


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
    problem: Problem, buyer: httpx.Client, body: Any, field: str, valid: Any
) -> None:
    told = problem(buyer.post("/wishes", json=body, headers=KEY), 422, "invalid-body")
    assert told["errors"] == [{"field": field, "reason": told["detail"], "valid": valid}]


def test_a_body_of_another_shape_is_refused_at_its_root(problem: Problem, buyer: httpx.Client) -> None:
    told = problem(buyer.post("/wishes", json=[1], headers=KEY), 422, "invalid-body")
    assert told["errors"][0]["field"] == "$"
    assert told["errors"][0]["valid"]["type"] == "object"


def test_a_wrong_parameter_is_named(problem: Problem, anybody: httpx.Client) -> None:
    told = problem(anybody.get("/fruits", params={"limit": "201"}), 422, "invalid-parameter")
    assert told["errors"][0]["field"] == "limit"
    assert told["errors"][0]["valid"] == {"type": "integer", "minimum": 1, "maximum": 200}


def test_an_unknown_parameter_is_refused_with_the_known_ones(problem: Problem, anybody: httpx.Client) -> None:
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
    problem: Problem, buyer: httpx.Client, body: bytes, position: int | None
) -> None:
    told = problem(
        buyer.post("/wishes", content=body, headers={**KEY, "Content-Type": "application/json"}), 400, "malformed-json"
    )
    assert position is None or told["position"] == position


def test_a_missing_body_is_refused(problem: Problem, buyer: httpx.Client) -> None:
    problem(buyer.post("/wishes", headers={**KEY, "Content-Type": "application/json"}), 400, "body-missing")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_media_type_is_refused_with_the_right_one(
    problem: Problem, buyer: httpx.Client, media_type: str
) -> None:
    headers = {**KEY, "Content-Type": media_type} if media_type else KEY
    told = problem(buyer.post("/wishes", content=b'{"fruit":"kiwi","quantity":1}', headers=headers), 415, "media-type")
    assert told["errors"][0]["valid"] == "application/json"


@pytest.mark.parametrize("media_type", ["application/json", "text/csv; charset=gbk"])
def test_an_upload_that_is_no_utf_8_csv_is_refused(problem: Problem, sample: Service, media_type: str) -> None:
    with sample.client("c", ["county"], "520123") as county:
        problem(county.post("/prices/import", content=b"a,b", headers={"Content-Type": media_type}), 415, "media-type")


def test_a_compressed_body_is_refused(problem: Problem, buyer: httpx.Client) -> None:
    headers = {**KEY, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    problem(buyer.post("/wishes", content=b"\x1f\x8b", headers=headers), 415, "content-encoding")


def test_an_upload_that_is_not_utf_8_is_refused_with_its_line(problem: Problem, sample: Service) -> None:
    with sample.client("c", ["county"], "520123") as county:
        answer = county.post(
            "/prices/import", content=b"fruit,price_fen\n\xc3\x28,1", headers={"Content-Type": "text/csv"}
        )
    assert problem(answer, 400, "not-utf-8")["line"] == 2


def test_an_idempotency_key_is_asked_for_where_the_route_needs_one(problem: Problem, buyer: httpx.Client) -> None:
    for headers in ({}, {"Idempotency-Key": "with space"}, {"Idempotency-Key": "x" * 256}):
        told = problem(buyer.post("/wishes", json=WISH, headers=headers), 400, "idempotency-key")
        assert told["errors"][0]["field"] == "Idempotency-Key"


def test_an_unknown_path_is_a_problem(problem: Problem, anybody: httpx.Client) -> None:
    for path in ("/nothing", "/fruits/kiwi/peel", "//fruits", "/wishes/", "/%E7%8C%95%ff"):
        problem(
            anybody.get(path),
            404 if path != "/wishes/" else 405,
            "no-such-path" if path != "/wishes/" else "method-not-allowed",
        )


def test_another_method_is_refused_with_those_allowed(problem: Problem, anybody: httpx.Client) -> None:
    answer = anybody.get("/wishes")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
    assert anybody.delete("/fruits").headers["allow"] == "GET, HEAD"
    assert anybody.request("OPTIONS", "/fruits").status_code == 405


def test_a_refusal_of_the_domain_carries_its_figures(problem: Problem, buyer: httpx.Client) -> None:
    told = problem(buyer.post("/wishes", json={**WISH, "fruit": "durian"}, headers=KEY), 409, "sold-out")
    assert told["detail"] == "No durian remains."
    assert told["remaining"] == 0


def test_a_bug_is_a_500_that_tells_nothing_and_is_logged(
    problem: Problem, sample: Service, anybody: httpx.Client
) -> None:
    answer = anybody.get("/broken")
    problem(answer, 500, "bug")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    logged = [json.loads(line) for line in sample.log().splitlines() if answer.headers["x-request-id"] in line]
    assert [line["level"] for line in logged] == ["ERROR"]
    assert "RuntimeError: the secret is 42" in logged[0]["exception"]


def test_a_stream_that_breaks_is_cut_off_and_logged(sample: Service, anybody: httpx.Client) -> None:
    pieces: list[str] = []
    with pytest.raises(httpx.RemoteProtocolError), anybody.stream("GET", "/half") as answer:
        pieces.extend(answer.iter_text())
    assert pieces == ["data: first\n\n"]
    eventually(lambda: "the other half is missing" in sample.log())


def test_a_viewer_that_leaves_a_stream_is_no_error(start_sample: StartSample) -> None:
    service = start_sample(LOG_LEVEL="INFO")
    for _ in range(3):
        with httpx.Client(base_url=service.url) as client, client.stream("GET", "/ticks") as answer:
            assert next(answer.iter_text()) == "data: first\n\n"
    service.stop()
    assert "ERROR" not in service.log()


def test_a_header_cannot_be_split(problem: Problem, anybody: httpx.Client) -> None:
    answer = anybody.get("/split")
    problem(answer, 500, "bug")
    assert "set-cookie" not in answer.headers


def test_a_header_that_no_wire_can_carry_ends_the_connection_and_is_logged(
    sample: Service, anybody: httpx.Client
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        anybody.get("/untold")
    eventually(lambda: "UnicodeEncodeError" in sample.log())
    assert anybody.get("/fruits").status_code == 200


def test_a_figure_of_any_kind_can_be_told(problem: Problem, anybody: httpx.Client) -> None:
    assert problem(anybody.get("/odd"), 409, "odd")["figure"] == "1j"


def test_an_engine_that_is_away_is_a_503_to_try_again(problem: Problem, anybody: httpx.Client) -> None:
    answer = anybody.get("/away")
    problem(answer, 503, "engine-away")
    assert answer.headers["retry-after"] == "1"
    assert "db.internal" not in answer.text
