"""From request to answer: finds the route, renders what went wrong, measures. `exchanges.py` sends it."""

import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from werkzeug.exceptions import MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import Map

from chassis import logs, metrics, problems, tracing
from chassis.cors import Cors
from chassis.refusals import NotAllowed, NotFound
from chassis.replies import Reply, reply
from chassis.routes import Route
from contracts import metrics as declared
from contracts.ids import new_id

_log = logging.getLogger(__name__)

# door(environ, path arguments, request id) -> reply
Endpoint = Callable[[dict[str, Any], dict[str, Any], str], Reply]
_REQUEST_ID: Final = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")
_NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")
_NO_ROUTE: Final = "none"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WORTH_READING_BYTES: Final = 65_536


class Application:
    """What one service answers."""

    def __init__(self, service: str, endpoints: Iterable[tuple[Route, Endpoint]], cors: Cors) -> None:
        self._service = service
        self._cors = cors
        bound = [(route, (route.template, endpoint)) for route, endpoint in endpoints]
        rules = [route.rule(named) for route, named in bound]
        self._urls = Map(rules, strict_slashes=False, merge_slashes=False).bind("")
        self._fixed = {(route.method, route.path): named for route, named in reversed(bound) if not route.parameters}
        self._seconds = metrics.histogram(declared.HTTP_REQUEST_SECONDS)
        self._timers: dict[tuple[str, str, int], Any] = {}
        self._in_flight = 0
        metrics.gauge(declared.HTTP_IN_FLIGHT).labels(service).set_function(lambda: self._in_flight)

    def __call__(self, environ: dict[str, Any]) -> Reply:
        """Answer one request, whatever happens."""
        started = time.perf_counter()
        self._in_flight += 1
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _REQUEST_ID.match(given) else new_id()
        logs.request_id.set(request_id)
        begun, failed = tracing.request(environ), None
        route = _NO_ROUTE
        try:
            route, endpoint, arguments = self._find(environ)
            answer = endpoint(environ, arguments, request_id)
        except Exception as error:  # noqa: BLE001  every request is answered; what is no refusal becomes a 500 and is logged
            failed, answer = error, reply(*problems.render(error, request_id))
        finally:
            self._in_flight -= 1
        trace = tracing.answered(begun, route, answer.status, failed)
        self._measure(environ["REQUEST_METHOD"], route, answer.status, time.perf_counter() - started, trace)
        return self._finished(answer, request_id, environ, trace)

    def _find(self, environ: dict[str, Any]) -> tuple[str, Endpoint, dict[str, Any]]:
        if fixed := self._fixed.get((environ["REQUEST_METHOD"], environ["PATH_INFO"])):
            return *fixed, {}
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        try:
            (template, endpoint), arguments = self._urls.match(path, environ["REQUEST_METHOD"])
        except MethodNotAllowed as wrong:
            methods = sorted(wrong.valid_methods or ())
            if self._cors.preflight(environ):
                return "preflight", lambda *_: Reply(204, self._cors.permission(methods), ()), {}
            raise NotAllowed("method-not-allowed", f"Here it is {' or '.join(methods)}.", valid=methods) from wrong
        except NoRoute as wrong:
            raise NotFound("no-such-path", "There is nothing at this path; /docs shows what there is.") from wrong
        return template, endpoint, dict(arguments)

    def _finished(self, answer: Reply, request_id: str, environ: dict[str, Any], trace: str | None) -> Reply:
        """With what every answer says; the connection's last when more was sent than is worth reading, or we leave."""
        connection = environ["chassis.connection"]
        unheard = _much_unread(environ["wsgi.input"])
        if unheard or connection.server.leaving:
            connection.leave(unheard)
        traced = [("X-Trace-Id", trace)] if trace else []
        return answer._replace(
            headers=[*answer.headers, ("X-Request-Id", request_id), *traced, _NOSNIFF, *self._cors.headers(environ)]
        )

    def _measure(self, method: str, route: str, status: int, seconds: float, trace: str | None) -> None:
        key = (method if method in _METHODS else "other", route, status)
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = self._seconds.labels(self._service, key[0], route, str(status))
        timer.observe(seconds, {"trace_id": trace} if trace else None)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "request", extra={"method": method, "route": route, "status": status, "seconds": round(seconds, 6)}
            )


def _much_unread(source: Any) -> bool:
    """Whether so much of the body was left that hearing it out would cost more than a new connection."""
    if source.chunked_input:
        return bool(source.chunk_length != 0)
    return bool(source.content_length - source.position > _WORTH_READING_BYTES)
