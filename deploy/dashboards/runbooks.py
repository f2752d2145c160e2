"""Which alerts point at which panel, read from the rules that Prometheus loads: the way from a panel to a runbook."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from dashboards import places
from dashboards.places import Place
from stack import rules


class Alert(NamedTuple):
    """An alert as its rule has it: `dashboard` is a panel's path below Grafana's address, `runbook` a path in here."""

    name: str
    dashboard: str
    runbook: str
    severity: str


@cache
def alerts() -> tuple[Alert, ...]:
    """Every alert there is, in the order of the files and their rules."""
    return tuple(_alerts())


def of(place: Place) -> list[Alert]:
    """The alerts that this panel shows the reason of."""
    return [alert for alert in alerts() if alert.dashboard == places.path(place)]


def _alerts() -> Iterator[Alert]:
    for path in rules.files():
        for group in rules.read(path)["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    said = rule["annotations"]
                    severity = rule["labels"]["severity"]
                    yield Alert(rule["alert"], said.get("dashboard_url", ""), said["runbook_url"], severity)
