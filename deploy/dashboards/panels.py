"""The four kinds of panel that the dashboards are made of, with Grafana's own SDK. Knows no metric.

Every panel says in which unit it is, from where on it is good or bad, what it means and what to do; `place` is its id.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

from grafana_foundation_sdk.builders import common, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards import runbooks
from dashboards.places import Place

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
# How Grafana's units are called; what it has no unit for is written out.
COUNT, A_SECOND, SECONDS, SHARE, BYTES, MOMENT = (
    units.Short,
    "suffix:/s",
    units.Seconds,
    units.PercentUnit,
    units.BytesIEC,
    units.DateTimeFromNow,
)
A_MINUTE: Final = "suffix:/min"
YUAN: Final = "currency:¥"
TIMES: Final = "suffix:×"
_GOOD, _CALM, _WARN, _BAD = "green", "text", "orange", "red"


class Query(NamedTuple):
    """A PromQL expression, and how its series are called in the legend: `{{channel}}`."""

    expr: str
    legend: str = ""


class Levels(NamedTuple):
    """From which values on a panel changes its colour; `line`: whether a graph draws them."""

    steps: tuple[tuple[float | None, str], ...]
    line: bool = True


def above(warn: float, bad: float) -> Levels:
    """Good below `warn`, bad from `bad` on."""
    return Levels(((None, _GOOD), (warn, _WARN), (bad, _BAD)))


def zero(bad: float = 1) -> Levels:
    """Bad as soon as it is no longer nothing."""
    return Levels(((None, _GOOD), (bad, _BAD)))


def below(warn: float, bad: float) -> Levels:
    """Good from `warn` on, bad below `bad`."""
    return Levels(((None, _BAD), (bad, _WARN), (warn, _GOOD)))


def alive(least: float = 1) -> Levels:
    """Neither good nor bad: grey while nothing happens, green from `least` on."""
    return Levels(((None, _CALM), (least, _GOOD)), line=False)


def number(
    place: Place, title: str, says: str, query: Query, *, unit: str, levels: Levels, width: int = 4, decimals: int = 0
) -> stat.Panel:
    """One number as it is now, with its course behind it."""
    panel = (
        stat.Panel().color_mode(common_models.BigValueColorMode.VALUE).graph_mode(common_models.BigValueGraphMode.AREA)
    )
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).decimals(decimals)
    return _common(panel, place, title, says, (query,), unit, levels, width, 4)


def course(
    place: Place,
    title: str,
    says: str,
    *queries: Query,
    unit: str,
    levels: Levels,
    width: int = 8,
    stacked: bool = False,
) -> timeseries.Panel:
    """Lines over time; `stacked` where only their sum means something."""
    panel = timeseries.Panel().fill_opacity(40 if stacked else 8).line_width(1 if stacked else 2).min(0)
    panel.show_points(common_models.VisibilityMode.NEVER).legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    )
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    panel.tooltip(
        common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.DESCENDING)
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    style = common_models.GraphThresholdsStyleMode.DASHED if levels.line else common_models.GraphThresholdsStyleMode.OFF
    panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
    return _common(panel, place, title, says, queries, unit, levels, width, 8)


def spread(
    place: Place, title: str, says: str, query: Query, *, unit: str, levels: Levels, width: int = 12
) -> heatmap.Panel:
    """How a histogram's observations are spread over time; `query` gives its buckets by `le`."""
    panel = (
        heatmap.Panel()
        .calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges"))
    )
    panel.y_axis(heatmap.YAxisConfig().unit(unit)).show_legend()
    return _common(panel, place, title, says, (query,), unit, levels, width, 8, PromQueryFormat.HEATMAP)


def rows(
    place: Place,
    title: str,
    says: str,
    query: Query,
    *,
    unit: str,
    levels: Levels,
    labels: Sequence[str],
    width: int = 12,
) -> table.Panel:
    """One row for each series as it is now: these labels and the value, the greatest first."""
    panel = table.Panel().sort_by([common.TableSortByFieldState().display_name("Value").desc(True)])
    wanted = {name: number for number, name in enumerate((*labels, "Value"))}
    options = {"excludeByName": {"Time": True}, "indexByName": wanted}
    panel.with_transformation(DataTransformerConfig(id_val="organize", options=options))
    cells = {"type": "color-text"}
    panel.override_by_name("Value", [DynamicConfigValue(id_val="custom.cellOptions", value=cells)])
    return _common(panel, place, title, says, (query,), unit, levels, width, 8, PromQueryFormat.TABLE)


Built = TypeVar("Built", stat.Panel, timeseries.Panel, heatmap.Panel, table.Panel)


def _common(
    panel: Built,
    place: Place,
    title: str,
    says: str,
    queries: Sequence[Query],
    unit: str,
    levels: Levels,
    width: int,
    height: int,
    form: PromQueryFormat = PromQueryFormat.TIME_SERIES,
) -> Built:
    panel.id(int(place)).title(title).description(says).datasource(SOURCE).unit(unit).span(width).height(height)
    panel.thresholds(_thresholds(levels))
    panel.links([_runbook(one) for one in runbooks.of(place)])
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(_target(query, letter, form))
    return panel


def _target(query: Query, letter: str, form: PromQueryFormat) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).expr(query.expr).format(form).datasource(SOURCE)
    target.legend_format(query.legend or ("{{le}}" if form is PromQueryFormat.HEATMAP else "__auto"))
    return target.instant() if form is PromQueryFormat.TABLE else target.range()


def _thresholds(levels: Levels) -> ThresholdsConfig:
    steps = [Threshold(value=value, color=colour) for value, colour in levels.steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _runbook(alert: runbooks.Alert) -> DashboardLink:
    link = DashboardLink(f"{alert.name}: what to do").type(DashboardLinkType.LINK).target_blank(True)
    return link.url(f"${{docs}}/{alert.runbook}").tooltip(f"severity: {alert.severity}")
