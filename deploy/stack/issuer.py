"""A local OpenID Connect issuer for the demo and the tests: `python -m stack.issuer`. It gives anybody here any role.

So it listens on 127.0.0.1 only and answers no web page: refused are a foreign `Origin`, another `Host` than its own (a
page that had its name rebound to 127.0.0.1), and a token request that is not JSON (all that a page can send unasked).
It asks for no secret: whoever can run programs on this machine can also reach the local database, which has none
either. Among containers `--url` and `--bind` say where else it is; its port is published on 127.0.0.1 only then.
A deployment sets OIDC_ISSUER to a real issuer; nothing else changes.
"""

import re
import threading
import time
from argparse import ArgumentTypeError
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, Literal

import jwt
import msgspec

from stack import keys
from stack.arguments import Arguments, port_number
from stack.processes import LOCAL, PortTakenError, ProcessError, free_port, taken

AUDIENCE = "shanhuo"
DAY_SECONDS = 86_400
LARGEST_REQUEST = 16_384

Role = Literal["platform", "county", "host", "producer", "buyer"]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be asked for at POST /token."""

    subject: Word
    roles: Annotated[tuple[Role, ...], msgspec.Meta(min_length=1)] = ("buyer",)
    county: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$")] | None = None
    producer: Word | None = None
    ttl_seconds: Annotated[int, msgspec.Meta(ge=1, le=30 * DAY_SECONDS)] = 3600


class Issuer:
    """Signs tokens, and once started publishes its key and hands tokens out over HTTP."""

    def __init__(
        self, *, port: int | None = None, key_file: Path | None = None, url: str | None = None, bind: str = LOCAL
    ) -> None:
        """With a `url` it goes by that name among containers, which are to find it at `bind`."""
        self.port = port or free_port()
        self.url = url or f"http://{LOCAL}:{self.port}"
        self._bind = bind
        self._hosts = re.compile(
            rf"{re.escape(url.removeprefix('http://'))}|({LOCAL}|localhost):[0-9]+"  # published under whatever port
            if url
            else rf"({LOCAL}|localhost):{self.port}"
        )
        self._key = keys.kept(key_file) if key_file else keys.fresh()
        self.jwk = keys.public(self._key)
        self._server: ThreadingHTTPServer | None = None

    def token(
        self,
        subject: str,
        roles: Sequence[str] = ("buyer",),
        county: str | None = None,
        producer: str | None = None,
        ttl_seconds: int = 3600,
    ) -> str:
        """A signed token. Checks nothing, so that tests can make tokens with unheard-of roles or a past expiry."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": subject,
            "roles": list(roles),
            "iat": now,
            "exp": now + ttl_seconds,
        }
        claims |= {name: value for name, value in (("county", county), ("producer", producer)) if value is not None}
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self.jwk["kid"]})

    def goes_by(self, host: str) -> bool:
        """Whether this `Host` is its own: no page can have a name of its own bound to the issuer's address."""
        return bool(self._hosts.fullmatch(host))

    def start(self) -> "Issuer":
        if taken(self.port):
            raise PortTakenError(self.port, "issuer")
        self._server = _Server((self._bind, self.port), _Handler)
        self._server.issuer = self
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="issuer", daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def discovery(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0, section 3; the token endpoint is our own, not one of OAuth."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks.json",
            "token_endpoint": f"{self.url}/token",
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "claims_supported": ["sub", "roles", "county", "producer", "iss", "aud", "iat", "exp"],
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    issuer: Issuer


class _RefusedError(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.answer = {"error": error, "error_description": description}


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds a connection may be silent
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        issuer = self.server.issuer
        pages = {"/.well-known/openid-configuration": issuer.discovery(), "/jwks.json": {"keys": [issuer.jwk]}}
        self._answer_with(lambda: self._page(pages))

    def do_POST(self) -> None:
        self._answer_with(self._token)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line for each of thousands of tokens helps nobody."""

    def _answer_with(self, work: Any) -> None:
        try:
            self._from_here()
            status, answer = 200, work()
        except _RefusedError as refused:
            status, answer = refused.status, refused.answer
            self.close_connection = True  # its body may be unread
        bare = isinstance(answer, str)
        body = answer.encode() if bare else msgspec.json.encode(answer)
        kind = "text/plain" if bare else "application/json"
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _from_here(self) -> None:
        host, issuer = self.headers.get("Host", ""), self.server.issuer
        if not issuer.goes_by(host):
            raise _RefusedError(403, "access_denied", f"Ask for this issuer as {issuer.url}.")
        if self.headers.get("Origin", f"http://{host}") != f"http://{host}":
            raise _RefusedError(403, "access_denied", "This issuer answers no web page but its own.")

    def _page(self, pages: dict[str, Any]) -> Any:
        if self.path not in pages:
            raise _RefusedError(404, "not_found", f"There is: {', '.join(pages)}, and POST /token.")
        return pages[self.path]

    def _token(self) -> Any:
        if self.path != "/token":
            raise _RefusedError(404, "not_found", "Only /token takes a POST.")
        try:
            wanted = msgspec.json.decode(self._body(), type=TokenRequest)
        except msgspec.MsgspecError as error:
            raise _RefusedError(400, "invalid_request", str(error)) from None
        about = (wanted.subject, wanted.roles, wanted.county, wanted.producer, wanted.ttl_seconds)
        token = self.server.issuer.token(*about)
        if self.headers.get("Accept") == "text/plain":  # for shells: TOKEN=$(curl …)
            return token
        return {"access_token": token, "token_type": "Bearer", "expires_in": wanted.ttl_seconds}

    def _body(self) -> bytes:
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(400, "invalid_request", "Send the request as Content-Type: application/json.")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _RefusedError(400, "invalid_request", "Content-Length is missing.")
        if int(length) > LARGEST_REQUEST:
            raise _RefusedError(413, "invalid_request", f"At most {LARGEST_REQUEST} bytes.")
        return self.rfile.read(int(length))


def _http_url(text: str) -> str:
    """For `type=`: where it is, with nothing after it."""
    if not re.fullmatch(r"http://[a-z0-9.-]+(:[0-9]+)?", text):
        raise ArgumentTypeError(f"{text!r} is no http://NAME:PORT")
    return text


def main() -> None:
    arguments = Arguments(prog="python -m stack.issuer", description="Local issuer of tokens; development only.")
    arguments.add_argument(
        "--port", type=port_number, default=8009, help="where to listen on 127.0.0.1 (default %(default)s)"
    )
    arguments.add_argument(
        "--url", type=_http_url, help="its name where others know it by another one than 127.0.0.1: among containers"
    )
    arguments.add_argument("--bind", default=LOCAL, metavar="ADDRESS", help="only with --url (default %(default)s)")
    arguments.add_argument(
        "--key-file", type=Path, help="keep the key here (mode 0600), so that tokens outlive a restart"
    )
    wanted = arguments.parse_args()
    if wanted.bind != LOCAL and not wanted.url:
        arguments.error("--bind opens it to others: say with --url by which name they know it")
    try:
        issuer = Issuer(port=wanted.port, key_file=wanted.key_file, url=wanted.url, bind=wanted.bind).start()
    except (ProcessError, OSError) as error:
        arguments.error(str(error))
    print(
        f"Issuer for development on {issuer.url}. It gives anybody who reaches it any role. Ctrl-C ends it.",
        flush=True,
    )
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        issuer.stop()


if __name__ == "__main__":
    main()
