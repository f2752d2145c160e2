"""Which values a matcher asks for that nothing ever has: a misspelt `outcome` finds nothing, and nobody complains."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import promql_parser as promql
from prometheus_client.utils import floatToGoString
from tests.unit.prometheus.labelled import OF_EVERY_PROCESS, declared

from contracts import metrics
from dashboards.queries import selectors
from stack.rules import RULES, read
from stack.services import NAMES

ROOT: Final = Path(__file__).parents[3]
_ANYTHING: Final = ".*"
_STATUS: Final = re.compile(r"[2-5](\d\d|\.\.)")
_JOBS: Final = frozenset(job["job_name"] for job in read(RULES.parent / "prometheus.yaml")["scrape_configs"])


def unheard_of(expression: str) -> list[str]:
    """What it asks for that is written nowhere, as `series{label="value"}`."""
    return [
        f'{one.name}{{{matcher.name}="{value}"}}'
        for one in selectors(expression)
        if one.name in declared() or one.name in OF_EVERY_PROCESS
        for matcher in one.matchers.matchers
        for value in _values(matcher)
        if not _is_known(str(one.name), matcher.name, value)
    ]


def _values(matcher: promql.Matcher) -> list[str]:
    return [value for value in matcher.value.split("|") if value != _ANYTHING]


def _is_known(series: str, label: str, value: str) -> bool:
    match label:
        case "le":
            return value in _edges(series)
        case "status":
            return _STATUS.fullmatch(value) is not None
        case "service":
            return value in NAMES
        case "job":
            return value in _JOBS
        case _:
            return (f'"{value}"' if value == value.removesuffix(_ANYTHING) else f'"{value[:-2]}') in code()


def _edges(bucket: str) -> set[str]:
    """The buckets of a histogram, as its exposition writes them."""
    (metric,) = (one for one in metrics.ALL if f"{one.name}_bucket" == bucket)
    return {floatToGoString(edge) for edge in (*metric.buckets, float("inf"))}


@cache
def code() -> str:
    """All that services are made of."""
    sources = [path for room in ("contracts", "chassis", "services") for path in (ROOT / room).rglob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in sources)
