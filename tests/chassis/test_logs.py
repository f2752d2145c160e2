"""Logs: JSON lines that name their request or event, and keep secrets."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from chassis import logs
from stack.services import Service

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What was logged since logs were configured for the service `orders`; afterwards all is as before."""
    root, written = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in ("kafka", "pymongo", "nameko", "urllib3")}
    root.handlers.clear()
    monkeypatch.setattr("sys.stderr", written)
    logs.configure("orders", "INFO")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)


def test_a_line_tells_when_where_and_what(lines: Lines) -> None:
    logging.getLogger("orders.store").warning("收到 %s", "kiwi", extra={"rows": 3})
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "orders.store",
        "service": "orders",
        "message": "收到 kiwi",
        "rows": 3,
    }


def test_a_line_names_the_request_or_event_it_belongs_to(lines: Lines) -> None:
    log = logging.getLogger("orders")
    with logs.bind(request_id="r1"):
        log.info("one")
        with logs.bind(event_id="e1"):
            log.info("two")
    log.info("three")
    assert [(line.get("request_id"), line.get("event_id")) for line in lines()] == [
        ("r1", None),
        ("r1", "e1"),
        (None, None),
    ]


def test_an_exception_is_one_line(lines: Lines) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("orders").exception("no")
    (line,) = lines()
    assert line["exception"].endswith("ValueError: broken")
    assert "exc_info" not in line


def test_chatty_libraries_are_heard_only_when_they_warn(lines: Lines) -> None:
    for name in ("kafka.consumer", "pymongo.topology", "nameko.containers"):
        logging.getLogger(name).info("chat")
        logging.getLogger(name).warning("warned")
    assert [line["message"] for line in lines()] == ["warned"] * 3


def test_an_authorization_header_is_left_out(lines: Lines) -> None:
    logging.getLogger("orders").info("asked", extra={"Authorization": "Bearer abc", "route": "/orders"})
    assert "abc" not in json.dumps(lines())


def test_everything_a_service_writes_is_json(sample: Service, anybody: httpx.Client) -> None:
    anybody.get("/away")
    anybody.get("/broken")
    written = [json.loads(line) for line in sample.log().splitlines()]
    assert {line["service"] for line in written} == {"sample"}
