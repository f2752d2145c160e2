"""Answers for browsers: the live page's three files and its stream of events. The page loads nothing from anywhere
else.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

from werkzeug.wrappers import Response

_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STREAM_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}  # the latter: nginx passes events on at once


def file(name: str) -> Response:
    """One of the page's files, under a policy that lets it load only its own."""
    headers = {
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
    return Response(_content(name), content_type=f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8", headers=headers)


def event_stream(frames: Iterator[bytes]) -> Response:
    """Server-Sent Events, sent as they come."""
    return Response(
        frames, content_type="text/event-stream; charset=utf-8", headers=_STREAM_HEADERS, direct_passthrough=True
    )


@cache
def _content(name: str) -> bytes:
    return files("notify").joinpath("page", name).read_bytes()
