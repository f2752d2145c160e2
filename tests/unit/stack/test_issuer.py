"""The local issuer: its tokens are good ones, and only this machine's own programs get them."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from stack.issuer import Issuer
from stack.processes import PortTakenError, ProcessError

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer().start()
    yield issuer
    issuer.stop()


def verified(issuer: Issuer, token: str) -> dict[str, Any]:
    """The claims, as a service finds them: discovery, then the published key."""
    discovery = httpx.get(f"{issuer.url}/.well-known/openid-configuration").json()
    assert discovery["issuer"] == issuer.url
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["ES256"], audience="shanhuo", issuer=issuer.url)


def test_a_token_verifies_against_the_published_key(issuer: Issuer) -> None:
    claims = verified(issuer, issuer.token("zhang", roles=["county", "host"], county="520123", ttl_seconds=60))
    assert (claims["sub"], claims["roles"], claims["county"]) == ("zhang", ["county", "host"], "520123")
    assert claims["exp"] - claims["iat"] == 60
    assert "producer" not in claims


def test_the_private_key_is_not_published(issuer: Issuer) -> None:
    (key,) = httpx.get(f"{issuer.url}/jwks.json").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_token_of_another_issuer_does_not_verify(issuer: Issuer) -> None:
    with pytest.raises(jwt.PyJWKClientError):
        verified(issuer, Issuer().token("b1"))


def test_a_program_is_given_a_token_over_http(issuer: Issuer) -> None:
    answer = httpx.post(f"{issuer.url}/token", json={"subject": "p1", "roles": ["producer"], "producer": "p1"})
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 3600
    assert verified(issuer, answer.json()["access_token"])["producer"] == "p1"


def test_a_shell_is_given_the_bare_token(issuer: Issuer) -> None:
    answer = httpx.post(f"{issuer.url}/token", json={"subject": "b1"}, headers={"Accept": "text/plain"})
    assert verified(issuer, answer.text)["roles"] == ["buyer"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"{}", "subject"),
        (b'{"subject": ""}', "$.subject"),
        (b'{"subject": "b1", "roles": ["king"]}', "$.roles[0]"),
        (b'{"subject": "b1", "county": "Xiuwen"}', "$.county"),
        (b'{"subject": "b1", "ttl_seconds": 0}', "$.ttl_seconds"),
        (b'{"subject": "b1", "role": ["buyer"]}', "role"),
    ],
)
def test_a_bad_request_is_answered_with_its_reason(issuer: Issuer, body: bytes, reason: str) -> None:
    answer = httpx.post(f"{issuer.url}/token", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert reason in answer.json()["error_description"]


@pytest.mark.parametrize(
    "headers",
    [
        {**JSON, "Origin": "https://evil.example"},
        {**JSON, "Origin": "null"},
        {**JSON, "Host": "evil.example:8009"},
    ],
    ids=["foreign page", "sandboxed page", "rebound name"],
)
def test_a_web_page_is_given_no_token(issuer: Issuer, headers: dict[str, str]) -> None:
    answer = httpx.post(f"{issuer.url}/token", content=b'{"subject": "b1"}', headers=headers)
    assert answer.status_code == 403
    assert "access_token" not in answer.json()


def test_a_form_is_given_no_token(issuer: Issuer) -> None:
    answer = httpx.post(f"{issuer.url}/token", data={"subject": "b1"})
    assert answer.status_code == 400
    assert "application/json" in answer.json()["error_description"]


def test_an_endless_request_is_refused_unread(issuer: Issuer) -> None:
    answer = httpx.post(f"{issuer.url}/token", content=b" " * 20_000, headers=JSON)
    assert answer.status_code == 413


def test_it_does_not_listen_to_the_network(issuer: Issuer) -> None:
    assert issuer.url.startswith("http://127.0.0.1:")


@pytest.fixture
def named() -> Iterator[Issuer]:
    """As in a container: others know it by a name, and people by whatever port it is published under."""
    issuer = Issuer(url="http://issuer:8009").start()
    yield issuer
    issuer.stop()


@pytest.mark.parametrize("host", ["issuer:8009", "127.0.0.1:8009", "localhost:31009"])
def test_one_that_is_known_by_a_name_answers_by_it_and_by_any_published_port(named: Issuer, host: str) -> None:
    page = httpx.get(f"http://127.0.0.1:{named.port}/.well-known/openid-configuration", headers={"Host": host})
    assert page.json()["issuer"] == "http://issuer:8009"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8009"},
        {"Host": "issuer:8009.evil.example"},
        {"Host": "localhost:8009", "Origin": "http://localhost:3000"},
    ],
    ids=["rebound name", "longer name", "another page of this machine"],
)
def test_one_that_is_known_by_a_name_gives_a_web_page_no_token_either(named: Issuer, headers: dict[str, str]) -> None:
    answer = httpx.post(f"http://127.0.0.1:{named.port}/token", json={"subject": "b1"}, headers=headers)
    assert answer.status_code == 403


def test_its_tokens_are_issued_in_that_name(named: Issuer) -> None:
    claims = jwt.decode(named.token("b1"), options={"verify_signature": False})
    assert claims["iss"] == "http://issuer:8009"


def test_opening_it_to_others_without_a_name_for_it_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stack.issuer", "--bind", "0.0.0.0"], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--url" in done.stderr


def test_a_kept_key_is_for_its_owner_only_and_tokens_outlive_a_restart(tmp_path: Path) -> None:
    kept = tmp_path / "keys" / "issuer.pem"
    first = Issuer(key_file=kept)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert Issuer(key_file=kept).jwk == first.jwk


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "issuer.pem").write_text("not a key")
    with pytest.raises(ProcessError, match=r"issuer\.pem holds no P-256 key"):
        Issuer(key_file=tmp_path / "issuer.pem")


def test_a_taken_port_is_named(issuer: Issuer) -> None:
    with pytest.raises(PortTakenError, match=rf"port {issuer.port} \(issuer\) is taken"):
        Issuer(port=issuer.port).start()
