"""Metrics: as declared, once per process, labelled by template and not by what people ask for."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis import metrics
from contracts import metrics as declared
from contracts.metrics import Metric


def samples(client: httpx.Client, name: str) -> dict[tuple[str, ...], float]:
    found = [
        sample
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == name
    ]
    return {
        tuple(sample.labels.get(key, "") for key in ("method", "route", "status")): sample.value for sample in found
    }


def test_a_metric_is_made_once() -> None:
    assert metrics.counter(declared.ORDERS_PLACED) is metrics.counter(declared.ORDERS_PLACED)


def test_every_declared_metric_can_be_made() -> None:
    for each in declared.ALL:
        getattr(metrics, each.kind)(each)
    text = metrics.exposition()[0].decode()
    for each in declared.ALL:
        assert f"# HELP {each.name} " in text


def test_a_histogram_has_the_declared_buckets() -> None:
    metrics.histogram(declared.PLACING_BATCH).observe(3)
    assert 'orders_placing_batch_size_bucket{le="5.0"}' in metrics.exposition()[0].decode()


def test_a_metric_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="orders_placed_total is declared as a counter"):
        metrics.gauge(declared.ORDERS_PLACED)
    with pytest.raises(TypeError, match="never_made is declared as a gauge"):
        metrics.counter(Metric("never_made", "gauge", "Nothing."))


def test_requests_are_counted_by_the_template_of_their_route(anybody: httpx.Client) -> None:
    key = ("GET", "/fruits/{name}", "200")
    before = samples(anybody, "http_request_duration_seconds_count").get(key, 0.0)
    anybody.get("/fruits/kiwi")
    anybody.get("/fruits/pear")
    after = samples(anybody, "http_request_duration_seconds_count")
    assert after[key] - before == 2
    assert not [labels for labels in after if "kiwi" in labels[1]]


def test_refusals_and_bugs_are_counted_by_their_status(anybody: httpx.Client) -> None:
    anybody.get("/fruits/durian")
    anybody.get("/broken")
    counted = samples(anybody, "http_request_duration_seconds_count")
    assert counted["GET", "/fruits/{name}", "404"] >= 1
    assert counted["GET", "/broken", "500"] >= 1


def test_made_up_paths_and_methods_make_no_new_series(anybody: httpx.Client) -> None:
    anybody.get("/made/up/1")
    anybody.request("PROPFIND", "/made/up/2")
    anybody.request("BREW", "/made/up/3")
    counted = samples(anybody, "http_request_duration_seconds_count")
    assert ("GET", "none", "404") in counted
    assert ("other", "none", "404") in counted
    assert not [labels for labels in counted if "made" in labels[1] or labels[0] in ("PROPFIND", "BREW")]


def test_requests_under_way_are_told(anybody: httpx.Client) -> None:
    assert samples(anybody, "http_requests_in_flight") == {("", "", ""): 1.0}
