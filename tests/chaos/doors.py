"""Callers at the services' doors: each asks until it is answered, with the same key, at one replica after another."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx
from tests.chaos.ledger import Ledger

_PATIENCE: Final = 5.0  # seconds for one answer; then the same is asked elsewhere
_PAUSE: Final = 0.2
_GIVES_UP: Final = 180.0


class GivesUp(Exception):
    """Nobody answered for so long that it cannot be called an outage any more."""


class Caller:
    """Somebody with a token, and connections of their own."""

    def __init__(self, token: str, urls: Mapping[str, Sequence[str]], ledger: Ledger) -> None:
        self._urls = urls
        self._ledger = ledger
        self._turns: dict[str, int] = {}
        transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=8), trust_env=False, verify=False)
        self._http = httpx.AsyncClient(
            transport=transport, timeout=_PATIENCE, headers={"authorization": f"Bearer {token}"}
        )

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()

    async def ask(
        self, kind: str, service: str, method: str, path: str, *, key: str | None = None, **said: Any
    ) -> httpx.Response:
        """The answer that settles it: a success, or a refusal by the rules. `kind`: what it succeeds in."""
        headers = {"idempotency-key": key} if key else {}
        if text := said.pop("text", None):
            headers["content-type"], said["content"] = "text/csv; charset=utf-8", text.encode()
        began = time.monotonic()
        while time.monotonic() < began + _GIVES_UP:
            answer = await self._once(service, method, path, headers=headers, **said)
            if answer is not None:
                self._ledger.settled(kind, began, answer.is_success)
                return answer
            self._turns[service] = self._turns.get(service, 0) + 1
            await asyncio.sleep(_PAUSE)
        raise GivesUp(f"{service}: {method} {path} found no answer within {_GIVES_UP:.0f} s")

    async def tell(self, kind: str, service: str, method: str, path: str, **said: Any) -> Any:
        """The answer's body; anything but a success is noted as rude, for nothing speaks against what is told."""
        answer = await self.ask(kind, service, method, path, **said)
        if not answer.is_success:
            self._ledger.complain(f"{service}: {method} {path} was refused: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.is_success and answer.content else None

    async def _once(self, service: str, method: str, path: str, **how: Any) -> httpx.Response | None:
        places = self._urls[service]
        url = places[self._turns.get(service, 0) % len(places)] + path
        try:
            answer = await self._http.request(method, url, **how)
        except httpx.TransportError:
            self._ledger.heard("", 0, "")
            return None
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        settled = self._ledger.heard(f"{service}: {method} {path}", answer.status_code, media_type)
        return answer if settled else None

    def elsewhere(self, service: str, turn: int) -> None:
        """Ask another replica from now on."""
        self._turns[service] = turn


Mint = Callable[..., str]
