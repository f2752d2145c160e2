"""Between the text that contexts travel as and what OpenTelemetry makes of them, and spans that begin late."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, TraceFlags

from contracts.tracecontext import is_sampled

_NOBODY: Final = Context()
_MOST_LINKS: Final = 128  # the SDK keeps no more, and dropping them costs as much as keeping them
_unbegun: ContextVar["Unbegun | None"] = ContextVar("unbegun_span", default=None)


class Unbegun:
    """A span that begins when something is done that others will hear of: most ticks of a timer do nothing."""

    def __init__(self, begin: Callable[[], Span]) -> None:
        self._begin = begin
        self.span: Span | None = None

    def begun(self) -> Span:
        if self.span is None:
            self.span = self._begin()
        return self.span

    def end(self) -> None:
        if self.span is not None:
            self.span.end()


def text_of(span: Span) -> str:
    """A span's context as it travels."""
    said = span.get_span_context()
    return f"00-{said.trace_id:032x}-{said.span_id:016x}-{said.trace_flags & 1:02x}"


def spoken(traceparent: str) -> SpanContext:
    """The context that travelled."""
    return SpanContext(
        int(traceparent[3:35], 16),
        int(traceparent[36:52], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(traceparent[53:], 16)),
    )


def below(traceparent: str | None) -> Context:
    """Where a span begins that goes on with a context; in a trace of its own where there is none."""
    if traceparent is None:
        return _NOBODY
    return trace.set_span_in_context(NonRecordingSpan(spoken(traceparent)), _NOBODY)


def links_to(members: Iterable[str | None]) -> list[Link]:
    """Links to those that are recorded, each once."""
    recorded = [member for member in dict.fromkeys(members) if member and is_sampled(member)]
    return [Link(spoken(member)) for member in recorded[:_MOST_LINKS]]


def current() -> Span | None:
    """The span of what is being done, begun now if it was not yet; None where nothing is traced."""
    span = trace.get_current_span()
    if span.get_span_context().is_valid:
        return span
    unbegun = _unbegun.get()
    return unbegun.begun() if unbegun else None


def attached(span: Span) -> Any:
    """What is done from now on is done in this span, until `detached`."""
    return contexts.attach(trace.set_span_in_context(span))


def detached(token: Any) -> None:
    contexts.detach(token)


@contextmanager
def within(span: Span) -> Iterator[None]:
    """Meanwhile."""
    token = attached(span)
    try:
        yield
    finally:
        detached(token)


@contextmanager
def perhaps(unbegun: Unbegun) -> Iterator[None]:
    """The same in a span that may begin."""
    token = _unbegun.set(unbegun)
    try:
        yield
    finally:
        _unbegun.reset(token)
