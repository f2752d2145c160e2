"""The HTTP door of a service: `@http` above a method makes it a route.

    @http("POST", "/orders", who={Role.BUYER}, body=PlaceOrder, returns=OrderView, status=201, idempotent=True)
    def place(self, call: Call[PlaceOrder]) -> OrderView: ...

What is sent is read, typed and refused before the method is called; the method says what happens. Sockets are
`server.py`'s, the way from request to answer is `app.py`'s.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from nameko.extensions import Entrypoint, register_entrypoint

from chassis.auth import Role
from chassis.calls import Answer, Call, Page, Paging, page
from chassis.refusals import Refusal
from chassis.routes import ANY_ROLE, CSV, PUBLIC, RAW, Public, Route
from chassis.server import WebServer

__all__ = ["ANY_ROLE", "CSV", "PUBLIC", "RAW", "Answer", "Call", "HttpDoor", "Page", "Paging", "http", "page"]

F = TypeVar("F", bound=Callable[..., Any])


class HttpDoor(Entrypoint):
    """The nameko entrypoint behind `@http`."""

    server = WebServer()

    def __init__(self, route: Route) -> None:
        super().__init__()
        self.route = route

    def setup(self) -> None:
        """Makes the route known before the server starts."""
        self.server.register(self)

    def stop(self) -> None:
        """Returns when no request is under way any more, so that what the service depends on may stop."""
        self.server.drain()


def http(
    method: str,
    path: str,
    *,
    who: Iterable[Role] | Public | None = None,
    body: Any = None,
    query: type[msgspec.Struct] | None = None,
    returns: Any = None,
    status: int | None = None,
    idempotent: bool = False,
    summary: str = "",
    refusals: Iterable[type[Refusal]] = (),
    media_type: str = "application/json",
) -> Callable[[F], F]:
    """Declare a method as a route. `who` is a set of roles or PUBLIC; leaving it out is a `TypeError` at import."""
    route = Route(
        method,
        path,
        who=who,
        body=body,
        query=query,
        returns=returns,
        status=status,
        idempotent=idempotent,
        summary=summary,
        refusals=refusals,
        media_type=media_type,
    )

    def declare(function: F) -> F:
        route.check(function)
        register_entrypoint(function, HttpDoor(route))
        return function

    return declare
