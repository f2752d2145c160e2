"""What `deploy/compose.yaml` runs, as this machine sees it: `python -m stack.composed` waits and opens the market.

Knows the published ports only (CATALOG_PORT … in the environment, or the defaults of that file).
"""

import os
import sys
import time
from collections.abc import Iterable, Mapping

import httpx

from stack.arguments import Arguments
from stack.local import DATA
from stack.market import NotOpenedError, open_market
from stack.minting import minted_by
from stack.processes import LOCAL
from stack.services import NAMES

READY_WITHIN = 180.0  # seconds from here, on a slow machine with empty volumes
PORTS = {**{name: 8000 + number for number, name in enumerate(NAMES, 1)}, "issuer": 8009, "prometheus": 9090}


class NotReadyError(RuntimeError):
    """Something does not answer, or says that it lacks something; the text says what."""


class Composed:
    """Its doors, with tokens from its own issuer."""

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        self.ports = {name: int(env.get(f"{name.upper()}_PORT") or port) for name, port in PORTS.items()}
        self._mint = minted_by(self.url("issuer"))

    def url(self, name: str) -> str:
        return f"http://{LOCAL}:{self.ports[name]}"

    def token(
        self,
        subject: str,
        roles: Iterable[str] = ("buyer",),
        county: str | None = None,
        producer: str | None = None,
    ) -> str:
        return self._mint(subject, roles, county, producer)

    def client(
        self,
        name: str,
        subject: str = "tester",
        roles: Iterable[str] = ("buyer",),
        county: str | None = None,
        producer: str | None = None,
        *,
        timeout: float = 30.0,
    ) -> httpx.Client:
        """An HTTP client of this service that carries a token for this subject."""
        bearer = {"Authorization": f"Bearer {self.token(subject, roles, county, producer)}"}
        return httpx.Client(base_url=self.url(name), headers=bearer, timeout=timeout)

    def wait_ready(self, within: float = READY_WITHIN) -> None:
        """Return when every service is ready, raise NotReadyError when one is not in time."""
        deadline = time.monotonic() + within
        while lacking := [said for name in NAMES if (said := self._lacks(name))]:
            if time.monotonic() > deadline:
                raise NotReadyError("; ".join(lacking))
            time.sleep(0.5)

    def _lacks(self, name: str) -> str | None:
        try:
            answer = httpx.get(f"{self.url(name)}/health/ready", timeout=3.0, trust_env=False)
        except httpx.TransportError as error:
            return f"{name} does not answer ({type(error).__name__})"
        return None if answer.is_success else f"{name} is not ready: {answer.text[:300]}"


def main() -> None:
    arguments = Arguments(prog="stack.composed", description="Wait for what compose started; open the demo's market.")
    arguments.add_argument("--empty", action="store_true", help="import nothing")
    wanted = arguments.parse_args()
    system = Composed()
    try:
        system.wait_ready()
        shows = [] if wanted.empty else open_market(system, DATA)
    except (NotReadyError, NotOpenedError) as error:
        sys.exit(f"stack.composed: {error}")
    for name in PORTS:
        print(f"{name:11} {system.url(name)}")
    if shows:
        print(f"The market is open: counties, items, hubs and {len(shows)} shows with their stock.")
    ask = f"curl -s {system.url('issuer')}/token -H 'Content-Type: application/json' -H 'Accept: text/plain'"
    print(f"""A token: TOKEN=$({ask} -d '{{"subject": "me", "roles": ["platform"]}}')""")


if __name__ == "__main__":
    main()
