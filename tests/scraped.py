"""What `/metrics` says, of a service or of this process, as tests ask for it."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from chassis import metrics
from contracts.metrics import Metric


def page(url: str) -> str:
    """A service's page as it is now."""
    return httpx.get(f"{url}/metrics", timeout=10).raise_for_status().text


def here() -> str:
    """The same of this process."""
    return metrics.exposition()[0].decode()


def value(text: str, metric: Metric, ending: str = "", **labels: str) -> float | None:
    """The sum of the series with these labels; None when there is none. `ending`: `_count`, `_sum` of a histogram."""
    found = series(text, metric, ending, **labels)
    return sum(found.values()) if found else None


def series(text: str, metric: Metric, ending: str = "", **labels: str) -> dict[tuple[str, ...], float]:
    """The series with these labels, by the values of all labels that are declared, in their order."""
    return {
        tuple(sample.labels[name] for name in metric.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == metric.name + ending and labels.items() <= sample.labels.items()
    }
