"""The picture of the evening: orders a second on every channel, what was on screen, who watched. Counts nothing."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")  # no display is needed or asked for

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

Figures = Mapping[str, Any]
_COLOURS: Final = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
)  # told apart by the colour-blind too
_PROGRAMME_COLOURS: Final = ("#7a1f1f", "#1f3d7a")


def draw(report: Figures, path: Path) -> None:
    """Write the picture as PNG."""
    timeline = report["timeline"]
    live = [channel for channel in timeline["orders_a_second"] if channel not in timeline["imported"]]
    colours = dict(zip([*live, *timeline["imported"]], cycle(_COLOURS), strict=False))
    figure, (orders, viewers, shelf) = plt.subplots(
        3, 1, figsize=(13, 9), sharex=True, height_ratios=(5, 2, 2), layout="constrained"
    )
    try:
        _orders(orders, timeline, live, colours)
        _programmes(orders, timeline)
        _viewers(viewers, timeline, colours)
        _shelf(shelf, timeline, colours)
        figure.suptitle(_title(report), fontsize=13, fontweight="bold", x=0.01, ha="left")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120)
    finally:
        plt.close(figure)


def _title(report: Figures) -> str:
    viewers = sum(show["viewers"] for show in report["shows"])
    live = sum(
        channel["orders"] for channel in report["channels"] if channel["channel"] not in report["timeline"]["imported"]
    )
    seed = report["settings"]["seed"]
    return f"Shanhuo, the evening of 3 December: {viewers:,} viewers, {live:,} orders live, seed {seed}"


def _orders(axes: Axes, timeline: Figures, live: Sequence[str], colours: Mapping[str, str]) -> None:
    rates = [timeline["orders_a_second"][channel] for channel in live]
    axes.stackplot(
        timeline["seconds"], *rates, labels=live, colors=[colours[channel] for channel in live], step="post", alpha=0.85
    )
    axes.set_ylabel("orders a second")
    axes.set_ylim(0, 1.35 * max((sum(moment) for moment in zip(*rates, strict=True)), default=1) + 1)
    axes.legend(loc="upper right", title="channel", ncols=len(live) or 1, fontsize=9, title_fontsize=9)


def _programmes(axes: Axes, timeline: Figures) -> None:
    """What was put on screen, each programme in its own row and colour, and the moments when something was sold out."""
    programmes = list(dict.fromkeys(mark["programme"] for mark in timeline["featured"]))
    colours = dict(zip(programmes, cycle(_PROGRAMME_COLOURS), strict=False))
    top = axes.get_ylim()[1]
    for mark in timeline["featured"]:
        height = 0.86 - 0.06 * programmes.index(mark["programme"])
        colour = colours[mark["programme"]]
        axes.axvline(mark["at"], ymax=height, color=colour, linewidth=1, linestyle=":")
        label = f"{mark['slot']} {mark['name_en']}"
        axes.annotate(
            label, (mark["at"], top * height), xytext=(3, 0), textcoords="offset points", fontsize=8, color=colour
        )
    for mark in timeline["sold_out"]:
        axes.plot(mark["at"], top * 0.02, marker="X", markersize=9, color="black", clip_on=False, zorder=5)
        axes.annotate(
            f"sold out: {mark['name_en']}",
            (mark["at"], top * 0.02),
            xytext=(8, 4),
            textcoords="offset points",
            fontsize=9,
            fontweight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
    names = [
        axes.text(0.005, 0.96 - 0.05 * row, name, transform=axes.transAxes, fontsize=9)
        for row, name in enumerate(programmes)
    ]
    for text, name in zip(names, programmes, strict=True):
        text.set(color=colours[name], fontweight="bold", text=f"on screen: {name}")


def _viewers(axes: Axes, timeline: Figures, colours: Mapping[str, str]) -> None:
    """Concurrent viewers of every channel, both shows together where it carries both."""
    for channel in dict.fromkeys(sample["channel"] for sample in timeline["viewers"]):
        latest: dict[str, int] = {}
        line = []
        for sample in sorted(
            (one for one in timeline["viewers"] if one["channel"] == channel), key=lambda one: one["at"]
        ):
            latest[sample["show_id"]] = sample["viewers"]
            line.append((sample["at"], sum(latest.values()) / 1000))
        axes.plot(*zip(*line, strict=True), color=colours.get(channel), label=channel, linewidth=1.8)
    axes.set_ylabel("viewers, thousands")
    axes.set_ylim(bottom=0)


def _shelf(axes: Axes, timeline: Figures, colours: Mapping[str, str]) -> None:
    """The other platform's orders, on a scale of their own: a file comes faster than any crowd."""
    for channel in timeline["imported"]:
        rate = timeline["orders_a_second"][channel]
        axes.fill_between(
            timeline["seconds"], rate, step="post", color=colours[channel], alpha=0.7, label=f"{channel} (a file)"
        )
    axes.set_ylabel("imported a second")
    axes.set_xlabel("seconds of the demo, from the first show's start")
    if timeline["imported"]:
        axes.legend(loc="upper right", fontsize=9)
