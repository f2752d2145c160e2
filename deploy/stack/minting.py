"""Asks an issuer for local trial, wherever it runs, for tokens."""

from collections.abc import Callable, Iterable

import httpx


def minted_by(url: str, *, timeout: float = 10.0) -> Callable[..., str]:
    """`mint(subject, roles, county, producer)` by the issuer at this address."""
    # Without `verify=False` it would load all certificates, and the issuer for local trial speaks plain HTTP.
    client = httpx.Client(base_url=url, timeout=timeout, trust_env=False, verify=False)  # noqa: S501  see above

    def mint(
        subject: str, roles: Iterable[str] = ("buyer",), county: str | None = None, producer: str | None = None
    ) -> str:
        wanted = {"subject": subject, "roles": list(roles), "county": county, "producer": producer}
        known = {name: value for name, value in wanted.items() if value is not None}
        return str(client.post("/token", json=known).raise_for_status().json()["access_token"])

    return mint
