"""The doors of the four services and who knocks on them. Speaks HTTP and nothing else; knows no scene and no crowd."""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

Mint = Callable[..., str]
_CROWD_LANES = 64
_STAFF_LANES = 16
_PATIENCE = 120.0


class Unplayable(Exception):
    """A service answered what the evening cannot go on with; the text says who was asked what and what came back."""


class Who(NamedTuple):
    """Somebody with a token."""

    subject: str
    role: str
    county: str | None = None


PLATFORM = Who("platform-office", "platform")


def office(county: str) -> Who:
    """The e-commerce office of a county."""
    return Who(f"office-{county}", "county", county)


def host(county: str) -> Who:
    """The official who hosts a county's shows."""
    return Who(f"host-{county}", "host", county)


class Stage:
    """The lanes on which callers reach the services, and one token for each caller.

    A lane is a client with a connection of its own to each service; who finds none free waits. One client with many
    connections looks through all of them for every request that waits: with a crowd at the door it did nothing else.
    Hosts and offices have lanes of their own: they do not queue behind their buyers.
    """

    def __init__(self, urls: Mapping[str, str], mint: Mint) -> None:
        self.urls = dict(urls)
        self._mint = mint
        self._tokens: dict[Who, str] = {}
        self._crowd, self._staff = _lanes(_CROWD_LANES), _lanes(_STAFF_LANES)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lanes in (self._crowd, self._staff):
            while not lanes.empty():
                await lanes.get_nowait().aclose()

    def token(self, who: Who) -> str:
        """The caller's token, minted once: the crowd's are made before the evening, not during it."""
        if who not in self._tokens:
            self._tokens[who] = self._mint(who.subject, roles=[who.role], county=who.county)
        return self._tokens[who]

    async def ask(self, service: str, method: str, path: str, who: Who | None = None, **said: Any) -> httpx.Response:
        """The service's answer, whatever it is. `key`: the Idempotency-Key; `text`: a CSV to upload."""
        headers = {"authorization": f"Bearer {self.token(who)}"} if who else {}
        if key := said.pop("key", None):
            headers["idempotency-key"] = key
        if text := said.pop("text", None):
            headers["content-type"] = "text/csv; charset=utf-8"
            said["content"] = text.encode()
        lanes = self._crowd if who and who.role == "buyer" else self._staff
        lane = await lanes.get()
        try:
            return await lane.request(method, self.urls[service] + path, headers=headers, **said)
        finally:
            lanes.put_nowait(lane)

    async def tell(self, service: str, method: str, path: str, who: Who | None = None, **said: Any) -> Any:
        """The service's answer when it did what it was told; raises `Unplayable` when it did not."""
        answer = await self.ask(service, method, path, who, **said)
        if not answer.is_success:
            raise Unplayable(f"{service} answered {method} {path} with {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    async def pages(self, service: str, path: str, who: Who | None = None, **query: Any) -> list[dict[str, Any]]:
        """Everything that a paginated list holds."""
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            asked = query | ({"after": after} if after else {})
            page = await self.tell(service, "GET", path, who, params=asked)
            found.extend(page["items"])
            if not (after := page.get("next")):
                return found


def _lanes(number: int) -> asyncio.LifoQueue[httpx.AsyncClient]:
    lanes: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
    limits = httpx.Limits(max_connections=4, max_keepalive_connections=4)
    for _ in range(number):
        # Without `verify=False` each would load all certificates, and all of this is plain HTTP on one machine.
        transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False, verify=False)
        lanes.put_nowait(httpx.AsyncClient(transport=transport, timeout=_PATIENCE))
    return lanes


def problem(answer: httpx.Response) -> str:
    """The code of the problem that a refusal carries: the last part of its `type`."""
    try:
        return str(answer.json()["type"]).rsplit("/", 1)[-1]
    except (ValueError, KeyError, TypeError):
        return f"status-{answer.status_code}"
