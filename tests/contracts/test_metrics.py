"""The registry of metrics: names as Prometheus wants them, units that a name says, labels that stay few."""

import re

import pytest

from contracts.events import EVENTS
from contracts.metrics import ALL, DEAD_LETTERS_EXPORTER, EVERY_SERVICE, PLACE_SECONDS, PLACE_WITHIN_SECONDS, Metric
from contracts.readers import READERS

_PERSONAL = {"buyer_id", "order_id", "item_id", "entry_id", "parcel_id", "notice_id", "allotment_id"}


def of(metric: Metric) -> str:
    return metric.name


def test_no_name_is_given_twice() -> None:
    assert len({metric.name for metric in ALL}) == len(ALL)


@pytest.mark.parametrize("metric", ALL, ids=of)
def test_names_are_as_prometheus_wants_them(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.help.endswith(".")
    assert not re.search(r"(_milliseconds|_ms|_minutes|_yuan|_kb)(_|$)", metric.name)


@pytest.mark.parametrize("metric", ALL, ids=of)
def test_only_histograms_have_buckets_and_those_rise(metric: Metric) -> None:
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))


@pytest.mark.parametrize("metric", ALL, ids=of)
def test_labels_are_never_an_order_a_buyer_or_an_item(metric: Metric) -> None:
    assert _PERSONAL.isdisjoint(metric.labels)
    assert {"le", "quantile", "job", "instance"}.isdisjoint(metric.labels)


@pytest.mark.parametrize("metric", ALL, ids=of)
def test_each_says_who_exposes_it(metric: Metric) -> None:
    assert metric.by in {EVERY_SERVICE, DEAD_LETTERS_EXPORTER, *READERS, *(event.owner for event in EVENTS.values())}
    assert not metric.shared or metric.kind == "gauge"


def test_a_unit_is_what_the_name_says() -> None:
    units = {metric.name: metric.unit for metric in ALL}
    assert units["orders_place_duration_seconds"] == "s"
    assert units["orders_revenue_fen_total"] == "fen"
    assert units["orders_audit_timestamp_seconds"] == "s since 1970"
    assert units["orders_placed_total"] == "1"


def test_orders_that_are_placed_in_time_can_be_counted() -> None:
    assert PLACE_WITHIN_SECONDS in PLACE_SECONDS.buckets
