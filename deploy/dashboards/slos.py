"""*Business SLOs*: what was promised, how much of the error budget is left, how fast it burns.

The figures are those of the recording rules (`deploy/prometheus/rules/slo.yaml`), which alerts use too: one definition.
"""

from typing import Final, NamedTuple

from grafana_foundation_sdk.builders.dashboard import Dashboard

from contracts import metrics as m
from dashboards.board import board
from dashboards.panels import COUNT, SHARE, TIMES, Query, above, below, course, number, zero
from dashboards.places import Slos
from dashboards.promql import SHOWN, firing, of

_PAGE, _SOON = 14.4, 6.0  # burn rates that page: 2 % of the budget in an hour, 5 % in six hours
_WINDOWS: Final = ("5m", "1h", "6h", "3d")


class Promise(NamedTuple):
    """An objective as the rules name it, and from which share on it is kept and broken beyond doubt."""

    slo: str
    kept: float
    broken: float

    def series(self, name: str) -> str:
        return f'slo:{name}{{slo="{self.slo}"}}'


_SUCCESS = Promise("place-success", 0.999, 0.99)
_LATENCY = Promise("place-latency", 0.99, 0.95)
FRESH_WITHIN_SECONDS: Final = 5.0  # of what an event tells; it is the edge of a bucket, as the rules name it
_FRESH = Promise("event-freshness", 0.99, 0.95)
PROMISES: Final = (_SUCCESS, _LATENCY, _FRESH)


def slos(docs: str) -> Dashboard:
    """The dashboard; `docs` is where this repository is read."""
    rows = [("Kept", _kept()), ("What is left", _left()), ("How fast the budget burns", _burning())]
    says = (
        f"{_SUCCESS.kept:.1%} of buyers are told yes or no, {_LATENCY.kept:.0%} of them in {m.PLACE_WITHIN_SECONDS} s, "
        f"{_FRESH.kept:.0%} of events are handled in time, nothing is sold twice."
    )
    return board(Slos, "Business SLOs", says, rows, since="now-24h", docs=docs)


def _kept() -> list[object]:
    return [
        number(
            Slos.PLACE_SUCCESS,
            "Buyers told yes or no",
            f"In the time shown. Promised: {_SUCCESS.kept:.1%}. Refusals by a rule are answers; time-outs and 5xx "
            "are not.",
            Query(_good(_SUCCESS)),
            unit=SHARE,
            levels=below(_SUCCESS.kept, _SUCCESS.broken),
            width=6,
            decimals=3,
        ),
        number(
            Slos.PLACE_LATENCY,
            f"Told within {m.PLACE_WITHIN_SECONDS} s",
            f"In the time shown. Promised: {_LATENCY.kept:.0%} of those who were told.",
            Query(_good(_LATENCY)),
            unit=SHARE,
            levels=below(_LATENCY.kept, _LATENCY.broken),
            width=6,
            decimals=2,
        ),
        number(
            Slos.EVENTS_FRESH,
            "Events handled in time",
            f"In the time shown, within {FRESH_WITHIN_SECONDS:g} s of what they tell. Promised: {_FRESH.kept:.0%} of "
            "the batches.",
            Query(_good(_FRESH)),
            unit=SHARE,
            levels=below(_FRESH.kept, _FRESH.broken),
            width=6,
            decimals=2,
        ),
        number(
            Slos.OVERSOLD,
            "Oversold units",
            "The promise without a budget: always 0. If not, stop featuring the item and follow the runbook at once.",
            Query(f"max({of(m.OVERSOLD)})"),
            unit=COUNT,
            levels=zero(),
            width=6,
        ),
    ]


def _good(promise: Promise) -> str:
    bad, every = (
        f"sum_over_time({promise.series(name)}[{SHOWN}])" for name in ("sli_errors:rate5m", "sli_events:rate5m")
    )
    return f"1 - {bad} / ({every} > 0)"


def _left() -> list[object]:
    return [
        course(
            place,
            f"Budget left: {what}",
            "What the last 30 days left of the share that may be bad. Below a quarter: no risky release. Below 0: "
            "broken.",
            Query(promise.series("error_budget:left_ratio"), "left"),
            unit=SHARE,
            levels=below(0.25, 0),
        )
        for place, what, promise in (
            (Slos.SUCCESS_BUDGET, "success", _SUCCESS),
            (Slos.LATENCY_BUDGET, "latency", _LATENCY),
            (Slos.FRESH_BUDGET, "events", _FRESH),
        )
    ]


def _burning() -> list[object]:
    none = _labelled(_labelled("vector(0)", "alertname", "none"), "severity", "")  # with the labels of those that fire
    fire = f"sum by (alertname, severity) ({firing()}) or {none}"
    burning = [
        course(
            place,
            f"Burn rate: {what}",
            f"How many times faster than allowed {bad} come, by window: 1 uses up the budget in 30 days. "
            f"Two windows above {_PAGE}, or {_SOON} for longer, page.",
            *(Query(_burn(promise, window), window) for window in _WINDOWS),
            unit=TIMES,
            levels=above(_SOON, _PAGE),
            width=12,
        )
        for place, what, bad, promise in (
            (Slos.SUCCESS_BURN, "success", "failures", _SUCCESS),
            (Slos.LATENCY_BURN, "latency", "late answers", _LATENCY),
            (Slos.FRESHNESS, "events", "late batches", _FRESH),
        )
    ]
    alerts = course(
        Slos.FIRING,
        "Alerts firing",
        "Shanhuo's alerts by name while they fire; the panel that an alert is about has a link to what to do.",
        Query(fire, "{{alertname}} {{severity}}"),
        unit=COUNT,
        levels=zero(),
        width=12,
    )
    return [*burning, alerts]


def _labelled(expr: str, label: str, value: str) -> str:
    return f'label_replace({expr}, "{label}", "{value}", "", "")'


def _burn(promise: Promise, window: str) -> str:
    return f"{promise.series(f'sli_error:ratio_rate{window}')} / on (slo) {promise.series('error_budget:ratio')}"
