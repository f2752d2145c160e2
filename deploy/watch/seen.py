"""Asks a Prometheus every query of every panel and says what came back. Judges nothing."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from dashboards.queries import Ask, Window, asks, everything, expanded, selectors
from watch.prometheus import Prometheus, Refused


class Course(NamedTuple):
    """One series: its labels, and the moments (seconds since 1970) and values it has; NaN is no value."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class Seen(NamedTuple):
    """What a panel's query brought: its series with at least one value, or what Prometheus said against it.

    `unfound`: what it asks for and nobody measured in all that time, whatever stands in for it: `… or vector(0)` brings
    a value of series that there are not.
    """

    ask: Ask
    courses: tuple[Course, ...]
    error: str = ""
    unfound: tuple[str, ...] = ()

    @property
    def values(self) -> list[float]:
        return [value for course in self.courses for _, value in course.points]

    @property
    def last(self) -> float | None:
        """Of the series that is the greatest at the end."""
        return max((course.points[-1][1] for course in self.courses), default=None)


def look(prometheus: Prometheus, documents: Iterable[Mapping[str, Any]], window: Window) -> list[Seen]:
    """Every query of these dashboards over this window, all variables at *All*."""
    there = cache(lambda selector: _is_there(prometheus, selector, window))  # many queries ask for the same
    return [
        _look(prometheus, ask, expanded(ask.expr, everything(document), window), window, there)
        for document in documents
        for ask in asks(document)
    ]


def _is_there(prometheus: Prometheus, selector: str, window: Window) -> bool:
    """Whether any such series had a value in this time."""
    span = window.builtins()["__range"]
    return bool(prometheus.query(f"count(last_over_time({selector}[{span}]))", window.end))


def _look(prometheus: Prometheus, ask: Ask, expr: str, window: Window, there: Callable[[str], bool]) -> Seen:
    try:
        if ask.instant:
            found = [(one["metric"], [one["value"]]) for one in prometheus.query(expr, window.end)]
        else:
            ranged = prometheus.query_range(expr, window.start, window.end, window.step)
            found = [(one["metric"], one["values"]) for one in ranged]
    except Refused as refused:
        return Seen(ask, (), str(refused))
    courses = (Course(labels, _numbers(values)) for labels, values in found)
    unfound = dict.fromkeys(text for one in selectors(expr) if not there(text := one.prettify()))
    return Seen(ask, tuple(course for course in courses if course.points), unfound=tuple(unfound))


def _numbers(values: Iterable[tuple[float, str]]) -> tuple[tuple[float, float], ...]:
    read = ((moment, float(text)) for moment, text in values)
    return tuple((moment, value) for moment, value in read if not math.isnan(value))
