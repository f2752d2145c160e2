"""The dashboards: as committed, as Grafana's own SDK reads them, each panel complete and true."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from tests.unit.prometheus.valued import ROOT, code

from dashboards import __main__ as program
from dashboards import places, runbooks
from dashboards.every import documents, parsed
from dashboards.queries import asks, panels
from stack import rules
from stack.services import NAMES

BOARDS = parsed()
PANELS = [pytest.param(uid, panel, id=f"{uid}-{panel['id']}") for uid, one in BOARDS.items() for panel in panels(one)]
_CODE = re.compile(r"`([^`]+)`")


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


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_a_word_that_a_panel_quotes_is_one_that_a_service_says(uid: str, panel: dict[str, Any]) -> None:
    quoted = [
        word for words in _CODE.findall(panel["description"]) for word in words.removeprefix("deadletters ").split()
    ]
    assert [word for word in quoted if f'"{word}"' not in code()] == [], uid


def test_what_a_panel_says_of_memory_is_what_the_charts_allow() -> None:
    (memory,) = (panel for panel in panels(BOARDS["shanhuo-services"]) if panel["id"] == places.Services.MEMORY)
    told = {
        name: f"{size}Mi"
        for size, names in re.findall(r"(\d+) MiB \(([^)]+)\)", memory["description"])
        for name in names.split(", ")
    }
    assert told == {name: chart(name)["resources"]["limits"]["memory"] for name in NAMES}


def chart(name: str) -> dict[str, Any]:
    """The values of a service's chart."""
    return rules.read(ROOT / "deploy/charts" / name / "values.yaml")


def test_no_two_queries_have_one_name() -> None:
    names = [ask.name for one in BOARDS.values() for ask in asks(one)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("alert", runbooks.alerts(), ids=lambda alert: alert.name)
def test_the_panel_of_an_alert_leads_to_its_runbook(alert: runbooks.Alert) -> None:
    uid, _, panel_id = alert.dashboard.removeprefix("/d/").partition("?viewPanel=")
    panel = next(panel for panel in panels(BOARDS[uid]) if str(panel["id"]) == panel_id)
    assert f"${{docs}}/{alert.runbook}" in [link["url"] for link in panel["links"]]


def test_links_lead_to_where_the_repository_is_read() -> None:
    own = parsed("https://git.example/shop/raw")["shanhuo-events"]
    constant = next(one for one in own["templating"]["list"] if one["name"] == "docs")
    assert constant["query"] == "https://git.example/shop/raw"
