"""The runbooks: a section for each alert, complete, and naming panels, metrics, commands, settings that there are."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from tests.unit.prometheus.labelled import OF_AN_ALERT, declared, labels_of
from tests.unit.prometheus.test_rules import ALERTS, EVERY, known

ROOT = Path(__file__).parents[3]
RUNBOOKS: Final = sorted((ROOT / "docs/runbooks").glob("*.md"))
BOARDS: Final = [
    json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "deploy/grafana/dashboards").glob("*.json")
]
PANELS: Final = {(board["title"], panel["title"]) for board in BOARDS for panel in board["panels"] if "title" in panel}
_PANEL = re.compile(r"\*([^*]+)\* of \*([^*]+)\*")
_QUERY = re.compile(r"promtool query (?:instant|range) \$PROMETHEUS '([^']+)'")
_LINK = re.compile(r"\]\(([^)#:]*)(?:#([\w,-]+))?\)")


def sections(path: Path) -> dict[str, str]:
    """Its sections, by the address that a heading has on a page of the repository."""
    parts = re.split(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {slug(heading): text for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_leads_to_its_own_section(alert: dict[str, Any]) -> None:
    path, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert anchor in sections(ROOT / path)
    assert anchor == alert["alert"].lower()


@pytest.mark.parametrize("path", [path for path in RUNBOOKS if path.name != "README.md"], ids=lambda path: path.name)
def test_a_section_says_what_it_means_whom_it_hurts_where_to_look_what_to_do_and_when_it_is_over(path: Path) -> None:
    alerts = {rule["alert"].lower() for rule in EVERY if "alert" in rule}
    found = {name: text for name, text in sections(path).items() if name in alerts}
    assert found
    assert set(sections(path)) - alerts == {slug(path.read_text(encoding="utf-8").partition("\n")[0][2:])}
    for text in found.values():
        marks = re.findall(r"\*\*(Means|Hurts|Look and do|Look|Do|Over when)\b", text)
        assert " ".join(marks).replace("Look and do", "Look Do") == "Means Hurts Look Do Over when"


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_a_runbook_names_panels_that_there_are(path: Path) -> None:
    named = {(board, panel) for panel, board in _PANEL.findall(path.read_text(encoding="utf-8"))}
    assert named <= PANELS


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_a_query_of_a_runbook_finds_what_there_is(path: Path) -> None:
    series = known() | {"ALERTS": OF_AN_ALERT}
    for query in _QUERY.findall(path.read_text(encoding="utf-8")):
        labels_of(query.replace("<provider>", "stripe"), series)


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_a_link_of_a_runbook_leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target, anchor in _LINK.findall(text):
        file = (path.parent / target).resolve() if target else path
        assert file.exists()
        assert not anchor or anchor in sections(file)


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_a_metric_and_a_setting_of_a_runbook_are_there(path: Path) -> None:
    """What is written as code and ends as metrics do, or is in capitals as settings are."""
    code = re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))
    metrics = {name for words in code for name in re.findall(r"^[a-z]\w*_(?:total|seconds|units|open|on)\b", words)}
    assert [name for name in metrics if name not in declared() and f"{name}_count" not in declared()] == []
    pages = [ROOT / "docs/operations.md", ROOT / "docs/payments.md", *ROOT.glob("services/*/README.md")]
    told = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    settings = {words.partition("=")[0] for words in code if re.match(r"[A-Z]+_[A-Z_]+(=|$)", words)}
    assert [name for name in settings if name not in told] == []


def test_the_list_names_every_alert_and_every_runbook() -> None:
    listed = (ROOT / "docs/runbooks/README.md").read_text(encoding="utf-8")
    families = tuple(re.findall(r"\b([A-Z]\w+)…", listed))
    alerts = [rule["alert"] for rule in EVERY if "alert" in rule]
    assert [name for name in alerts if name not in listed and not name.startswith(families)] == []
    assert [path.name for path in RUNBOOKS if path.name != "README.md" and path.name not in listed] == []
