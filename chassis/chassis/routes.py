"""What a route is: its method, path, callers, body, query and answers, checked when it is declared. Serves nothing."""

import inspect
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final, NoReturn

import msgspec
from werkzeug.routing import Rule

from chassis.auth import Role
from chassis.refusals import Refusal

_PARAMETER: Final = re.compile(r"<(?:(\w+)(?:\(.*?\))?:)?(\w+)>")
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Public:
    """Nobody need be authenticated."""

    def __repr__(self) -> str:
        return "PUBLIC"


class CsvBody:
    """The body is a CSV file; the door finds it in `call.text`."""

    def __repr__(self) -> str:
        return "CSV"


class RawBody:
    """The body is text of whatever media type; the door finds it in `call.text`, byte for byte as it was sent."""

    def __repr__(self) -> str:
        return "RAW"


PUBLIC: Final = Public()
CSV: Final = CsvBody()
RAW: Final = RawBody()
ANY_ROLE: Final = frozenset(Role)


class Route:
    """One method on one path, as declared above a service's method."""

    def __init__(
        self,
        method: str,
        path: str,
        *,
        who: Iterable[Role] | Public | None,
        body: Any = None,
        query: type[msgspec.Struct] | None = None,
        returns: Any = None,
        status: int | None = None,
        idempotent: bool = False,
        summary: str = "",
        refusals: Iterable[type[Refusal]] = (),
        media_type: str = "application/json",
    ) -> None:
        self.method = method
        self.path = path
        self.who = _who(who, f"{method} {path}")
        self.body = body
        self.query = query
        self.returns = returns
        self.status = status or (200 if returns is not None else 204)
        self.idempotent = idempotent
        self.summary = summary
        self.refusals = tuple(refusals)
        self.media_type = media_type
        if method not in _METHODS or not path.startswith("/"):
            self._bad("the method must be one of " + ", ".join(_METHODS) + " and the path begin with /")
        if body is not None and method in ("GET", "DELETE"):
            self._bad(f"a {method} has no body")

    @property
    def template(self) -> str:
        """The path as OpenAPI and the metrics write it: `/orders/{order_id}`."""
        return _PARAMETER.sub(r"{\2}", self.path)

    @property
    def parameters(self) -> dict[str, str]:
        """The path's parameters and their converters, in order."""
        return {name: converter or "string" for converter, name in _PARAMETER.findall(self.path)}

    def rule(self, endpoint: Any) -> Rule:
        """The route for the URL map."""
        return Rule(self.path, methods=[self.method], endpoint=endpoint, strict_slashes=False)

    def check(self, function: Callable[..., Any]) -> None:
        """Raises `TypeError` unless the method takes the call and exactly the path's parameters."""
        given = list(inspect.signature(function).parameters)[2:]
        if sorted(given) != sorted(self.parameters):
            self._bad(
                f"{function.__qualname__} must take (self, call, {', '.join(self.parameters)})".replace(", )", ")")
            )

    @cached_property
    def takes_csv(self) -> bool:
        """Whether the body is a CSV file."""
        return self.body is CSV

    @cached_property
    def takes_raw(self) -> bool:
        """Whether the body is taken as it comes."""
        return self.body is RAW

    @cached_property
    def body_optional(self) -> bool:
        """Whether nothing at all may be sent: every field of the body has a default."""
        if not isinstance(self.body, type) or not issubclass(self.body, msgspec.Struct):
            return False
        return not any(field.required for field in msgspec.structs.fields(self.body))

    def _bad(self, why: str) -> NoReturn:
        raise TypeError(f"{self.method} {self.path}: {why}")


def _who(who: Any, route: str) -> frozenset[Role] | Public:
    if isinstance(who, Public):
        return who
    roles = frozenset(who) if isinstance(who, Iterable) and not isinstance(who, str) else frozenset()
    if not roles or not all(isinstance(role, Role) for role in roles):
        raise TypeError(f"{route}: say who may call it: a set of roles, or PUBLIC")
    return roles
