"""What a dashboard asks Prometheus, out of its JSON: each panel's queries, with the variables put in as Grafana does.

Pure: asks nothing itself. The rules are those of Grafana's documentation: `$__rate_interval` is the step and a scrape
interval, at least four of these; `$__range` is what is shown; a variable at *All* is its `allValue`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import promql_parser as promql

_VARIABLE: Final = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\]")
_LABEL_VALUES: Final = re.compile(r"label_values\((?P<metric>.+), (?P<label>\w+)\)")


class UnknownVariableError(LookupError):
    """A query names a variable that its dashboard does not have."""


class Ask(NamedTuple):
    """One query of one panel. `instant`: as it is at the end of what is shown; else over all of it."""

    dashboard: str
    uid: str
    panel_id: int
    panel: str
    unit: str
    expr: str
    legend: str
    instant: bool

    @property
    def called(self) -> str:
        """What the legend calls it among the panel's queries, where that is a name; nothing where it tells labels."""
        return "" if "{{" in self.legend or self.legend == "__auto" else self.legend

    @property
    def name(self) -> str:
        """Which query it is, for a person: "Live sale 19: Waitlists (offered)"."""
        return f"{self.dashboard} {self.panel_id}: {self.panel}{f' ({self.called})' if self.called else ''}"


class Window(NamedTuple):
    """What is shown, in seconds: from when until when (since 1970), how far apart points and scrapes are."""

    start: float
    end: float
    step: float = 1.0
    scrape: float = 1.0

    def builtins(self) -> dict[str, str]:
        """Grafana's own variables."""
        span = max(1, round(self.end - self.start))
        rate = max(self.step + self.scrape, 4 * self.scrape)
        return {
            "__rate_interval": f"{round(rate * 1000)}ms",
            "__interval": f"{round(self.step * 1000)}ms",
            "__range": f"{span}s",
            "__range_s": str(span),
        }


def panels(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something, those in collapsed rows too."""
    for panel in document["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", ())


def asks(document: Mapping[str, Any]) -> Iterator[Ask]:
    """Every query of every panel, as it stands."""
    for panel in panels(document):
        for target in panel["targets"]:
            yield Ask(
                dashboard=document["title"],
                uid=document["uid"],
                panel_id=panel["id"],
                panel=panel["title"],
                unit=panel["fieldConfig"]["defaults"]["unit"],
                expr=target["expr"],
                legend=target.get("legendFormat", ""),
                instant=bool(target.get("instant")),
            )


def marks(document: Mapping[str, Any]) -> Iterator[str]:
    """The expressions of the marks that are drawn into all its graphs."""
    for one in document["annotations"]["list"]:
        if "expr" in one:
            yield one["expr"]


def selectors(expr: str) -> Iterator[promql.VectorSelector]:
    """The series that an expression asks for. It has no variables any more."""
    found: list[promql.VectorSelector] = []

    def see(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            found.append(node)

    promql.walk(promql.parse(expr), pre_visit=see)
    yield from found


def choices(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The metric and the label that each variable offers the values of."""
    found = {}
    for variable in document["templating"]["list"]:
        if variable["type"] == "query":
            asked = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert asked, variable["query"]
            found[variable["name"]] = asked["metric"], asked["label"]
    return found


def everything(document: Mapping[str, Any]) -> dict[str, str]:
    """The value of each variable where *All* is chosen."""
    return {one["name"]: one["allValue"] for one in document["templating"]["list"] if one["type"] == "query"}


def expanded(expr: str, values: Mapping[str, str], window: Window) -> str:
    """The expression as Prometheus is asked it."""
    known = {**values, **window.builtins()}

    def put_in(found: re.Match[str]) -> str:
        name = next(filter(None, found.groups()))
        if name not in known:
            raise UnknownVariableError(f"${name} in {expr}")
        return known[name]

    return _VARIABLE.sub(put_in, expr)
