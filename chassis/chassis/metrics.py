"""Makes prometheus-client objects of what `contracts.metrics` declares, each once per process. Declares none itself."""

from typing import Any, Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from contracts.metrics import Metric

_made: Final[dict[str, Any]] = {}


def counter(declared: Metric) -> Counter:
    """The counter that is declared so."""
    return _object(declared, "counter", Counter)  # type: ignore[no-any-return]  # the registry below holds every kind


def gauge(declared: Metric) -> Gauge:
    """The gauge that is declared so."""
    return _object(declared, "gauge", Gauge)  # type: ignore[no-any-return]  # see counter


def histogram(declared: Metric) -> Histogram:
    """The histogram that is declared so, with the declared buckets."""
    return _object(declared, "histogram", Histogram, buckets=declared.buckets)  # type: ignore[no-any-return]  # see counter


def exposition(accept: str = "") -> tuple[bytes, str]:
    """Everything measured so far, in the format asked for, and its content type."""
    # When a series began is told by nothing that we use, and doubles the page.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client left it untyped
    encode, content_type = choose_encoder(accept)
    return encode(REGISTRY), content_type


def _object(declared: Metric, kind: str, make: type[Any], **options: Any) -> Any:
    found = _made.get(declared.name)
    if found is None:
        if declared.kind != kind:
            raise TypeError(f"{declared.name} is declared as a {declared.kind}, not as a {kind}")
        found = _made[declared.name] = make(declared.name, declared.help, declared.labels, **options)
    elif declared.kind != kind:
        raise TypeError(f"{declared.name} is declared as a {declared.kind}, not as a {kind}")
    return found
