"""What every service answers undeclared: probes, metrics, its OpenAPI document and a page to read it. All PUBLIC."""

import functools
from collections.abc import Iterator
from typing import Any, Final

from chassis import docs, metrics
from chassis.app import Endpoint
from chassis.health import Health, Report
from chassis.openapi import document
from chassis.refusals import NotFound
from chassis.replies import Reply, json_reply, reply
from chassis.routes import PUBLIC, Route
from contracts import metrics as declared

_STATUS: Final = {"ok": 200, "unready": 503}


def endpoints(service_class: Any, health: Health) -> Iterator[tuple[Route, Endpoint]]:
    """The standard routes of a service and what answers them."""
    metrics.expect(service_class.name)
    metrics.gauge(declared.BUILD_INFO).labels(service_class.name, service_class.version).set(1)

    @functools.cache
    def described() -> dict[str, Any]:
        return document(service_class)

    def ready(*_: Any) -> Reply:
        report = health.ready()
        return json_reply(report, _STATUS[report.status])

    def measured(environ: dict[str, Any], *_: Any) -> Reply:
        body, content_type = metrics.exposition(environ.get("HTTP_ACCEPT", ""))
        return reply(200, [("Content-Type", content_type)], body)

    def page(_: dict[str, Any], arguments: dict[str, Any], __: str) -> Reply:
        found = docs.file(arguments.get("name", "index.html"), service_class.__name__)
        if found is None:
            raise NotFound("no-such-path", "There is no such file.")
        body, headers = found
        return reply(200, headers, body)

    yield _get("/health/live"), lambda *_: json_reply(Report("ok"))
    yield _get("/health/ready"), ready
    yield _get("/metrics"), measured
    yield _get("/openapi.json"), lambda *_: json_reply(described())
    yield _get("/docs"), page
    yield _get("/docs/<name>"), page


def _get(path: str) -> Route:
    return Route("GET", path, who=PUBLIC, status=200)
