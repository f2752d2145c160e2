"""The way through one route: who calls, what is sent, the service's method, the answer.

Prepared once when the service starts, so that little is left to do per request.
"""

from collections.abc import Iterable
from typing import Any

from eventlet.semaphore import Semaphore
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from werkzeug.datastructures import EnvironHeaders

from chassis.auth import Principal, Role, Verifier
from chassis.bodies import body_reader, idempotency_key, query_reader
from chassis.calls import NOBODY, Call
from chassis.clock import utcnow
from chassis.config import Settings
from chassis.refusals import Forbidden, Unauthorized
from chassis.replies import Reply, reply_of
from chassis.routes import Public

_PRIVATE = ("Cache-Control", "no-store")


class Door:
    """One bound route of one container."""

    def __init__(self, entrypoint: Any, settings: Settings, verifier: Verifier, workers: Semaphore) -> None:
        self.route = entrypoint.route
        self._entrypoint = entrypoint
        self._method = entrypoint.method_name
        self._container = entrypoint.container
        self._providers = list(self._container.dependencies)
        self._prepared = _doing("worker_setup", self._providers)
        self._told = _doing("worker_result", self._providers)
        self._tidied = _doing("worker_teardown", self._providers)
        self._verifier = verifier
        self._workers = workers
        self._read_body = body_reader(self.route, settings.max_body_bytes, settings.max_upload_bytes)
        self._read_query = query_reader(self.route)
        self._roles: frozenset[Role] | None = None if isinstance(self.route.who, Public) else self.route.who

    def __call__(self, environ: dict[str, Any], arguments: dict[str, Any], request_id: str) -> Reply:
        """Answer one request. Whatever is raised is for the caller to render."""
        now = utcnow()
        principal = self._admit(environ.get("HTTP_AUTHORIZATION"))
        key = idempotency_key(environ, self.route.idempotent)
        query = self._read_query(environ.get("QUERY_STRING", ""))
        body, text = self._read_body(environ)
        call = Call(
            body=body,
            query=query,
            text=text,
            principal=principal,
            idempotency_key=key,
            request_id=request_id,
            headers=EnvironHeaders(environ),
            now=now,
        )
        with self._workers:
            result = self._work(call, arguments)
        answer = reply_of(result, self.route.status, environ)
        if self._roles is not None:
            answer.headers.append(_PRIVATE)
        return answer

    def _admit(self, authorization: str | None) -> Principal:
        """A PUBLIC route looks at no token: an expired one must not keep anybody from what is open to all."""
        if self._roles is None:
            return NOBODY  # type: ignore[no-any-return]  # see Call
        if authorization is None:
            raise Unauthorized("token-missing", "Send a token: `Authorization: Bearer …`.")
        principal = self._verifier.principal(authorization)
        if self._roles.isdisjoint(principal.roles):
            wanted = sorted(self._roles)
            raise Forbidden("role-missing", f"Only these may do it: {', '.join(wanted)}.", roles=wanted)
        return principal

    def _work(self, call: Call[Any], arguments: dict[str, Any]) -> Any:
        """What nameko's `spawn_worker` does, in the connection's own green thread.

        That saves two switches per request, keeps the request id in the context, and leaves it to `problems.py` to say
        what is an error: nameko would log the traceback of every refusal.
        """
        service = self._container.service_cls()
        context = WorkerContext(self._container, service, self._entrypoint, (call,), arguments)
        for provider in self._providers:
            setattr(service, provider.attr_name, provider.get_dependency(context))
        for provider in self._prepared:
            provider.worker_setup(context)
        result, failure = None, None
        try:
            result = getattr(service, self._method)(call, **arguments)
        except Exception as error:
            failure = (type(error), error, error.__traceback__)
            raise
        finally:
            for provider in self._told:
                provider.worker_result(context, result, failure)
            for provider in self._tidied:
                provider.worker_teardown(context)
        return result


def _doing(step: str, providers: Iterable[DependencyProvider]) -> list[DependencyProvider]:
    """Those that do anything in that step of a worker's life."""
    return [one for one in providers if getattr(type(one), step) is not getattr(DependencyProvider, step)]
