"""Makes the spans, named as OpenTelemetry's semantic conventions have it for HTTP and messaging.

Loaded only where something is traced. A span is finished wherever the code it stands for was left; what it says of an
error is its kind, never its words.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

import eventlet
import msgspec
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, StatusCode, get_current_span, set_span_in_context

from chassis.tracing.contexts import (
    Unbegun,
    attached,
    below,
    current,
    detached,
    links_to,
    perhaps,
    spoken,
    text_of,
    within,
)
from chassis.tracing.export import Ids, provider
from chassis.tracing.settings import TracingSettings
from chassis.tracing.words import NO_ROUTE, About, about_ids, answer, handled, method, sent
from contracts.codec import Event, Record
from contracts.tracecontext import is_sampled, read, span_id_of

_log = logging.getLogger(__name__)
_UNTRACED: Final = ("/health/", "/metrics")  # asked every few seconds, by machines


class _Begun(NamedTuple):
    """A request that is being answered."""

    span: Span
    token: Any
    environ: Mapping[str, Any]


class Recorder:
    """One for each process that traces."""

    def __init__(self, service: str, version: str, settings: TracingSettings) -> None:
        self._ids = Ids()
        self._provider = provider(service, version, settings, self._ids)
        self._tracer = self._provider.get_tracer("shanhuo.chassis", version)
        # What its sampler would refuse for its parent's sake is not even asked about.
        self._follows = settings.otel_traces_sampler.startswith("parentbased")
        # Weakly: a request whose green thread is killed is never answered.
        self._answering: WeakValueDictionary[str, Span] = WeakValueDictionary()

    def close(self, seconds: float) -> None:
        """Send what is left."""
        done = False
        with eventlet.Timeout(seconds, False):
            self._provider.shutdown()
            done = True
        if not done:
            _log.warning("stopped with traces unsent")

    # --- what is being done ---

    def here(self) -> str | None:
        span = current()
        return text_of(span) if span else None

    def ids(self) -> Mapping[str, str]:
        said = get_current_span().get_span_context()
        return {"trace_id": f"{said.trace_id:032x}", "span_id": f"{said.span_id:016x}"} if said.is_valid else {}

    def relate(self, traceparent: str | None, about: About) -> None:
        span = get_current_span()
        if span.is_recording():
            span.set_attributes(about_ids(about))
            if traceparent and is_sampled(traceparent):
                born = spoken(traceparent)
                if born.trace_id != span.get_span_context().trace_id:
                    span.add_link(born)

    # --- HTTP ---

    def request(self, environ: Mapping[str, Any]) -> _Begun | None:
        if environ["PATH_INFO"].startswith(_UNTRACED):
            return None
        parent = read(environ.get("HTTP_TRACEPARENT", ""))
        span = self._tracer.start_span(method(environ), below(parent), SpanKind.SERVER)
        if span.is_recording():
            self._answering[text_of(span)] = span
        return _Begun(span, attached(span), environ)

    def answered(self, begun: _Begun, route: str, status: int, error: Exception | None) -> str | None:
        span, token, environ = begun
        trace_id = None
        if span.is_recording():
            self._answering.pop(text_of(span), None)
            span.set_attributes(answer(environ, route, status))
            if route != NO_ROUTE:
                span.update_name(f"{method(environ)} {route}")
            if status >= 500:
                _fail(span, type(error).__qualname__ if error else str(status))
            trace_id = f"{span.get_span_context().trace_id:032x}"
        span.end()
        detached(token)
        return trace_id

    # --- steps ---

    @contextmanager
    def doing(
        self, name: str, parent: str | None, links: Iterable[str | None], about: About, calls: bool
    ) -> Iterator[str | None]:
        here = None if parent else current()
        context = set_span_in_context(here) if here else below(parent)
        kind = SpanKind.CLIENT if calls else SpanKind.INTERNAL
        with self._span(self._tracer.start_span(name, context, kind, about_ids(about), links_to(links))) as span:
            yield text_of(span)

    @contextmanager
    def together(self, name: str, members: Iterable[str | None]) -> Iterator[None]:
        recorded = [member for member in members if member and is_sampled(member)]
        if not recorded:
            yield
            return
        size = {"shanhuo.members": len(recorded)}
        with self._span(
            self._tracer.start_span(name, below(recorded[0]), attributes=size, links=links_to(recorded[1:]))
        ) as span:
            for member in recorded[1:]:
                if waiting := self._answering.get(member):
                    waiting.add_link(span.get_span_context())
            yield

    @contextmanager
    def working(self, given: Any, name: str) -> Iterator[None]:
        if isinstance(given, Span):
            with within(given):
                yield
            return
        unbegun = given or Unbegun(lambda: self._tracer.start_span(name, below(None)))
        with perhaps(unbegun):
            try:
                yield
            finally:
                if given is None:
                    unbegun.end()

    @contextmanager
    def _span(self, span: Span) -> Iterator[Span]:
        try:
            with within(span):
                yield span
        except BaseException as error:
            _fail(span, type(error).__qualname__)
            raise
        finally:
            span.end()

    # --- events ---

    @contextmanager
    def publishing(self, records: Sequence[Record]) -> Iterator[None]:
        """A span for each that is recorded, when the broker has it. Not before: what fails is published again."""
        began = time.time_ns()
        yield
        ended = time.time_ns()
        for item in records:
            if item.traceparent and is_sampled(item.traceparent):
                self._ids.next_span = int(span_id_of(item.id), 16)
                span = self._tracer.start_span(
                    f"send {item.type}", below(item.traceparent), SpanKind.PRODUCER, sent(item), start_time=began
                )
                span.end(ended)
                self._ids.next_span = None

    @contextmanager
    def processing(self, pairs: Sequence[tuple[Any, Event]], group: str | None) -> Iterator[tuple[list[Event], Any]]:
        spans = [self._received(message, event, group) for message, event in pairs]
        events = [
            msgspec.structs.replace(event, traceparent=text_of(span)) if span.is_recording() else event
            for (_, event), span in zip(pairs, spans, strict=True)
        ]
        ambient = self._ambient(pairs, spans)
        try:
            yield events, ambient
        except BaseException as error:
            for span in spans:
                _fail(span, type(error).__qualname__)
            raise
        finally:
            for span in spans:
                span.end()
            if isinstance(ambient, Unbegun):
                ambient.end()

    def _received(self, message: Any, event: Event, group: str | None) -> Span:
        parent = event.traceparent
        if parent and self._follows and not is_sampled(parent):
            return NonRecordingSpan(spoken(parent))
        span = self._tracer.start_span(f"process {event.type}", below(parent), SpanKind.CONSUMER)
        if span.is_recording():
            span.set_attributes(handled(message, event, group))
        return span

    def _ambient(self, pairs: Sequence[tuple[Any, Event]], spans: Sequence[Span]) -> Span | Unbegun:
        """One event: its own span. Several: what follows is told in a trace that is linked to all of theirs."""
        if len(spans) == 1:
            return spans[0]
        name = f"process batch of {pairs[0][1].type}"
        return Unbegun(lambda: self._tracer.start_span(name, below(None), links=links_to(map(text_of, spans))))


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)
