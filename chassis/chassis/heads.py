"""The head of a request as llhttp reads it, and the WSGI environment made of it. Knows no socket and no route.

How long a head may be is eventlet's to say, the body that follows is read by it too. Where the two could disagree on
where a request ends (and somebody smuggle another one behind it) the head is refused.
"""

from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

_VERSIONS: Final = {b"HTTP/1.1\r\n": "HTTP/1.1", b"HTTP/1.0\r\n": "HTTP/1.0"}
_NAMES_KEPT: Final = 512


class BadHead(Exception):
    """This head is no request that could be answered; says why."""


class Head:
    """Request line and header fields of one request. Asked like the message that the standard library would give."""

    __slots__ = ("_complete", "method", "path", "query", "variables", "version")

    def __init__(self, raw: bytes, version: str) -> None:
        self.version = version
        self.variables: dict[str, str] = {}
        self.path = ""
        self._complete = False
        parser = HttpRequestParser(self)
        try:
            parser.feed_data(raw)
        except HttpParserUpgrade:
            pass  # nothing else is spoken here, so the request is answered as if it had not been offered
        except HttpParserError as wrong:
            raise BadHead(str(wrong)) from wrong
        if not self._complete:
            raise BadHead("The head ends early")
        if self.get("transfer-encoding", "chunked").lower() != "chunked":
            raise BadHead("No transfer coding but chunked is understood")
        self.method = parser.get_method().decode("ascii")

    def on_url(self, url: bytes) -> None:
        """The target as it was sent."""
        target = url.decode("latin-1")
        # a page at //host is another host's to a browser: it must not come back in a redirect
        self.path, _, self.query = (f"/{target.lstrip('/')}" if target.startswith("//") else target).partition("?")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field; what comes in several is joined with commas, but of a media type the first counts."""
        variable = _variable(name)
        if variable is None:
            return
        text = value.decode("latin-1").strip(" \t")
        known = self.variables.get(variable)
        if known is None:
            self.variables[variable] = text
        elif variable != "CONTENT_TYPE":
            self.variables[variable] = f"{known},{text}"

    def on_headers_complete(self) -> None:
        """All of them were there, and they fit together."""
        self._complete = True

    def get(self, name: str, default: Any = None) -> Any:
        """The field of that name, in whatever case."""
        variable = _variable(name.encode())
        return default if variable is None else self.variables.get(variable, default)

    @property
    def keeps(self) -> bool:
        """Whether the connection may serve another request. In doubt it ends, so that nothing is smuggled behind."""
        wish = self.variables.get("HTTP_CONNECTION", "").lower()
        if self.version == "HTTP/1.0":
            return wish == "keep-alive" and "HTTP_TRANSFER_ENCODING" not in self.variables
        return not wish or "close" not in [word.strip() for word in wish.split(",")]

    def environ(self) -> dict[str, Any]:
        """What PEP 3333 says of the request, without its server and its body."""
        return {
            **self.variables,
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(self.path, "latin-1") if "%" in self.path else self.path,
            "QUERY_STRING": self.query,
            "SERVER_PROTOCOL": self.version,
        }


def version_of(request_line: bytes) -> str | None:
    """The version that the request line ends with, if it is one that is spoken here."""
    return _VERSIONS.get(request_line[-10:])


@lru_cache(_NAMES_KEPT)
def _variable(name: bytes) -> str | None:
    """The CGI variable of a field. None for `a_b`, which would pass itself off as `a-b`."""
    if b"_" in name:
        return None
    variable = name.decode("latin-1").replace("-", "_").upper()
    return variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"
