"""The rules: they fire and stay silent as their own tests say, and name what there is."""

import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, Final

import pytest
from tests.unit.prometheus.labelled import declared, labels_of
from tests.unit.prometheus.promtool import promtool
from tests.unit.prometheus.valued import unheard_of

from contracts import metrics
from dashboards import places, promql, slos
from dashboards.queries import selectors
from stack.rules import RULES, files, read

TESTS = sorted((RULES.parent / "tests").glob("*.yaml"))
EVERY: Final = [rule for path in files() for group in read(path)["groups"] for rule in group["rules"]]
ALERTS = [pytest.param(rule, id=rule["alert"]) for rule in EVERY if "alert" in rule]
RECORDS = [pytest.param(rule, id=rule["record"]) for rule in EVERY if "record" in rule]
TRIED: Final = [test for path in TESTS for test in read(path)["tests"]]
_LABEL = re.compile(r"\$labels\.(\w+)")


def known() -> dict[str, Set[str]]:
    """Every series that a rule may name: what is declared, and what is recorded, with the labels that its name says."""
    return declared() | {one["record"]: set(one["record"].partition(":")[0].split("_")) for one in recorded()}


def recorded() -> Iterator[dict[str, Any]]:
    yield from (rule for rule in EVERY if "record" in rule)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_prometheus_takes_the_rules(path: Path) -> None:
    checked = promtool("check", "rules", path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_alerts_fire_and_stay_silent_as_they_should(path: Path) -> None:
    tested = promtool("test", "rules", path)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("rule", [*ALERTS, *RECORDS])
def test_a_rule_asks_for_series_that_there_are_by_labels_that_they_have(rule: dict[str, Any]) -> None:
    labels_of(rule["expr"], known())


@pytest.mark.parametrize("rule", [*ALERTS, *RECORDS])
def test_a_value_that_a_rule_matches_is_written_somewhere_in_the_code(rule: dict[str, Any]) -> None:
    assert unheard_of(rule["expr"]) == []


@pytest.mark.parametrize("record", RECORDS)
def test_what_is_recorded_is_named_level_metric_operations(record: dict[str, Any]) -> None:
    """The level is the labels that it has: https://prometheus.io/docs/practices/rules/"""
    level, metric, operations = record["record"].split(":")
    labels = labels_of(record["expr"], known()) | record.get("labels", {}).keys()
    assert set(level.split("_")) == labels
    assert re.fullmatch(r"[a-z_]+", metric)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*(\d+[mhd])?", operations)


@pytest.mark.parametrize("record", RECORDS)
def test_a_window_in_a_name_is_the_window_that_is_asked_for(record: dict[str, Any]) -> None:
    named = re.search(r"\d+[mhd]$", record["record"])
    asked = set(re.findall(r"\[(\w+)\]", record["expr"]))
    assert asked <= ({named.group()} if named else set())


@pytest.mark.parametrize("record", RECORDS)
def test_what_is_recorded_is_tested(record: dict[str, Any]) -> None:
    asked = [case["expr"] for test in TRIED for case in test.get("promql_expr_test", [])]
    assert any(selector.name == record["record"] for expr in asked for selector in selectors(expr))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_it_is_for_whom_and_where_to_look(alert: dict[str, Any]) -> None:
    says = alert["annotations"]
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert says["summary"]
    assert says["description"].endswith(".")
    assert says["dashboard_url"] in {places.path(place) for kind in places.UIDS for place in kind}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_whose_it_is(alert: dict[str, Any]) -> None:
    """Others' alerts may fire in the same Prometheus, and one of kube-prometheus-stack's always does."""
    assert alert["labels"]["part_of"] == promql.PART_OF


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_tells_only_labels_that_it_has(alert: dict[str, Any]) -> None:
    told = {label for text in alert["annotations"].values() for label in _LABEL.findall(text)}
    assert told <= labels_of(alert["expr"], known()) | alert["labels"].keys()


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_tested_to_fire_and_to_stay_silent(alert: dict[str, Any]) -> None:
    cases = [
        bool(case["exp_alerts"])
        for test in TRIED
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == alert["alert"]
    ]
    assert set(cases) == {True, False}


def test_no_two_alerts_have_one_name() -> None:
    names = [rule["alert"] for rule in EVERY if "alert" in rule]
    assert len(names) == len(set(names))


def test_the_objectives_are_those_that_the_dashboards_show() -> None:
    promised = {rule["labels"]["slo"]: rule["expr"] for rule in recorded() if rule["record"] == "slo:objective:ratio"}
    assert promised == {one.slo: f"vector({one.kept})" for one in slos.PROMISES}


def test_in_time_is_what_the_contracts_call_in_time() -> None:
    edge = f'le="{metrics.PLACE_WITHIN_SECONDS}"'
    late = [rule["expr"] for rule in EVERY if "orders_place_duration_seconds_bucket" in rule["expr"]]
    assert late
    assert all(re.findall(r'le="[^"]+"', expr) == [edge] * expr.count("le=") for expr in late)


def test_in_time_is_for_events_what_the_dashboards_call_in_time() -> None:
    edge = f'le="{slos.FRESH_WITHIN_SECONDS}"'
    late = [rule["expr"] for rule in recorded() if "event_age_seconds_bucket" in rule["expr"]]
    assert late
    assert all(re.findall(r'le="[^"]+"', expr) == [edge] * expr.count("le=") for expr in late)
    (told,) = (
        rule["annotations"]["description"] for rule in EVERY if rule.get("alert") == "EventFreshnessBurningSlowly"
    )
    assert f"older than {slos.FRESH_WITHIN_SECONDS:g} s" in told
