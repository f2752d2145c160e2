"""PromQL for declared metrics, filtered by the dashboards' variables. What is not declared cannot be asked for."""

from typing import Final

from contracts.metrics import EVERY_SERVICE, Metric

RATE: Final = "$__rate_interval"
SHOWN: Final = "$__range"
_HERE: Final = 'namespace=~"$namespace"'


def of(metric: Metric, *matchers: str, part: str = "") -> str:
    """The metric's series, of the chosen namespaces, and of the chosen services and channels where it has these labels.

    `part`: `_bucket`, `_sum` or `_count` of a histogram. Further `matchers` as PromQL writes them: `outcome="failed"`.
    """
    chosen = [_HERE, *(f'{label}=~"${label}"' for label in ("channel", "topic") if label in metric.labels)]
    if metric.by == EVERY_SERVICE and "service" in metric.labels:
        chosen.append('service=~"$service"')
    return f"{metric.name}{part}{{{','.join([*chosen, *matchers])}}}"


def quantile(level: float, metric: Metric, *matchers: str, by: str = "") -> str:
    """What this share of a histogram's observations stayed below lately: of all, or of each `by` (comma-divided)."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({level}, sum by ({labels}) (rate({of(metric, *matchers, part='_bucket')}[{RATE}])))"


def process(name: str) -> str:
    """What Prometheus or its client library measures of every process of a service."""
    return f'{name}{{{_HERE},service=~"$service",service!=""}}'
