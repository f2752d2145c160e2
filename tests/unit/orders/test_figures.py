"""What is counted, and that counting has an end."""

import pytest
from tests.unit.orders.builders import allotment, request

from chassis import metrics
from contracts import metrics as declared
from orders import figures
from orders.domain import Refused, decide


def test_names_that_buyers_make_up_take_no_memory_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_channels", set())
    stock = allotment(offered=1, sold=1)
    for number in range(1_000):
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
