"""The HTTP door from outside: what fits, and what every answer says."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from stack.services import Service

Problem = Callable[[httpx.Response, int, str], dict[str, Any]]
KEY = {"Idempotency-Key": "first"}
WISH = {"fruit": "kiwi", "quantity": 2}


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


def test_parameters_of_the_path_are_typed(problem: Problem, anybody: httpx.Client) -> None:
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


def test_a_raw_body_is_taken_byte_for_byte_whatever_its_media_type(anybody: httpx.Client) -> None:
    sent = '\ufeff{"a":  "猕猴桃"}\r\n'.encode()
    for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
        answer = anybody.post("/bells", content=sent, headers={"Content-Type": kind})
        assert answer.json() == {"sha256": hashlib.sha256(sent).hexdigest()}
    assert anybody.post("/bells", content=b"\xff").json()["type"] == "/problems/not-utf-8"


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


def test_an_answer_of_nothing_says_that_it_has_no_length(anybody: httpx.Client) -> None:
    answer = anybody.get("/taken")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (202, "0", b"")
    assert anybody.get("/fruits").status_code == 200


def test_every_answer_says_when_it_was_given(anybody: httpx.Client) -> None:
    for path in ("/fruits", "/taken", "/broken"):
        answer = anybody.get(path)
        (date,) = answer.headers.get_list("date")
        assert abs(parsedate_to_datetime(date) - datetime.now(UTC)) < timedelta(seconds=60)


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
