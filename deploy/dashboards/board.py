"""What all dashboards have in common: their variables, the links between them, how rows follow one another."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    ConstantVariable,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from contracts.metrics import BUILD_INFO, CONSUMER_LAG, ITEMS_FEATURED, ORDERS_PLACED, Metric
from dashboards.panels import SOURCE
from dashboards.places import UIDS
from dashboards.promql import RATE, of

TAG: Final = "shanhuo"
DOCS: Final = "https://shanhuo.example/blob/main"  # whoever writes the dashboards says where this repository is read
_FIRST_ROW_ID: Final = 1000
_CHOICES: Final[dict[str, tuple[Metric, str]]] = {
    "namespace": (BUILD_INFO, "where it runs; without Kubernetes there is none"),
    "service": (BUILD_INFO, "which services"),
    "channel": (ORDERS_PLACED, "where viewers watch and buy"),
    "topic": (CONSUMER_LAG, "which events"),
}
Panels = Sequence[Any]  # builders of panels: the SDK has no common type of them that it exports


def board(
    places: type[IntEnum],
    title: str,
    says: str,
    rows: Sequence[tuple[str, Panels]],
    *,
    since: str = "now-1h",
    docs: str = DOCS,
) -> Dashboard:
    """A dashboard of these rows. Its variables are the data source, the namespace and what its queries ask for."""
    made = Dashboard(title).uid(UIDS[places]).description(says).tags([TAG]).readonly().timezone("browser")
    made.time(since, "now").refresh("5s" if since == "now-1h" else "30s").tooltip(DashboardCursorSync.CROSSHAIR)
    made.with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
    asked = " ".join(target.expr for _, panels in rows for panel in panels for target in panel.build().targets)
    for name in _CHOICES:
        if f"${name}" in asked:
            made.with_variable(_choice(name))
    made.with_variable(ConstantVariable("docs").label("Where runbooks are read").value(docs))
    made.link(
        DashboardLink("Shanhuo").type(DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True).include_vars(True)
    )
    runbooks = DashboardLink("Operations").type(DashboardLinkType.LINK).url("${docs}/docs/operations.md")
    made.link(runbooks.icon("doc").target_blank(True))
    made.annotation(_featured())
    for number, (name, panels) in enumerate(rows):
        made.with_row(Row(name).id(_FIRST_ROW_ID + number))
        for panel in panels:
            made.with_panel(panel)
    return made


def _choice(name: str) -> QueryVariable:
    metric, says = _CHOICES[name]
    query = {"qryType": 1, "query": f"label_values({metric.name}, {name})", "refId": "choices"}
    variable = QueryVariable(name).label(name.capitalize()).description(says).query(query).datasource(SOURCE)
    variable.multi(True).include_all(True).all_value(".*").current(VariableOption(text="All", value="$__all"))
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def _featured() -> AnnotationQuery:
    """A mark wherever a host put something on screen: most of what a graph does at a live sale begins there."""
    expr = f"sum(increase({of(ITEMS_FEATURED)}[{RATE}])) > 0"
    marks = AnnotationQuery().name("Put on screen").datasource(SOURCE).icon_color("purple").enable(True)
    return marks.expr(expr)
