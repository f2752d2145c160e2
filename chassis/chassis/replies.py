"""What goes back: status, headers and bytes, ready to be sent. Knows neither routes nor sockets."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.wrappers import Response

from chassis.calls import Answer

Headers = list[tuple[str, str]]
_STATUS_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_encode: Final = msgspec.json.Encoder().encode
_JSON: Final = ("Content-Type", "application/json")


class Reply(NamedTuple):
    """An answer on its way out. A stream has no length; it is sent piece by piece as it comes."""

    status: int
    headers: Headers
    body: Iterable[bytes]
    stream: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is all here and its headers say how long it is (a 204 need not)."""
        return (
            type(self.body) is tuple and not self.stream and (bool(self.body) or self.status == HTTPStatus.NO_CONTENT)
        )


def status_line(status: int) -> str:
    """The status with its phrase."""
    return _STATUS_LINES.get(status) or f"{status} "


def reply(status: int, headers: Headers, body: bytes) -> Reply:
    """An answer that is all there."""
    headers.append(("Content-Length", str(len(body))))
    return Reply(status, headers, (body,))


def json_reply(value: Any, status: int = 200) -> Reply:
    """The value as JSON; 204 and nothing at all when it is None."""
    if value is None:
        return Reply(204, [], ())
    return reply(status, [_JSON], _encode(value))


def reply_of(result: Any, status: int, environ: dict[str, Any]) -> Reply:
    """What a route's method returned, as an answer."""
    if isinstance(result, Response):
        body, line, headers = result.get_wsgi_response(environ)
        return Reply(int(line[:3]), headers, body, result.is_streamed)
    if isinstance(result, Answer):
        answer = reply_of(result.value, result.status or status, environ)
        own = WerkzeugHeaders(result.headers)  # refuses line breaks, which would end the header and begin another
        return answer._replace(status=result.status or answer.status, headers=[*answer.headers, *own])
    return json_reply(result, status)
