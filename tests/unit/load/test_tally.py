"""The closing line: refusals are answers, failures are not."""

from load.tally import Tally, percentile


def test_refusals_are_told_by_reason_and_are_no_failures() -> None:
    tally = Tally()
    tally.placed = 7
    tally.refused.update(["sold-out", "sold-out", "per-buyer-limit"])
    tally.placing = [0.02, 0.01, 0.5]
    assert tally.failures() == 0
    assert "placed 7 (paid 0); refused 3 (sold-out 2, per-buyer-limit 1); failed 0;" in tally.line()
    assert "placing p50 20 ms, p99 500 ms" in tally.line()


def test_failures_are_told_by_what_failed() -> None:
    tally = Tally()
    tally.failed["POST /orders: 500 internal"] += 2
    assert tally.failures() == 2
    assert "failed 2 (POST /orders: 500 internal (2))" in tally.line()
    assert tally.figures()["failed"] == {"POST /orders: 500 internal": 2}


def test_percentiles_of_nothing_are_0() -> None:
    assert percentile([], 99) == 0.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(number) for number in range(1, 101)], 99) == 100.0
