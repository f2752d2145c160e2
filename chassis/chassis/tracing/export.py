"""Where finished spans go: a bounded queue, a green thread that sends it, and a count of what became of each.

Who is traced waits for nobody: a collector that is slow or away costs spans, never a request. The SDK's own batching
does it; its thread, its locks and its sockets are eventlet's, for `run.py` patched them before anything was imported.
"""

import socket
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from chassis import metrics
from chassis.tracing.settings import TracingSettings
from contracts import metrics as declared
from contracts.ids import new_id

_NAMESPACE: Final = "shanhuo"


class Ids(RandomIdGenerator):
    """Random ids, but for a span whose id was given out before it began."""

    def __init__(self) -> None:
        self.next_span: int | None = None

    def generate_span_id(self) -> int:
        given, self.next_span = self.next_span, None
        return given or super().generate_span_id()


class _Counts:
    """What became of spans, and how many wait."""

    def __init__(self, service: str) -> None:
        spans = metrics.counter(declared.TRACE_SPANS)
        self.exported, self.failed, self.dropped = (
            spans.labels(service, outcome) for outcome in ("exported", "failed", "dropped")
        )
        self.waiting = 0


class _Exporter(SpanExporter):
    """Sends, and counts."""

    def __init__(self, inner: SpanExporter, counts: _Counts) -> None:
        self._inner = inner
        self._counts = counts

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._counts.waiting -= len(spans)
        result = self._inner.export(spans)
        outcome = self._counts.exported if result is SpanExportResult.SUCCESS else self._counts.failed
        outcome.inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


class _Queue(BatchSpanProcessor):
    """The SDK's queue, which drops its oldest span when it is full, and says so nowhere but in the log."""

    def __init__(self, exporter: SpanExporter, counts: _Counts, settings: TracingSettings) -> None:
        self._counts = counts
        self._most = settings.otel_bsp_max_queue_size
        super().__init__(
            exporter,
            max_queue_size=self._most,
            schedule_delay_millis=settings.otel_bsp_schedule_delay,
            max_export_batch_size=settings.otel_bsp_max_export_batch_size,
        )

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            if self._counts.waiting >= self._most:
                self._counts.dropped.inc()
            else:
                self._counts.waiting += 1
        super().on_end(span)


def provider(service: str, version: str, settings: TracingSettings, ids: Ids) -> TracerProvider:
    """Makes spans and sends them to the settings' endpoint."""
    counts = _Counts(service)
    exporter = OTLPSpanExporter(
        endpoint=settings.traces_endpoint,
        certificate_file=settings.otel_exporter_otlp_certificate or None,
        headers=_pairs(settings.otel_exporter_otlp_headers),
        timeout=settings.otel_exporter_otlp_timeout / 1000,  # milliseconds there, seconds here
        compression=Compression(settings.otel_exporter_otlp_compression),
    )
    made = TracerProvider(
        sampler=_sampler(settings),
        resource=_resource(service, version, settings),
        shutdown_on_exit=False,
        id_generator=ids,
    )
    made.add_span_processor(_Queue(_Exporter(exporter, counts), counts, settings))
    return made


def _resource(service: str, version: str, settings: TracingSettings) -> Resource:
    """Who says it; what the settings say of themselves comes before what we know."""
    known = {
        "service.name": service,
        "service.namespace": _NAMESPACE,
        "service.version": version,
        "service.instance.id": new_id(),
        "host.name": socket.gethostname(),
    }
    named = {"service.name": settings.otel_service_name} if settings.otel_service_name else {}
    return Resource.create({**known, **_pairs(settings.otel_resource_attributes), **named})


def _sampler(settings: TracingSettings) -> sampling.Sampler:
    _, parent_based, kind = settings.otel_traces_sampler.rpartition("parentbased_")
    share = 1.0 if settings.otel_traces_sampler_arg is None else settings.otel_traces_sampler_arg
    root: sampling.Sampler
    if kind == "traceidratio":
        root = sampling.TraceIdRatioBased(share)
    else:
        root = sampling.ALWAYS_ON if kind == "always_on" else sampling.ALWAYS_OFF
    return sampling.ParentBased(root) if parent_based else root


def _pairs(text: str) -> dict[str, str]:
    """`name=value,…`, percent-encoded as in baggage."""
    parts = (pair.partition("=") for pair in text.split(",") if pair)
    return {unquote(name.strip()): unquote(value.strip()) for name, _, value in parts}
