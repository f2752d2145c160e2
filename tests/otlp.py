"""A collector for tests: takes OTLP over HTTP as OpenTelemetry defines it, and remembers the spans it was sent."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


class Place(NamedTuple):
    """Where a span is: its trace and its own id, in hex."""

    trace: str
    span: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace}-{self.span}-01"


class Seen(NamedTuple):
    """A span as it was sent."""

    service: str
    name: str
    kind: str
    at: Place
    parent: str
    links: tuple[Place, ...]
    says: Mapping[str, Any]
    failed: bool
    began: int
    ended: int

    @property
    def above(self) -> Place:
        """Its parent's place."""
        return Place(self.at.trace, self.parent)


class Collector:
    """Listens on this machine; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.resources: list[Mapping[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self._spans: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[Seen]:
        return list(self._spans)

    def named(self, name: str, service: str | None = None, **says: Any) -> list[Seen]:
        """Spans of that name, of that service, that say so (`order_id` stands for `shanhuo.order_id`)."""
        wanted = {f"shanhuo.{key}": value for key, value in says.items()}.items()
        return [
            span
            for span in self.spans
            if span.name == name and service in (None, span.service) and wanted <= span.says.items()
        ]

    def one(self, name: str, service: str | None = None, **says: Any) -> Seen:
        """The one there is; fails while there is none, so that it can be waited for."""
        found = self.named(name, service, **says)
        assert len(found) == 1, f"{len(found)} spans {name!r} of {service} {says}, of {self.names()}"
        return found[0]

    def names(self) -> list[tuple[str, str]]:
        return sorted({(span.service, span.name) for span in self.spans})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, said: ExportTraceServiceRequest) -> None:
        for resource in said.resource_spans:
            who = _said(resource.resource.attributes)
            self.resources.append(who)
            for scope in resource.scope_spans:
                self._spans += [_seen(who["service.name"], span) for span in scope.spans]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.path == "/v1/traces"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                if collector.status == 200:
                    collector.headers.append(dict(self.headers))
                    collector._take(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(collector.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        return Handler


@contextmanager
def collecting() -> Iterator[Collector]:
    """One for as long as it is needed."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.close()


def _seen(service: str, span: Span) -> Seen:
    return Seen(
        service=service,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        at=Place(span.trace_id.hex(), span.span_id.hex()),
        parent=span.parent_span_id.hex(),
        links=tuple(Place(link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        says=_said(span.attributes),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
    )


def _said(attributes: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(one) for one in value.array_value.values)
    return getattr(value, kind)
