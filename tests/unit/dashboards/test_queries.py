"""Variables are put into a query as Grafana does it."""

import pytest

from dashboards.queries import UnknownVariableError, Window, expanded

WINDOW = Window(start=1_000, end=1_090, step=2, scrape=1)


@pytest.mark.parametrize("written", ["$channel", "${channel}", "${channel:regex}", "[[channel]]"])
def test_a_variable_is_found_however_it_is_written(written: str) -> None:
    assert expanded(f'x{{channel=~"{written}"}}', {"channel": ".*"}, WINDOW) == 'x{channel=~".*"}'


def test_a_rate_is_over_four_scrapes_at_least() -> None:
    assert expanded("rate(x[$__rate_interval])", {}, WINDOW) == "rate(x[4000ms])"
    assert expanded("rate(x[$__rate_interval])", {}, WINDOW._replace(step=15)) == "rate(x[16000ms])"


def test_a_range_is_all_that_is_shown() -> None:
    assert expanded("increase(x[$__range])", {}, WINDOW) == "increase(x[90s])"


def test_a_longer_name_is_not_taken_for_a_shorter_one() -> None:
    assert expanded("$__range_s $__range", {}, WINDOW) == "90 90s"


def test_an_unknown_variable_is_named() -> None:
    with pytest.raises(UnknownVariableError, match=r"\$shop"):
        expanded('x{shop="$shop"}', {}, WINDOW)
