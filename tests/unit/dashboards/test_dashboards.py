"""The dashboards: as committed, as Grafana's own SDK reads them, each panel complete, each query of what there is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from contracts import metrics
from dashboards import __main__ as program
from dashboards import places, runbooks
from dashboards.every import documents, parsed
from dashboards.queries import Ask, Window, asks, everything, expanded, panels
from stack import rules

BOARDS = parsed()
PANELS = [pytest.param(uid, panel, id=f"{uid}-{panel['id']}") for uid, one in BOARDS.items() for panel in panels(one)]
ASKS = [
    pytest.param(one, ask, id=f"{uid}-{ask.panel_id}-{number}")
    for uid, one in BOARDS.items()
    for number, ask in enumerate(asks(one))
]
# What Prometheus and its client library measure of every process, besides what the contracts declare.
OF_EVERY_PROCESS = {
    "ALERTS",
    "up",
    "scrape_duration_seconds",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
}
_SERIES = re.compile(r"\b([A-Za-z_][\w:]*)\{")
_RECORDED = {
    rule["record"]
    for path in rules.files()
    for group in rules.read(path)["groups"]
    for rule in group["rules"]
    if "record" in rule
}


def test_what_is_committed_is_what_the_program_writes() -> None:
    files = {f"{uid}.json": text for uid, text in documents().items()}
    assert program.differing(files, program.COMMITTED) == []


@pytest.mark.parametrize("uid", BOARDS)
def test_grafanas_own_models_read_a_dashboard_and_lose_nothing(uid: str) -> None:
    """They may add what they default to."""
    register_default_plugins()
    assert list(lost(BOARDS[uid], Dashboard.from_json(BOARDS[uid]), uid)) == []


def lost(ours: Any, read: Any, path: str) -> Iterator[str]:
    """What we wrote and they do not write again, by where it stood."""
    read = read.to_json() if hasattr(read, "to_json") else read
    if isinstance(ours, dict):
        for name, value in ours.items():
            yield from lost(value, read.get(name), f"{path}/{name}")
    elif isinstance(ours, list):
        for number, value in enumerate(ours):
            yield from lost(value, read[number], f"{path}/{number}")
    elif read != ours:
        yield f"{path}: {ours!r} became {read!r}"


def test_every_place_is_a_panel_and_every_panel_a_place() -> None:
    named = {places.path(place) for kind in places.UIDS for place in kind}
    shown = {f"/d/{uid}?viewPanel={panel['id']}" for uid, one in BOARDS.items() for panel in panels(one)}
    assert shown == named


@pytest.mark.parametrize("uid", BOARDS)
def test_no_two_panels_have_one_id_and_none_covers_another(uid: str) -> None:
    every = BOARDS[uid]["panels"]
    ids = [panel["id"] for panel in every]
    assert len(ids) == len(set(ids))
    cells = [cell for panel in every for cell in covered(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def covered(at: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(at.get("x", 0), at.get("x", 0) + at["w"]):
        for y in range(at.get("y", 0), at.get("y", 0) + at["h"]):
            yield x, y


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_a_panel_says_its_unit_its_levels_and_what_to_do(uid: str, panel: dict[str, Any]) -> None:
    shown = panel["fieldConfig"]["defaults"]
    assert shown["unit"]
    steps = [step["value"] for step in shown["thresholds"]["steps"]]
    assert steps[0] is None
    assert len(steps) > 1
    assert steps[1:] == sorted(steps[1:])
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["targets"], uid


@pytest.mark.parametrize(("document", "ask"), ASKS)
def test_a_query_asks_for_declared_metrics_by_variables_that_there_are(document: dict[str, Any], ask: Ask) -> None:
    declared = {f"{one.name}{part}" for one in metrics.ALL for part in ("", "_bucket", "_sum", "_count")}
    named = set(_SERIES.findall(ask.expr))
    assert named
    assert named <= declared | OF_EVERY_PROCESS | _RECORDED
    assert "$" not in expanded(ask.expr, everything(document), Window(0, 60))


@pytest.mark.parametrize("alert", runbooks.alerts(), ids=lambda alert: alert.name)
def test_the_panel_of_an_alert_leads_to_its_runbook(alert: runbooks.Alert) -> None:
    uid, _, panel_id = alert.dashboard.removeprefix("/d/").partition("?viewPanel=")
    panel = next(panel for panel in panels(BOARDS[uid]) if str(panel["id"]) == panel_id)
    assert f"${{docs}}/{alert.runbook}" in [link["url"] for link in panel["links"]]


def test_links_lead_to_where_the_repository_is_read() -> None:
    own = parsed("https://git.example/shop/raw")["shanhuo-events"]
    constant = next(one for one in own["templating"]["list"] if one["name"] == "docs")
    assert constant["query"] == "https://git.example/shop/raw"
