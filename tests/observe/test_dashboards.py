"""Every query of every panel brings something of an evening, asked of a Prometheus that watched it.

What is seldom in health is made to happen: `watch.happenings`. No query is excused for being empty.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from dashboards.every import parsed
from dashboards.queries import choices, everything, expanded, marks
from evening.night import Wish
from stack.services import NAMES
from watch import plots
from watch.happenings import SETTINGS
from watch.judged import empty, still, unfound
from watch.load import evening
from watch.run import Found, Watched, watch, watched

pytestmark = pytest.mark.timeout(420)

WINDOWS = ("5m", "1h", "6h", "3d")
# What may stay 0 through an evening with mishaps, and why. It has series all the same; all others must have moved.
MAY_STAY_ZERO = {
    # the promise
    "Live sale 5: Oversold units",
    "Orders engine 5: Oversold units",
    "Business SLOs 6: Oversold units",
    # no engine was away
    "Orders engine 2: Placing that failed",
    *(f"Business SLOs 10: Burn rate: success ({window})" for window in WINDOWS),
    "Events 40: Waiting for engines",
    "Services 11: Errors",
    # nothing was late at a moment when somebody looked
    "Events 1: Lag",
    "Events 3: Oldest in an outbox",
    "Events 10: Lag by topic",
    "Events 20: Events in outboxes",
    "Events 21: Oldest in an outbox",
    "Logistics and notices 2: Longest packed, not shipped",
    "Logistics and notices 3: Notices overdue",
    "Logistics and notices 4: Longest overdue",
    "Logistics and notices 12: Longest packed, not shipped (oldest)",
    "Logistics and notices 24: Longest overdue (oldest)",
    *(f"Business SLOs 11: Burn rate: latency ({window})" for window in WINDOWS),
    *(f"Business SLOs 12: Burn rate: events ({window})" for window in WINDOWS),
    # nobody died, joined or left
    "Events 15: Rebalances",
    "Events 23: Found by the sweep",
    # it takes another replica
    "Orders engine 15: Writes that met another replica's (conflicts)",
    "Orders engine 15: Writes that met another replica's (buckets opened)",
    # it takes a lost webhook, a provider that refuses, a crowd that does not go away, a browser that does not read
    "Orders engine 23: Payments we had to ask for",
    "Orders engine 25: Refunds refused",
    "Orders engine 31: Waiting for what is on screen",
    "Logistics and notices 25: Live pages (let go)",
}


class Evening:
    """What was watched: the running Prometheus, and what it showed."""

    def __init__(self, here: Watched, found: Found) -> None:
        self.prometheus = here.prometheus
        self.found = found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """A small crowd in both shows, on embedded engines; Prometheus scrapes each second."""
    with watched(tmp_path_factory.mktemp("watched"), SETTINGS) as here:
        yield Evening(here, watch(here, play))


def play(here: Watched) -> None:
    """So slowly that an item is on screen for 8 s: gauges are set every 5."""
    with Progress(console=Console(quiet=True)) as progress:
        evening(here, Wish(seed=7, viewers=300, speed=72.0), progress, file_lines=400)


def test_every_service_was_scraped(seen: Evening) -> None:
    assert len(seen.found.targets) == 6  # four services, the counter of letters, Prometheus itself
    assert set(seen.found.targets.values()) == {"up"}


def test_no_query_of_any_panel_fails(seen: Evening) -> None:
    assert [f"{one.ask}: {one.error}" for one in seen.found.panels if one.error] == []


def test_no_query_is_empty(seen: Evening) -> None:
    assert empty(seen.found) == []


def test_every_series_that_a_query_asks_for_is_measured(seen: Evening) -> None:
    assert unfound(seen.found) == []


def test_every_query_moved_but_those_that_may_stay(seen: Evening) -> None:
    assert sorted(still(seen.found) - MAY_STAY_ZERO) == []
    assert {one.ask.name for one in seen.found.panels} >= MAY_STAY_ZERO


def test_no_panel_shows_what_is_none_of_our_services(seen: Evening) -> None:
    """Prometheus' own process and the counter of letters have a `service` here too, as the operator gives everybody."""
    shown = [course.labels for one in seen.found.panels for course in one.courses if "service" in course.labels]
    assert {labels["service"] for labels in shown} == set(NAMES)


@pytest.mark.parametrize("uid", parsed())
def test_what_is_put_on_screen_is_marked(seen: Evening, uid: str) -> None:
    document, window = parsed()[uid], seen.found.window
    for mark in marks(document):
        asked = expanded(mark, everything(document), window)
        assert seen.prometheus.query_range(asked, window.start, window.end, window.step)


@pytest.mark.parametrize("uid", parsed())
def test_a_variable_offers_what_there_is_and_each_choice_is_a_query_that_works(seen: Evening, uid: str) -> None:
    document, window = parsed()[uid], seen.found.window
    for name, (metric, label) in choices(document).items():
        offered = seen.prometheus.label_values(metric, label, window.start, window.end)
        assert offered or name == "namespace", name  # outside Kubernetes there is none
        for chosen in offered:
            assert seen.prometheus.query(f'{metric}{{{label}="{chosen}"}}', window.end), chosen


def test_every_alert_rule_is_evaluated_without_an_error(seen: Evening) -> None:
    assert [f"{one.name}: {one.health}" for one in seen.found.alerts if one.health != "ok"] == []
    assert {"DeadLettersGrowing"} <= {one.name for one in seen.found.alerts if one.firing}


def test_the_evening_is_drawn_from_the_same_queries(seen: Evening, tmp_path: Path) -> None:
    live = [one for one in seen.found.panels if one.ask.uid == "shanhuo-live-sale"]
    plots.draw(live, "Live sale", seen.found.window, tmp_path / "live.png")
    assert (tmp_path / "live.png").read_bytes().startswith(b"\x89PNG")
