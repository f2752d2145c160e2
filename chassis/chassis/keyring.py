"""The issuer's public keys: found by OIDC discovery, renewed when a new one shows up.

They are kept while the issuer is away.
"""

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, Final

import jwt

from chassis.refusals import Unavailable

_log = logging.getLogger(__name__)

_TIMEOUT_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 5.0
_STALE_SECONDS: Final = 600.0
_MAX_BYTES: Final = 1_048_576


class KeyRing:
    """Keys by their id. At most one fetch at a time, and after each a pause, whatever tokens are presented."""

    def __init__(self, issuer: str) -> None:
        self._discovery = issuer.rstrip("/") + "/.well-known/openid-configuration"
        self._issuer = issuer
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._lock = threading.Lock()
        self._tried = self._fetched = -_STALE_SECONDS

    def fetch(self) -> bool:
        """Have the keys before anybody asks for one; whether they are there now."""
        with self._lock:
            if not self._keys:
                self._renew()
        return bool(self._keys)

    def key(self, kid: str | None) -> jwt.PyJWK:
        """The key with that id, or the only one when a token names none. Raises `InvalidKeyError` or `Unavailable`."""
        if self._wanting(kid):
            with self._lock:
                if self._wanting(kid):
                    self._renew()
        if not self._keys:
            raise Unavailable("issuer-away", "Tokens cannot be verified: their issuer does not answer.")
        found = self._find(kid)
        if found is None:
            raise jwt.InvalidKeyError("signed with a key that its issuer does not publish")
        return found

    def _find(self, kid: str | None) -> jwt.PyJWK | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    def _wanting(self, kid: str | None) -> bool:
        now = time.monotonic()
        if self._keys and now - self._tried < _PAUSE_SECONDS:
            return False
        if not self._keys and now - self._tried < 1.0:
            return False
        return self._find(kid) is None or now - self._fetched > _STALE_SECONDS

    def _renew(self) -> None:
        try:
            found = _get(self._discovery)
            if found.get("issuer") != self._issuer:
                raise ValueError(f"the discovery document names another issuer, {found.get('issuer')}")
            keys = jwt.PyJWKSet.from_dict(_get(found["jwks_uri"])).keys
            self._keys = {key.key_id: key for key in keys if key.public_key_use in ("sig", None)}
            self._fetched = time.monotonic()
        except (OSError, HTTPException, ValueError, KeyError, jwt.PyJWTError) as away:
            _log.warning(
                "keys of the token issuer are not to be had", extra={"reason": f"{type(away).__name__}: {away}"}
            )
        finally:
            self._tried = time.monotonic()


def _get(url: str) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise ValueError("only http and https addresses are followed")
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  the scheme is checked above
        found = json.loads(response.read(_MAX_BYTES))
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found
