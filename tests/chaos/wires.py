"""The network between the services and each engine: toxiproxy, told over its HTTP door what to do to the wire."""

from types import TracebackType
from typing import Any, Final, Self

import httpx

_SLOW: Final[dict[str, dict[str, int]]] = {
    "latency": {"latency": 150, "jitter": 100},
    "bandwidth": {"rate": 256},  # KB a second
}


class Wires:
    """One wire to each engine."""

    def __init__(self, api: str) -> None:
        self._http = httpx.Client(base_url=api, timeout=5.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            return self._http.get("/version").is_success
        except httpx.TransportError:
            return False

    def lay(self, name: str, listen: str, upstream: str) -> None:
        """Lead whoever connects to `listen` to `upstream`."""
        self._tell("POST", "/proxies", {"name": name, "listen": listen, "upstream": upstream, "enabled": True})

    def slow(self, name: str) -> None:
        """Every packet is late, in both directions, and few fit through."""
        for stream in ("upstream", "downstream"):
            for kind, attributes in _SLOW.items():
                self._toxic(name, kind, stream, attributes)

    def cut(self, name: str) -> None:
        """Nothing comes through any more, and nobody is told: connections stay, as when a cable is pulled."""
        for stream in ("upstream", "downstream"):
            self._toxic(name, "timeout", stream, {"timeout": 0})

    def mend(self, name: str) -> None:
        """As before. What was under way in a cut is lost, and its connections end."""
        for toxic in self._tell("GET", f"/proxies/{name}/toxics"):
            self._tell("DELETE", f"/proxies/{name}/toxics/{toxic['name']}")

    def _toxic(self, name: str, kind: str, stream: str, attributes: dict[str, int]) -> None:
        said = {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "attributes": attributes}
        self._tell("POST", f"/proxies/{name}/toxics", said)

    def _tell(self, method: str, path: str, said: dict[str, Any] | None = None) -> Any:
        answer = self._http.request(method, path, json=said)
        answer.raise_for_status()
        return answer.json() if answer.content else None
