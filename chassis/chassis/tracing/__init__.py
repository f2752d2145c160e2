"""What is done for whom, told to an OpenTelemetry collector: off unless an endpoint is set, and then next to nothing.

This is the door of the room: every function here may be called at any time. While it is off none of them does
anything, nothing of OpenTelemetry is loaded, no header is read and none is written. When it is on `recorder.py` does
it and `export.py` sends it. Spans say ids, never who somebody is or where they live. See docs/tracing.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from chassis.tracing.settings import TracingSettings
from contracts.codec import Event, Record

if TYPE_CHECKING:
    from chassis.tracing.recorder import Recorder

_recorder: "Recorder | None" = None
_nothing: AbstractContextManager[None] = nullcontext()


def start(service: str, version: str, settings: TracingSettings) -> None:
    """Trace from now on, if the settings say where to."""
    global _recorder
    if settings.traced:
        from chassis.tracing.recorder import Recorder

        _recorder = Recorder(service, version, settings)


def stop(within: float) -> None:
    """Send what is left, for at most so many seconds; nothing is traced any more."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.close(within)


def on() -> bool:
    """Whether anything is traced."""
    return _recorder is not None


def here() -> str | None:
    """The context of what is being done, as it is handed on to what follows from it."""
    return _recorder.here() if _recorder else None


def ids() -> Mapping[str, str]:
    """The same for a log line."""
    return _recorder.ids() if _recorder else {}


def request(environ: Mapping[str, Any]) -> Any:
    """A request began; what is returned wants to be told of its end (`answered`). None: nothing of it is traced."""
    return _recorder.request(environ) if _recorder else None


def answered(begun: Any, route: str, status: int, error: Exception | None) -> str | None:
    """The request that `request` told of was answered. The id of its trace, if that is recorded."""
    return _recorder.answered(begun, route, status, error) if _recorder and begun is not None else None


def relate(traceparent: str | None = None, **about: str | Sequence[str]) -> None:
    """What is being done concerns these (`order_id=…`), and what was done in that context before."""
    if _recorder:
        _recorder.relate(traceparent, about)


def doing(
    name: str,
    *,
    parent: str | None = None,
    links: Iterable[str | None] = (),
    calls: bool = False,
    **about: str | Sequence[str],
) -> AbstractContextManager[str | None]:
    """A step of what is being done here, or in `parent`; gives its context. `calls`: somebody else does it."""
    return _recorder.doing(name, parent, links, about, calls) if _recorder else _nothing


def together(name: str, members: Iterable[str | None]) -> AbstractContextManager[None]:
    """One thing is done for many: it is part of the first one's trace, and linked with the others' both ways."""
    return _recorder.together(name, members) if _recorder else _nothing


def publishing(records: Sequence[Record]) -> AbstractContextManager[None]:
    """These events are handed to the broker."""
    return _recorder.publishing(records) if _recorder else _nothing


def processing(
    pairs: Sequence[tuple[Any, Event]], group: str | None = None
) -> AbstractContextManager[tuple[list[Event], Any]]:
    """Events are handled, each with the record it came in.

    Gives events that know what they are handled in, and what the worker that handles them works in (`working`).
    """
    return _recorder.processing(pairs, group) if _recorder else nullcontext(([event for _, event in pairs], None))


def working(given: Any, name: str) -> AbstractContextManager[None]:
    """A worker's time: in what `processing` gave, or in a trace of its own, which begins when events are made."""
    return _recorder.working(given, name) if _recorder else _nothing
