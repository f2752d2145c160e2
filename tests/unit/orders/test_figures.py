"""What is counted, and that counting has an end."""

import pytest
from prometheus_client import REGISTRY
from tests.unit.orders.builders import allotment, request

from chassis import metrics
from contracts import metrics as declared
from orders import figures
from orders.domain import Refused, decide


def test_names_that_buyers_make_up_take_no_memory_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_channels", metrics.Names(200))
    stock = allotment(offered=1, sold=1)
    for number in range(10_000):
        asked = request(stock, channel=f"made-up-{number}")
        (outcome,) = decide(stock, (), [asked]).outcomes
        assert isinstance(outcome, Refused)
        figures.count(asked, outcome)
    series = metrics.counter(declared.ORDERS_REFUSED).collect()
    named = {sample.labels["channel"] for metric in series for sample in metric.samples}
    made_up = {name for name in named if name.startswith("made-up-")}
    assert len(made_up) == 200
    assert "other" in named
    assert figures.channel("made-up-0") == "made-up-0"


def test_what_should_never_happen_is_counted_from_nought() -> None:
    """An alert sees no rise in a series that begins at 1."""
    figures.expect(["counted"])
    assert value(declared.REFUNDS_REFUSED, provider="counted") == 0
    assert value(declared.PAYMENTS_FOUND, provider="counted") == 0
    assert value(declared.PAYMENTS_ASTRAY, provider="counted", reason="mismatch") == 0
    assert value(declared.PAYMENT_NOTIFICATIONS, provider="counted", kind="refund-failed") == 0


def value(metric: declared.Metric, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(metric.name, labels)
