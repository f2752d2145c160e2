"""Cross-origin requests are let in by setting only."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from chassis.cors import Cors
from stack.services import Service

StartSample = Callable[..., Service]
PAGE = {"HTTP_ORIGIN": "https://page.example"}
ASKS = {**PAGE, "REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}


@pytest.fixture
def sample_with_cors(start_sample: StartSample) -> Iterator[httpx.Client]:
    """A client of a sample service that lets one origin in."""
    service = start_sample(CORS_ORIGINS="https://page.example")
    with httpx.Client(base_url=service.url) as client:
        yield client


def test_without_the_setting_nothing_is_said() -> None:
    assert Cors("").headers(PAGE) == []
    assert not Cors("").preflight(ASKS)


def test_a_listed_origin_is_let_in_and_another_is_not() -> None:
    cors = Cors("https://shop.example, https://page.example")
    assert ("Access-Control-Allow-Origin", "https://page.example") in cors.headers(PAGE)
    assert cors.headers({"HTTP_ORIGIN": "https://evil.example"}) == [("Vary", "Origin")]
    assert cors.headers({}) == []


def test_a_star_lets_in_all() -> None:
    assert ("Access-Control-Allow-Origin", "*") in Cors("*").headers(PAGE)


@pytest.mark.parametrize("missing", ["HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"])
def test_only_a_whole_preflight_is_one(missing: str) -> None:
    assert Cors("*").preflight(ASKS)
    assert not Cors("*").preflight({name: value for name, value in ASKS.items() if name != missing})


def test_a_preflight_is_answered_with_what_the_path_allows(sample_with_cors: httpx.Client) -> None:
    origin = {"Origin": "https://page.example"}
    asked = sample_with_cors.options("/wishes", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert asked.headers["access-control-allow-origin"] == "https://page.example"
    assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]
    refused = sample_with_cors.post("/wishes", headers=origin)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://page.example"
    assert (
        sample_with_cors.options("/nothing", headers={**origin, "Access-Control-Request-Method": "GET"}).status_code
        == 404
    )
