"""Prometheus' rule files, read, and shortened in time: a drill shows within a minute what takes an hour. Runs nothing.

A factor of 60 makes minutes of hours: every range, step and offset in an expression, every `for` and every interval of
a group. Numbers are left alone, those that are seconds too: a threshold of 2.5 s stays what it is, and so do counts
(`increase(…[15m]) > 5` becomes 5 within 15 s).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import promql_parser as promql
import yaml

RULES: Final = Path(__file__).parents[1] / "prometheus/rules"
_LEAST: Final = timedelta(milliseconds=1)  # Prometheus knows nothing shorter, and 0 would mean its default


def files(folder: Path = RULES) -> list[Path]:
    """The rule files, in the order of their names."""
    return sorted(folder.glob("*.yaml"))


def read(path: Path) -> dict[str, Any]:
    """A rule file as it stands: `groups`, each with its `rules`."""
    told: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return told


def write_compressed(sources: Iterable[Path], into: Path, factor: float, least: timedelta = timedelta(0)) -> list[Path]:
    """The files, compressed, under their names in this folder, which is made; where they are now."""
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for source in sources:
        target = into / source.name
        text = yaml.safe_dump(compressed(read(source), factor, least), sort_keys=False, allow_unicode=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return written


def compressed(rules: Mapping[str, Any], factor: float, least: timedelta = timedelta(0)) -> dict[str, Any]:
    """The rule file with all its times divided by the factor.

    `least`: no range gets shorter; `rate` needs two samples in it, so take some times the scrape interval. A group
    that names no interval has Prometheus' own, which is set where it is started.
    """
    return {**rules, "groups": [_group(group, factor, least) for group in rules["groups"]]}


def shorter(expression: str, factor: float, least: timedelta = timedelta(0)) -> str:
    """The expression with its ranges, steps and offsets divided. Raises `ValueError` for what is no PromQL."""

    def divide(node: promql.Expr) -> promql.Expr | None:
        if isinstance(node, promql.MatrixSelector):  # its offset is its selector's, which comes before it
            return _with_times(node, max(_divided(node.range, factor), least), None, None)
        if isinstance(node, promql.SubqueryExpr):
            length = max(_divided(node.range, factor), least) if node.range else None
            return _with_times(node, length, _maybe(node.step, factor), _maybe(node.offset, factor))
        if isinstance(node, promql.VectorSelector) and node.offset:
            return _with_times(node, None, None, _divided(node.offset, factor))
        return None

    return promql.transform(promql.parse(expression), post_visit=divide).prettify()


def _with_times(
    node: promql.Expr, length: timedelta | None, step: timedelta | None, offset: timedelta | None
) -> promql.Expr:
    """The same with these times, where it has them.

    The parser makes no nodes but of text. In the text that it makes of a node they come last: after the last bracket
    and the last `offset` nothing is quoted any more.
    """
    text = node.prettify()
    if offset is not None:
        before, _, told = text.rpartition(" offset ")
        _, space, rest = told.partition(" ")
        text = f"{before} offset {_shown(offset)}{space}{rest}"
    if length is not None:
        before, _, told = text.rpartition("[")
        steps = f":{'' if step is None else _shown(step)}" if ":" in told.partition("]")[0] else ""
        text = f"{before}[{_shown(length)}{steps}]{told.partition(']')[2]}"
    return promql.parse(text)


def _group(group: Mapping[str, Any], factor: float, least: timedelta) -> dict[str, Any]:
    return {
        **group,
        **({"interval": _shorter_time(group["interval"], factor)} if "interval" in group else {}),
        "rules": [_rule(rule, factor, least) for rule in group["rules"]],
    }


def _rule(rule: Mapping[str, Any], factor: float, least: timedelta) -> dict[str, Any]:
    times = {name: _shorter_time(rule[name], factor) for name in ("for", "keep_firing_for") if name in rule}
    return {**rule, "expr": shorter(rule["expr"], factor, least), **times}


def _shorter_time(written: str, factor: float) -> str:
    return _shown(_divided(promql.parse_duration(written), factor))


def _shown(time: timedelta) -> str:
    return promql.display_duration(time) if time >= timedelta(0) else f"-{promql.display_duration(-time)}"


def _maybe(time: timedelta | None, factor: float) -> timedelta | None:
    return None if time is None else _divided(time, factor)


def _divided(time: timedelta, factor: float) -> timedelta:
    """In whole milliseconds, of which Prometheus counts; what was something does not become nothing."""
    milliseconds = round(time / factor / _LEAST)
    return milliseconds * _LEAST if milliseconds or not time else _LEAST
