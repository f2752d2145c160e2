"""PromQL for declared metrics, filtered by the dashboards' variables. What is not declared cannot be asked for."""

from typing import Final

from contracts.metrics import DEAD_LETTERS_EXPORTER, EVERY_SERVICE, Metric

RATE: Final = "$__rate_interval"
SHOWN: Final = "$__range"
JOB: Final = "shanhuo"  # what deploy/prometheus/prometheus.yaml and the charts' ServiceMonitors call the services
PART_OF: Final = "shanhuo"  # the label `part_of` of every alert of ours: of no other's in the same Prometheus
# Of requests: what probes and scrapes ask says nothing of what people meet. As the rules of HttpErrors have it.
PEOPLE: Final = 'route!~"/health/.*|/metrics"'
_HERE: Final = 'namespace=~"$namespace"'
# Others count requests and events by the same names, and under the Prometheus operator all have a `service`.
_OURS: Final = f'job="{JOB}"'


def of(metric: Metric, *matchers: str, part: str = "") -> str:
    """The metric's series of ours, of the chosen namespaces, and of the chosen services and channels where it has these
    labels.

    `part`: `_bucket`, `_sum` or `_count` of a histogram. Further `matchers` as PromQL writes them: `outcome="failed"`.
    """
    ours = [] if metric.by == DEAD_LETTERS_EXPORTER else [_OURS]
    chosen = [_HERE, *ours, *(f'{label}=~"${label}"' for label in ("channel", "topic") if label in metric.labels)]
    if metric.by == EVERY_SERVICE and "service" in metric.labels:
        chosen.append('service=~"$service"')
    return f"{metric.name}{part}{{{','.join([*chosen, *matchers])}}}"


def quantile(level: float, metric: Metric, *matchers: str, by: str = "") -> str:
    """What this share of a histogram's observations stayed below lately: of all, or of each `by` (comma-divided)."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({level}, sum by ({labels}) (rate({of(metric, *matchers, part='_bucket')}[{RATE}])))"


def process(name: str) -> str:
    """What Prometheus or its client library measures of every process of a service."""
    return f'{name}{{{_HERE},{_OURS},service=~"$service"}}'


def firing() -> str:
    """Our alerts that fire. A Prometheus that others use too has theirs, one of which always fires by intention."""
    return f'ALERTS{{alertstate="firing",part_of="{PART_OF}"}}'
