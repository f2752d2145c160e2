"""Each query of each dashboard asks for what there is: series by labels that they have and values that they take.

Grafana shows what can never be as it shows what did not happen: as nothing, or as a good 0.
"""

import re
from typing import Any, Final

import promql_parser as promql
import pytest
from tests.unit.prometheus.labelled import OF_AN_ALERT, OF_EVERY_PROCESS, WrongLabelsError, declared, labels_of
from tests.unit.prometheus.test_rules import EVERY, known
from tests.unit.prometheus.valued import unheard_of

from contracts import metrics
from dashboards.every import parsed
from dashboards.promql import JOB, PART_OF, PEOPLE
from dashboards.queries import Ask, Window, asks, everything, expanded, marks, panels, selectors

BOARDS: Final = parsed()
ASKS: Final = [
    pytest.param(one, ask, id=f"{uid}-{ask.panel_id}-{number}")
    for uid, one in BOARDS.items()
    for number, ask in enumerate(asks(one))
]
_LABEL = re.compile(r"\{\{(\w+)\}\}")
_LETTERS: Final = {one.name for one in metrics.ALL if one.by == metrics.DEAD_LETTERS_EXPORTER}
_PROBED: Final = "Services 14: Slowest routes"  # where ServiceNotReady leads: probes belong there


def series() -> dict[str, set[str]]:
    """All that a dashboard may ask for. Where something runs is a label of what is scraped, not of what is recorded."""
    scraped = {name: {*labels, "namespace"} for name, labels in declared().items()}
    return {name: set(labels) for name, labels in known().items()} | scraped | {"ALERTS": set(OF_AN_ALERT)}


def asked(document: dict[str, Any], expr: str) -> str:
    """As Prometheus is asked it, all variables at *All*."""
    return expanded(expr, everything(document), Window(0, 60))


def matchers(selector: promql.VectorSelector) -> set[str]:
    return {str(one) for one in selector.matchers.matchers}


@pytest.mark.parametrize(("document", "ask"), ASKS)
def test_a_query_asks_for_series_that_there_are_by_labels_and_values_that_they_have(
    document: dict[str, Any], ask: Ask
) -> None:
    expr = asked(document, ask.expr)
    assert "$" not in expr
    assert list(selectors(expr))
    labels_of(expr, series())
    assert unheard_of(expr) == []


@pytest.mark.parametrize(("document", "ask"), ASKS)
def test_a_legend_and_a_column_tell_labels_that_the_query_leaves(document: dict[str, Any], ask: Ask) -> None:
    (panel,) = (one for one in panels(document) if one["id"] == ask.panel_id)
    columns = [
        name
        for one in panel.get("transformations", ())
        for name in one["options"]["indexByName"]
        if name != "Value"  # which is no label
    ]
    assert {*_LABEL.findall(ask.legend), *columns} <= labels_of(asked(document, ask.expr), series())


@pytest.mark.parametrize("uid", BOARDS)
def test_marks_are_of_what_there_is(uid: str) -> None:
    (mark,) = marks(BOARDS[uid])
    assert labels_of(asked(BOARDS[uid], mark), series()) == set()


@pytest.mark.parametrize(("document", "ask"), ASKS)
def test_a_query_asks_for_nobody_elses_series(document: dict[str, Any], ask: Ask) -> None:
    """Others in the same Prometheus have processes, count requests, have a `service`, and alerts that fire."""
    for one in selectors(asked(document, ask.expr)):
        if one.name == "ALERTS":
            assert f'part_of="{PART_OF}"' in matchers(one)
        elif one.name in OF_EVERY_PROCESS or (one.name in declared() and one.name not in _LETTERS):
            assert f'job="{JOB}"' in matchers(one)


def test_requests_are_those_that_the_rules_count_wherever_an_alert_is_about_them() -> None:
    recorded = [rule["expr"] for rule in EVERY if rule.get("record", "").startswith("service:http_")]
    ruled = [one for expr in recorded for one in selectors(expr)]
    shown = [
        one
        for ask in asks(BOARDS["shanhuo-services"])
        if ask.name != _PROBED
        for one in selectors(asked(BOARDS["shanhuo-services"], ask.expr))
        if str(one.name).startswith(metrics.HTTP_REQUEST_SECONDS.name)
    ]
    assert ruled
    assert shown
    assert all({PEOPLE, f'job="{JOB}"'} <= matchers(one) for one in (*ruled, *shown))


def test_what_can_never_be_is_refused() -> None:
    """So that the judges above are known to see a dashboard's series, and not only a rule's."""
    with pytest.raises(WrongLabelsError, match="no label chanel"):
        labels_of('sum(rate(orders_placed_total{namespace=~".*",chanel="web"}[5m])) or vector(0)', series())
    assert unheard_of('orders_place_duration_seconds_count{namespace=~".*",outcome="fail"} or vector(0)')
