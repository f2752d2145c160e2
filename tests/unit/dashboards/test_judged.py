"""What is wrong with what a Prometheus answered is seen query by query, and series by series."""

from typing import Any

from dashboards.queries import Window
from watch.judged import empty, still, unfound, wrong
from watch.prometheus import Refused
from watch.run import Alerting, Found
from watch.seen import look

WINDOW = Window(start=1_000, end=1_060)


class FakePrometheus:
    """Has these series, and answers every query for one of them with its value; no PromQL, no time."""

    def __init__(self, **values: float) -> None:
        self._values = values

    def query(self, expr: str, at: float) -> list[dict[str, Any]]:
        found = [value for name, value in self._values.items() if name in expr]
        if not found and "vector(0)" in expr:
            found = [0.0]
        return [{"metric": {}, "value": [at, str(value)]} for value in found[:1]]

    def query_range(self, expr: str, _start: float, end: float, _step: float) -> list[dict[str, Any]]:
        if "bad" in expr:
            raise Refused("bad_data: no such function")
        return [{"metric": one["metric"], "values": [one["value"]]} for one in self.query(expr, end)]


def board(*queries: tuple[str, str]) -> dict[str, Any]:
    """A dashboard with one panel that asks this: each a legend and an expression."""
    targets = [{"expr": expr, "legendFormat": legend} for legend, expr in queries]
    panel = {"id": 7, "type": "timeseries", "title": "Fruit", "targets": targets}
    panel["fieldConfig"] = {"defaults": {"unit": "short"}}
    return {"title": "Market", "uid": "market", "panels": [panel], "templating": {"list": []}}


def found(prometheus: FakePrometheus, *queries: tuple[str, str]) -> Found:
    seen = look(prometheus, [board(*queries)], WINDOW)  # type: ignore[arg-type]  # it has what is needed of one
    return Found(WINDOW, seen, alerts=(), targets={})


def test_a_query_that_brings_nothing_is_told_although_another_of_its_panel_brings_something() -> None:
    here = found(FakePrometheus(kiwis=3), ("kiwis", "sum(kiwis)"), ("pears", "sum(pears)"))
    assert empty(here) == ["Market 7: Fruit (pears)"]


def test_a_query_that_stays_0_is_told_although_another_of_its_panel_moves() -> None:
    here = found(FakePrometheus(kiwis=3, pears=0), ("kiwis", "sum(kiwis)"), ("pears", "sum(pears)"))
    assert still(here) == {"Market 7: Fruit (pears)"}
    assert wrong(here) == []


def test_series_that_nobody_measures_are_told_although_something_stands_in_for_them() -> None:
    here = found(FakePrometheus(kiwis=3), ("share", '(sum(rate(pears{ripe="no"}[5m])) or vector(0)) / sum(kiwis)'))
    assert empty(here) == []
    assert unfound(here) == ['Market 7: Fruit (share): nobody measures pears{ripe="no"}']


def test_what_an_evening_need_not_have_is_not_told() -> None:
    here = found(FakePrometheus(kiwis=3), ("", 'sum(kiwis) or sum(rate(answers{status=~"5.."}[5m]))'))
    assert unfound(here) == []


def test_all_that_is_wrong_is_told() -> None:
    here = found(FakePrometheus(), ("", "bad(kiwis)"))._replace(
        targets={"http://a/metrics": "connection refused", "http://b/metrics": "up"},
        alerts=[Alerting("Oversold", "parse error", 0, 0), Alerting("EventsOld", "ok", 0, 0)],
    )
    assert wrong(here) == [
        "Market 7: Fruit: bad_data: no such function",
        "Market 7: Fruit is empty",
        "http://a/metrics: connection refused",
        "Oversold: parse error",
    ]
