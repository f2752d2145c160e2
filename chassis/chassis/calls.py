"""What passes through the HTTP door: the call that a method is given, and what it may answer with. Serves nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from msgspec import Meta
from werkzeug.datastructures import Headers

from chassis.auth import Principal
from chassis.clock import utcnow

B = TypeVar("B")
T = TypeVar("T")
NOBODY: Final[Any] = None


class Call(msgspec.Struct, Generic[B], kw_only=True, frozen=True):
    """A request as a door sees it: who, what, when.

    `principal` is None on a PUBLIC route, which asks for nobody; it is not typed so, because every other door would
    then check for what its `who` has already made certain. `body` is None where the route declares none.
    """

    body: B = NOBODY
    query: Any = None
    text: str = ""
    principal: Principal = NOBODY
    idempotency_key: str | None = None
    request_id: str = ""
    headers: Headers = msgspec.field(default_factory=Headers)
    now: datetime = msgspec.field(default_factory=utcnow)


class Answer(msgspec.Struct, frozen=True):
    """A value with another status than the route's, or with headers."""

    value: Any = None
    status: int | None = None
    headers: dict[str, str] = {}


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list. Ask for the following one with `after=<next>`; null when there is none."""

    items: list[T]
    next: str | None = None


class Paging(msgspec.Struct, kw_only=True, frozen=True):
    """Query parameters of every list; a route with more of them subclasses this."""

    after: Annotated[str, Meta(max_length=512, description="`next` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=200, description="Most items on a page.")] = 50


def page(found: list[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
    """The page made of `limit + 1` things looked up: the one too many only says that there is a next page."""
    shown = found[:limit]
    return Page(shown, cursor(shown[-1]) if len(found) > limit else None)
