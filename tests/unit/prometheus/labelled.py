"""Which labels a PromQL expression can have, from the metrics that are declared: complains of what can never be.

Prometheus answers a wrong label with silence: a matcher finds nothing, `by` makes one series of all, `on` joins none.
What values a label can have: `valued`.
"""

from collections.abc import Mapping, Set
from typing import Final

import promql_parser as promql

from contracts import metrics

# What Prometheus adds to all that it scrapes (prometheus.yaml, the charts' ServiceMonitors), and measures itself.
OF_A_TARGET: Final = frozenset({"job", "instance", "service"})
OF_EVERY_PROCESS: Final = (
    "up",
    "scrape_duration_seconds",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
)
OF_AN_ALERT: Final = frozenset({"alertname", "alertstate", "severity", "part_of"})
_SCALARS: Final = ("time", "scalar")
_CHOOSES: Final = ("topk", "bottomk")  # of series, which stay as they are

Known = Mapping[str, Set[str]]


class WrongLabelsError(AssertionError):
    """The expression names what cannot be there."""


def declared() -> dict[str, Set[str]]:
    """Every series that may be scraped, with its labels."""
    known: dict[str, Set[str]] = dict.fromkeys(OF_EVERY_PROCESS, OF_A_TARGET)
    for metric in metrics.ALL:
        labels = OF_A_TARGET | set(metric.labels)
        if metric.kind == "histogram":
            known |= {f"{metric.name}{part}": labels for part in ("_count", "_sum")}
            known[f"{metric.name}_bucket"] = labels | {"le"}
        else:
            known[metric.name] = labels
    return known


def labels_of(expression: str, known: Known) -> Set[str]:
    """The labels that its results may have. Raises `WrongLabelsError`."""
    return _vector(promql.parse(expression), known) or frozenset()


def _vector(node: promql.Expr, known: Known) -> Set[str] | None:
    """The labels of a vector; None of a scalar."""
    match node:
        case promql.VectorSelector():
            return _selected(node, known)
        case promql.MatrixSelector():
            return _selected(node.vector_selector, known)
        case promql.SubqueryExpr() | promql.ParenExpr() | promql.UnaryExpr():
            return _vector(node.expr, known)
        case promql.AggregateExpr():
            return _aggregated(node, known)
        case promql.BinaryExpr():
            return _joined(node, known)
        case promql.Call():
            return _called(node, known)
        case _:
            return None


def _selected(selector: promql.VectorSelector, known: Known) -> Set[str]:
    if selector.name not in known:
        raise WrongLabelsError(f"{selector.name} is declared nowhere")
    labels = known[selector.name]
    for matcher in selector.matchers.matchers:
        if matcher.name not in labels:
            raise WrongLabelsError(f"{selector.name} has no label {matcher.name}")
    return labels


def _aggregated(node: promql.AggregateExpr, known: Known) -> Set[str]:
    inner = _vector(node.expr, known) or frozenset()
    if node.modifier is None:
        return inner if str(node.op) in _CHOOSES else frozenset()
    if str(node.modifier.type) != str(promql.AggModifierType.By):
        raise WrongLabelsError("`without` leaves what a scrape adds: say `by`")
    if missing := set(node.modifier.labels) - inner:
        raise WrongLabelsError(f"by ({', '.join(sorted(missing))}): there is no such label in {node.expr}")
    return frozenset(node.modifier.labels)


def _joined(node: promql.BinaryExpr, known: Known) -> Set[str] | None:
    left, right = _vector(node.lhs, known), _vector(node.rhs, known)
    if left is None or right is None:
        return right if left is None else left
    matching = node.modifier.matching if node.modifier else None
    if matching is not None:
        if missing := set(matching.labels) - (left & right):
            raise WrongLabelsError(f"on ({', '.join(sorted(missing))}): not on both sides of {node}")
    elif left != right:
        raise WrongLabelsError(f"nothing with {sorted(left)} is like anything with {sorted(right)}: {node}")
    return left


def _called(node: promql.Call, known: Known) -> Set[str] | None:
    if node.func.name in _SCALARS:
        return None
    inner = [labels for argument in node.args if (labels := _vector(argument, known)) is not None]
    labels = inner[0] if inner else frozenset()
    if node.func.name == "label_replace":
        return labels | {str(node.args[1].val)}
    if node.func.name == "histogram_quantile" and "le" not in labels:
        raise WrongLabelsError(f"a quantile needs `le`: {node}")
    return frozenset() if node.func.name == "absent" else labels - {"le"} if "quantile" in node.func.name else labels
