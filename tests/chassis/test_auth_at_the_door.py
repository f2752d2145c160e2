"""Tokens at the door: who gets in, who is told what, and that no token is written down."""

from collections.abc import Callable

import httpx

from chassis.testing import eventually
from stack.issuer import Issuer
from stack.processes import free_port
from stack.services import Service

StartSample = Callable[..., Service]


def test_a_route_asks_for_a_token(anybody: httpx.Client) -> None:
    answer = anybody.get("/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="shanhuo"'
    assert answer.json()["type"] == "/problems/token-missing"


def test_a_bad_token_is_told_to_be_bad(anybody: httpx.Client) -> None:
    answer = anybody.get("/me", headers={"Authorization": "Bearer made.up.token"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="shanhuo", error="invalid_token"'


def test_a_role_that_the_route_does_not_name_is_refused(sample: Service) -> None:
    with sample.client("h", ["host", "producer"]) as host:
        answer = host.post("/quick", json={"fruit": "kiwi", "quantity": 1})
    assert answer.status_code == 403
    assert answer.json()["roles"] == ["buyer"]


def test_a_foreign_county_is_refused(sample: Service) -> None:
    with sample.client("c", ["county"], "520123") as county:
        assert county.post("/counties/520111/stamp").status_code == 403
        assert county.post("/counties/520123/stamp").status_code == 204
    with sample.client("p", ["platform"]) as platform:
        assert platform.post("/counties/520111/stamp").status_code == 204


def test_who_calls_is_known_to_the_method(sample: Service) -> None:
    with sample.client("p9", ["producer", "buyer"], "520123", "coop") as client:
        assert client.get("/me").json() == {
            "subject": "p9",
            "roles": ["buyer", "producer"],
            "county": "520123",
            "producer": "coop",
        }


def test_a_public_route_minds_no_token_not_even_a_bad_one(anybody: httpx.Client) -> None:
    assert anybody.get("/fruits", headers={"Authorization": "Bearer made.up.token"}).status_code == 200


def test_nobody_learns_of_a_body_that_is_wrong_before_saying_who_they_are(anybody: httpx.Client) -> None:
    assert anybody.post("/wishes", content=b"{", headers={"Content-Type": "application/json"}).status_code == 401


def test_a_service_that_started_before_its_issuer_is_ready_and_serves_when_it_comes(start_sample: StartSample) -> None:
    late = Issuer(port=free_port())
    service = start_sample(ready=False, OIDC_ISSUER=late.url)
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {late.token('b1')}"}) as client:
        eventually(lambda: "its keys are not there yet" in (service.lacks() or ""))
        away = client.get("/me")
        assert away.status_code == 503
        assert away.headers["retry-after"] == "1"
        late.start()
        try:
            service.wait_ready()
            assert client.get("/me").status_code == 200
        finally:
            late.stop()


def test_no_token_is_ever_logged(start_sample: StartSample) -> None:
    service = start_sample(LOG_LEVEL="DEBUG")
    with service.client("b1") as client:
        client.get("/me")
        token = client.headers["authorization"].removeprefix("Bearer ")
    eventually(lambda: '"route": "/me"' in service.log())
    assert token not in service.log()
