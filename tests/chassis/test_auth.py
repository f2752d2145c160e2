"""Tokens: whom they prove, which are refused, and what happens while their issuer is away."""

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from chassis.auth import Principal, Role, Verifier
from chassis.keyring import KeyRing
from chassis.refusals import Forbidden, Unauthorized, Unavailable
from chassis.testing import eventually
from stack.issuer import Issuer
from stack.processes import free_port


@pytest.fixture
def verifier(issuer: Issuer) -> Verifier:
    return Verifier(issuer.url, "shanhuo")


@pytest.fixture
def signed(issuer: Issuer) -> Callable[..., str]:
    """Makes tokens with the issuer's own key, these claims in the place of the right ones; None leaves one out."""

    def sign(headers: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())
        right = {"iss": issuer.url, "aud": "shanhuo", "sub": "b1", "roles": ["buyer"], "exp": now + 60, "iat": now}
        chosen = {name: value for name, value in {**right, **claims}.items() if value is not None}
        key_headers = {"kid": issuer.jwk["kid"], **(headers or {})}
        return jwt.encode(chosen, issuer._key, algorithm="ES256", headers=key_headers)

    return sign


# --- whom a token proves


def test_a_token_proves_its_subject_roles_county_and_producer(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.token("p1", ["producer", "host"], county="520123", producer="coop-7")
    assert verifier.principal(f"Bearer {token}") == Principal(
        "p1", frozenset({Role.PRODUCER, Role.HOST}), "520123", "coop-7"
    )


def test_unheard_of_roles_are_ignored(issuer: Issuer, verifier: Verifier) -> None:
    assert verifier.principal("bearer " + issuer.token("x", ["emperor", "buyer"])).roles == {Role.BUYER}


@pytest.mark.parametrize("claims", [{"roles": "platform"}, {"roles": None}, {"roles": [["platform"], {"a": 1}, 5]}])
def test_roles_of_another_shape_are_none_at_all(verifier: Verifier, signed: Callable[..., str], claims: Any) -> None:
    assert verifier.principal(f"Bearer {signed(**claims)}").roles == frozenset()


@pytest.mark.parametrize("county", [520123, ["520123"], "", None])
def test_a_county_of_another_shape_is_none(verifier: Verifier, signed: Callable[..., str], county: Any) -> None:
    assert verifier.principal(f"Bearer {signed(county=county)}").county is None


def test_the_platform_and_the_county_itself_pass_and_a_foreign_county_does_not() -> None:
    Principal("a", frozenset({Role.PLATFORM})).require_county("520123")
    Principal("b", frozenset({Role.COUNTY}), "520123").require_county("520123")
    for stranger in (Principal("c", frozenset({Role.COUNTY}), "520111"), Principal("d", frozenset({Role.COUNTY}))):
        with pytest.raises(Forbidden, match="foreign-county"):
            stranger.require_county("520123")
    with pytest.raises(Forbidden):
        Principal("e", frozenset({Role.COUNTY})).require_county("")


# --- which are refused


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_000_000_000},
        {"exp": None},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"sub": None},
        {"nbf": 9_999_999_999},
    ],
)
def test_a_token_with_a_wrong_or_missing_claim_is_refused(
    verifier: Verifier, signed: Callable[..., str], claims: Any
) -> None:
    with pytest.raises(Unauthorized, match="token-invalid"):
        verifier.principal(f"Bearer {signed(**claims)}")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer not.a.token", "Bearer ..", "Bearer \x00"]
)
def test_what_is_no_token_is_refused(verifier: Verifier, header: str) -> None:
    with pytest.raises(Unauthorized):
        verifier.principal(header)


def test_an_unsigned_token_is_refused(issuer: Issuer, verifier: Verifier) -> None:
    claims = jwt.decode(issuer.token("b1"), options={"verify_signature": False})
    with pytest.raises(Unauthorized):
        verifier.principal("Bearer " + jwt.encode(claims, "", algorithm="none", headers={"kid": issuer.jwk["kid"]}))


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(issuer: Issuer, verifier: Verifier) -> None:
    claims = jwt.decode(issuer.token("b1"), options={"verify_signature": False})
    secret = base64.urlsafe_b64decode(issuer.jwk["x"] + "==")
    with pytest.raises(Unauthorized):
        verifier.principal(
            "Bearer " + jwt.encode(claims, secret, algorithm="HS256", headers={"kid": issuer.jwk["kid"]})
        )


def test_a_token_signed_with_a_foreign_key_is_refused(issuer: Issuer, verifier: Verifier) -> None:
    claims = jwt.decode(issuer.token("b1"), options={"verify_signature": False})
    for key, algorithm in (
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ):
        for kid in (issuer.jwk["kid"], "other"):
            with pytest.raises(Unauthorized):
                verifier.principal("Bearer " + jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid}))


def test_a_changed_token_is_refused_although_the_right_one_was_seen(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.token("b1")
    verifier.principal(f"Bearer {token}")
    head, body, signature = token.split(".")
    claims = jwt.utils.base64url_decode(body).replace(b'"b1"', b'"b2"')
    with pytest.raises(Unauthorized):
        verifier.principal(f"Bearer {head}.{jwt.utils.base64url_encode(claims).decode()}.{signature}")


def test_a_remembered_token_ends_when_it_expires(issuer: Issuer, verifier: Verifier) -> None:
    token = issuer.token("b1", ttl_seconds=-4)  # six more seconds within the leeway
    verifier.principal(f"Bearer {token}")

    def refused() -> bool:
        try:
            verifier.principal(f"Bearer {token}")
        except Unauthorized:
            return True
        return False

    eventually(refused)


# --- while the issuer is away


@pytest.fixture
def own_issuer() -> Iterator[Issuer]:
    """An issuer that a test may stop."""
    issuer = Issuer(port=free_port()).start()
    yield issuer
    issuer.stop()


def test_without_keys_nobody_can_be_told_from_anybody() -> None:
    nowhere = Issuer(port=free_port())
    with pytest.raises(Unavailable, match="issuer-away"):
        Verifier(nowhere.url, "shanhuo").principal(f"Bearer {nowhere.token('b1')}")


def test_known_keys_serve_while_the_issuer_is_away(own_issuer: Issuer) -> None:
    verifier = Verifier(own_issuer.url, "shanhuo")
    verifier.principal("Bearer " + own_issuer.token("b1"))
    own_issuer.stop()
    assert verifier.principal("Bearer " + own_issuer.token("b2")).subject == "b2"


def test_keys_that_have_aged_serve_while_the_issuer_is_away(own_issuer: Issuer) -> None:
    ring = KeyRing(own_issuer.url)
    ring.key(own_issuer.jwk["kid"])
    own_issuer.stop()
    ring._fetched = ring._tried = time.monotonic() - 10_000
    assert ring.key(own_issuer.jwk["kid"]).key_id == own_issuer.jwk["kid"]


def test_a_new_key_of_the_issuer_is_found(own_issuer: Issuer) -> None:
    verifier = Verifier(own_issuer.url, "shanhuo")
    verifier.principal("Bearer " + own_issuer.token("b1"))
    port = own_issuer.port
    own_issuer.stop()
    renewed = Issuer(port=port).start()
    try:

        def accepted() -> bool:
            try:
                return verifier.principal("Bearer " + renewed.token("b2")).subject == "b2"
            except Unauthorized:
                return False

        eventually(accepted, within=15.0)
    finally:
        renewed.stop()


def test_a_discovery_document_of_another_issuer_is_not_believed(own_issuer: Issuer) -> None:
    with pytest.raises(Unavailable):
        Verifier(f"http://localhost:{own_issuer.port}", "shanhuo").principal("Bearer " + own_issuer.token("b1"))
