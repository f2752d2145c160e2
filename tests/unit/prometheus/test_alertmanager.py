"""The example of Alertmanager: critical pages, all else is a ticket; inhibitions are of alerts that there are."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.unit.prometheus.labelled import labels_of
from tests.unit.prometheus.promtool import lacking
from tests.unit.prometheus.test_rules import ALERTS, EVERY, known

from stack.rules import RULES, read

CONFIG: Final = RULES.parent / "alertmanager.yaml"
INHIBITIONS: Final = read(CONFIG)["inhibit_rules"]
STACK: Final = read(RULES.parents[1] / "platform" / "operators" / "kube-prometheus-stack-values.yaml")["alertmanager"]
# Of the chart of kube-prometheus-stack: our values replace its lists, and are merged into its route.
STACKS_ROUTES: Final = [{"receiver": "null", "matchers": ['alertname = "Watchdog"']}]
STACKS_INHIBITIONS: Final = 4
NAMED: Final = {rule["alert"]: rule for rule in EVERY if "alert" in rule}


def amtool(*args: str) -> str:
    program = shutil.which("amtool")
    if program is None:
        lacking("amtool is not installed (Debian: apt-get install prometheus-alertmanager)")
    done = subprocess.run([program, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_alertmanager_takes_the_example() -> None:
    assert "SUCCESS" in amtool("check-config", str(CONFIG))


def test_alertmanager_takes_what_helm_makes_of_the_stacks_values(tmp_path: Path) -> None:
    config = STACK["config"]
    merged = config | {"route": {"routes": STACKS_ROUTES} | config["route"]}
    (tmp_path / "alertmanager.yaml").write_text(yaml.safe_dump(merged), encoding="utf-8")
    assert {route["receiver"] for route in STACKS_ROUTES} <= {each["name"] for each in config["receivers"]}
    assert "SUCCESS" in amtool("check-config", str(tmp_path / "alertmanager.yaml"))


def test_the_stack_inhibits_what_the_example_does_and_of_ours_no_more() -> None:
    assert STACK["config"]["inhibit_rules"][STACKS_INHIBITIONS:] == INHIBITIONS
    named = [one.get("source_matchers", []) for one in STACK["config"]["inhibit_rules"][:STACKS_INHIBITIONS]]
    assert not [alert for alert in NAMED if alert in str(named)]


@pytest.mark.parametrize("alert", ALERTS)
def test_what_is_critical_pages_and_all_else_is_a_ticket(alert: dict[str, Any]) -> None:
    labels = {"alertname": alert["alert"], "severity": alert["labels"]["severity"]}
    said = [f"{name}={value}" for name, value in labels.items()]
    receiver = amtool("config", "routes", "test", f"--config.file={CONFIG}", *said)
    assert receiver == {"critical": "pages", "warning": "tickets"}[labels["severity"]]


@pytest.mark.parametrize("inhibition", INHIBITIONS, ids=lambda one: one["source_matchers"][0])
def test_an_inhibition_is_between_alerts_that_there_are_and_have_what_must_be_equal(inhibition: dict[str, Any]) -> None:
    """What both lack is equal too, so that a label which no alert has would silence more than is meant."""
    for side in ("source_matchers", "target_matchers"):
        found = matched(inhibition[side])
        assert found
        for rule in found:
            assert set(inhibition.get("equal", [])) <= labels_of(rule["expr"], known())


def matched(matchers: list[str]) -> list[dict[str, Any]]:
    """The alerts that these may match, by their names; every name in the matcher is one of them."""
    (pattern,) = (said[2] for one in matchers if (said := re.match(r'alertname(=~?)"(.+)"', one)))
    for part in pattern.split("|"):
        assert any(re.fullmatch(part, name) for name in NAMED), part
    return [rule for name, rule in NAMED.items() if re.fullmatch(pattern, name)]


def test_what_is_silenced_by_another_is_not_louder_than_it() -> None:
    for inhibition in INHIBITIONS:
        (source,) = matched(inhibition["source_matchers"])
        assert source["labels"]["severity"] == "critical"
        assert "Oversold" not in [rule["alert"] for rule in matched(inhibition["target_matchers"])]


def test_no_secret_stands_in_the_example() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    assert not re.search(r"\b(password|credentials|routing_key|service_key|api_key|auth_password)\s*:", text)
    assert text.count("credentials_file") == text.count("- name:")
