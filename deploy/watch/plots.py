"""Draws what was seen: a plot for each panel, from the answers to its own queries. Grafana's looks are not copied."""

import re
from collections.abc import Mapping, Sequence
from itertools import cycle
from math import ceil
from pathlib import Path
from typing import Final

import matplotlib

matplotlib.use("Agg")  # no display is needed or asked for

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from dashboards.queries import Window
from watch.seen import Course, Seen

_LABEL: Final = re.compile(r"\{\{(\w+)\}\}")
_COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7a1f1f", "#1f3d7a")
_UNITS: Final = {"short": "", "percentunit": "share", "currency:¥": "¥", "bytes": "B", "reqps": "/s"}
_FEW: Final = 6  # values, which would be too short a line to be seen
_MOST: Final = 8  # lines in a plot; the greatest
_COLUMNS: Final = 3


def draw(seen: Sequence[Seen], title: str, window: Window, path: Path) -> None:
    """Write a PNG with a plot for each panel among these, in their order."""
    panels: dict[int, list[Seen]] = {}
    for one in seen:
        panels.setdefault(one.ask.panel_id, []).append(one)
    height = ceil(len(panels) / _COLUMNS)
    figure, places = plt.subplots(height, _COLUMNS, figsize=(18, 2.6 * height), layout="constrained", squeeze=False)
    try:
        every = list(places.flat)
        for axes, queries in zip(every, panels.values(), strict=False):
            _panel(axes, queries, window)
        for axes in every[len(panels) :]:
            axes.set_visible(False)
        figure.suptitle(title, fontsize=14, fontweight="bold", x=0.01, ha="left")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=80)
    finally:
        plt.close(figure)


def _panel(axes: Axes, queries: Sequence[Seen], window: Window) -> None:
    ask = queries[0].ask
    (_buckets if ask.legend == "{{le}}" else _lines)(axes, queries, window)
    axes.set_title(f"{ask.panel_id} {ask.panel}", fontsize=10, loc="left")
    axes.set_ylabel(_UNITS.get(ask.unit, ask.unit.removeprefix("suffix:")), fontsize=8)
    axes.set_xlabel("s", fontsize=8)
    axes.set_xlim(0, window.end - window.start)
    axes.tick_params(labelsize=8)


def _lines(axes: Axes, queries: Sequence[Seen], window: Window) -> None:
    lines = [(name_of(one, course), course) for one in queries for course in one.courses]
    lines.sort(key=lambda line: -max(value for _, value in line[1].points))
    for (name, course), colour in zip(lines[:_MOST], cycle(_COLOURS), strict=False):
        moments, values = zip(*_whole(course, window), strict=True)
        axes.plot(moments, values, label=name, color=colour, linewidth=1.4, marker="." if len(values) < _FEW else "")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.grid(alpha=0.25)
    if any(name for name, _ in lines):
        axes.legend(fontsize=7, loc="upper right", framealpha=0.6)


def _buckets(axes: Axes, queries: Sequence[Seen], window: Window) -> None:
    """How many observations each bucket had alone, over time: Prometheus' buckets hold the smaller ones too."""
    courses = sorted(queries[0].courses, key=lambda course: float(course.labels["le"]))
    columns = round((window.end - window.start) / window.step) + 1
    alone, below = [], [0.0] * columns
    for course in courses:
        upto = [0.0] * columns
        for moment, value in course.points:
            upto[round((moment - window.start) / window.step)] = value
        alone.append([max(0.0, now - before) for now, before in zip(upto, below, strict=True)])
        below = upto
    at = [number * window.step for number in range(columns)]
    axes.pcolormesh(at, range(len(alone)), alone, cmap="Oranges", shading="nearest")
    axes.set_yticks(range(len(alone)), [course.labels["le"] for course in courses])


def _whole(course: Course, window: Window) -> list[tuple[float, float]]:
    """Seconds since the beginning and values, with a gap where there was no value."""
    points: list[tuple[float, float]] = []
    for moment, value in course.points:
        at = moment - window.start
        if points and at - points[-1][0] > 1.5 * window.step:
            points.append((points[-1][0] + window.step, float("nan")))
        points.append((at, value))
    return points


def name_of(seen: Seen, course: Course) -> str:
    """What a legend calls it: the pattern with the series' labels in it."""
    return "" if seen.ask.legend == "__auto" else filled(seen.ask.legend, course.labels)


def filled(legend: str, labels: Mapping[str, str]) -> str:
    return _LABEL.sub(lambda found: labels.get(found[1], ""), legend)
