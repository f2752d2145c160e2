"""Who is calling: roles, the principal, and the verification of its token (JWT, keys found by OIDC discovery).

Knows no route: which role may do what is declared where the route is.
"""

import logging
import time
from collections import OrderedDict
from enum import StrEnum
from typing import Any, Final

import jwt
import msgspec

from chassis.keyring import KeyRing
from chassis.refusals import Forbidden, Unauthorized

_log = logging.getLogger(__name__)

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_SECONDS: Final = 10
_REMEMBERED_TOKENS: Final = 20_000
_DEMANDS: Final[Any] = {"require": ["exp", "iss", "aud", "sub"]}


class Role(StrEnum):
    """What a caller may be; a token's claim `roles` lists them."""

    PLATFORM = "platform"
    COUNTY = "county"
    HOST = "host"
    PRODUCER = "producer"
    BUYER = "buyer"


class Principal(msgspec.Struct, frozen=True):
    """The caller, as its verified token says."""

    subject: str
    roles: frozenset[Role] = frozenset()
    county: str | None = None
    producer: str | None = None

    def has(self, role: Role) -> bool:
        """Whether the caller has the role."""
        return role in self.roles

    def require_county(self, county: str) -> None:
        """Raises `Forbidden` unless the caller is the platform or belongs to the county."""
        if Role.PLATFORM not in self.roles and (self.county is None or self.county != county):
            raise Forbidden("foreign-county", f"This belongs to county {county}, not to yours.", county=county)


class Verifier:
    """Turns tokens into principals, remembering those it has verified until they expire."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = KeyRing(issuer)
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def prepare(self) -> bool:
        """Fetch the issuer's keys, so that no caller waits for them; whether they are there now."""
        return self._keys.fetch()

    def principal(self, authorization: str) -> Principal:
        """The caller that an `Authorization` header proves. Raises `Unauthorized`, or `Unavailable` without keys."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("token-missing", "Send a token: `Authorization: Bearer …`.")
        known = self._known.get(token)
        if known is not None and time.time() < known[0]:
            self._known.move_to_end(token)
            return known[1]
        expires, principal = self._verified(token)
        self._known[token] = (expires, principal)
        if len(self._known) > _REMEMBERED_TOKENS:
            self._known.popitem(last=False)
        return principal

    def _verified(self, token: str) -> tuple[float, Principal]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise jwt.InvalidAlgorithmError("the algorithm is not accepted")
            claims = jwt.decode(
                token,
                self._keys.key(header.get("kid")),
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options=_DEMANDS,
            )
        except jwt.PyJWTError as wrong:
            raise Unauthorized("token-invalid", f"The token is not accepted: {wrong}.") from wrong
        return float(claims["exp"]) + _LEEWAY_SECONDS, _principal(claims)


def _principal(claims: dict[str, Any]) -> Principal:
    listed = claims.get("roles")
    names = listed if isinstance(listed, list) else []
    roles = frozenset(role for role in Role if role.value in names)
    return Principal(str(claims["sub"]), roles, _text(claims.get("county")), _text(claims.get("producer")))


def _text(claim: Any) -> str | None:
    return claim if isinstance(claim, str) and claim else None
