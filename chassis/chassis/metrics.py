"""Makes prometheus-client objects of what `contracts.metrics` declares, each once per process. Declares none itself."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from contracts.metrics import ALL, EVERY_SERVICE, Metric

_made: Final[dict[str, Any]] = {}
_OTHERS: Final = "other"


def counter(declared: Metric) -> Counter:
    """The counter that is declared so."""
    return _object(declared, "counter", Counter)  # type: ignore[no-any-return]  # the registry below holds every kind


def gauge(declared: Metric) -> Gauge:
    """The gauge that is declared so."""
    return _object(declared, "gauge", Gauge)  # type: ignore[no-any-return]  # see counter


def histogram(declared: Metric) -> Histogram:
    """The histogram that is declared so, with the declared buckets."""
    return _object(declared, "histogram", Histogram, buckets=declared.buckets)  # type: ignore[no-any-return]  # see counter


def expect(service: str) -> None:
    """Have everything that this service may count from the start, so that what has not happened yet says 0."""
    for declared in ALL:
        if declared.by in (EVERY_SERVICE, service):
            _MAKERS[declared.kind](declared)


def replace(declared: Metric, values: Mapping[tuple[str, ...], float]) -> None:
    """Give the gauge these series and no others. Nothing here waits, so nobody reads it half done."""
    known = gauge(declared)
    known.clear()
    for labels, value in values.items():
        known.labels(*labels).set(value)


class Names:
    """Names that somebody else makes up, as values of a label: each takes memory for good, so after many all others
    are one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def label(self, name: str) -> str:
        """The name, or `other`."""
        if len(self._known) < self._most:
            self._known.add(name)
        return name if name in self._known else _OTHERS


class Age:
    """How long ago something was, as a gauge that is true whenever it is read; 0 while there is no such thing."""

    def __init__(self, declared: Metric) -> None:
        self._since: float | None = None
        gauge(declared).set_function(lambda: age(self._since))

    def set(self, since: float | None) -> None:
        """It was then, in seconds since 1970."""
        self._since = since


def age(since: float | None, now: Callable[[], float] = time.time) -> float:
    """Seconds since then (seconds since 1970); 0 when it never was."""
    return 0.0 if since is None else max(0.0, now() - since)


def exposition(accept: str = "") -> tuple[bytes, str]:
    """Everything measured so far, in the format asked for, and its content type."""
    # When a series began is told by nothing that we use, and doubles the page.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client left it untyped
    encode, content_type = choose_encoder(accept)
    return encode(REGISTRY), content_type


_MAKERS: Final[Mapping[str, Callable[[Metric], object]]] = {
    "counter": counter,
    "gauge": gauge,
    "histogram": histogram,
}


def _object(declared: Metric, kind: str, make: type[Any], **options: Any) -> Any:
    found = _made.get(declared.name)
    if found is None:
        if declared.kind != kind:
            raise TypeError(f"{declared.name} is declared as a {declared.kind}, not as a {kind}")
        found = _made[declared.name] = make(declared.name, declared.help, declared.labels, **options)
    elif declared.kind != kind:
        raise TypeError(f"{declared.name} is declared as a {declared.kind}, not as a {kind}")
    return found
