"""Cross-origin requests: which pages of other origins may call, by setting. Without it none, and nothing is said."""

from typing import Any, Final

from chassis.replies import Headers

_MAY_SEND: Final = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, traceparent"
_MAY_READ: Final = "ETag, Location, Retry-After, X-Request-Id, X-Trace-Id"
_REMEMBER_SECONDS: Final = "600"


class Cors:
    """The origins that are let in: listed with commas, or `*`."""

    def __init__(self, setting: str) -> None:
        self._origins = frozenset(origin.strip() for origin in setting.split(",") if origin.strip())

    def headers(self, environ: dict[str, Any]) -> Headers:
        """What any answer to this request says about origins."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or not self._origins:
            return []
        if "*" in self._origins:
            return [("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", _MAY_READ)]
        if origin not in self._origins:
            return [("Vary", "Origin")]
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", _MAY_READ),
            ("Vary", "Origin"),
        ]

    def preflight(self, environ: dict[str, Any]) -> bool:
        """Whether this asks what would be allowed, and anybody is."""
        return (
            bool(self._origins)
            and environ["REQUEST_METHOD"] == "OPTIONS"
            and "HTTP_ORIGIN" in environ
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        )

    def permission(self, methods: list[str]) -> Headers:
        """The answer to a preflight; the origin headers come beside it."""
        return [
            ("Access-Control-Allow-Methods", ", ".join(methods)),
            ("Access-Control-Allow-Headers", _MAY_SEND),
            ("Access-Control-Max-Age", _REMEMBER_SECONDS),
        ]
