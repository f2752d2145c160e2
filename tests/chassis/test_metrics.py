"""Metrics: as declared, once per process, labelled by template and not by what people ask for."""

import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis import metrics
from contracts import metrics as declared
from contracts.metrics import Metric
from stack.services import Service


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


def test_a_service_says_what_it_is(anybody: httpx.Client) -> None:
    text = anybody.get("/metrics").text
    assert 'shanhuo_build_info{service="sample",version="1.2.3"} 1.0' in text


def test_after_many_made_up_names_all_others_are_one() -> None:
    names = metrics.Names(most=3)
    assert [names.label(name) for name in ("a", "b", "a", "c", "d", "e", "b")] == [
        "a",
        "b",
        "a",
        "c",
        "other",
        "other",
        "b",
    ]
    assert len({names.label(f"made-up-{number}") for number in range(10_000)}) == 1


def test_a_gauge_that_is_replaced_keeps_no_series_of_before() -> None:
    slot = {("show-1", "3", "XW-KIWI-5"): 40.0, ("show-1", "4", "LX-APPLE-10"): 7.0}
    metrics.replace(declared.FEATURED_REMAINING, slot)
    metrics.replace(declared.FEATURED_REMAINING, {("show-1", "4", "LX-APPLE-10"): 6.0})
    lines = [line for line in metrics.exposition()[0].decode().splitlines() if "featured_remaining_units{" in line]
    assert lines == ['orders_featured_remaining_units{show_id="show-1",sku="LX-APPLE-10",slot="4"} 6.0']


def test_an_age_grows_by_itself_and_is_0_when_there_is_nothing() -> None:
    age = metrics.Age(declared.PARCELS_OLDEST_PACKED_AGE)

    def told() -> float:
        (line,) = [one for one in metrics.exposition()[0].decode().splitlines() if one.startswith("parcels_oldest")]
        return float(line.split()[1])

    assert told() == 0
    age.set(time.time() - 90)
    assert 90 <= told() < 120
    age.set(time.time() + 60)
    assert told() == 0, "clocks differ; nothing is of a negative age"


def test_ten_thousand_made_up_paths_make_one_series(start_sample: Callable[..., Service]) -> None:
    service = start_sample()
    with service.client(None) as client:
        client.get("/metrics")
        before = len(client.get("/metrics").text.splitlines())
        with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), timeout=60) as connection:
            answers = threading.Thread(target=_read_all, args=(connection, 10_000))
            answers.start()
            for start in range(0, 10_000, 100):
                asked = [_ask(start + number) for number in range(100)]
                connection.sendall(b"".join(asked))
            answers.join(60)
        counted = samples(client, "http_request_duration_seconds_count")
        assert counted["GET", "none", "404"] == 10_000
        after = len(client.get("/metrics").text.splitlines())
    assert after - before < 40, "one histogram more"


def _ask(number: int) -> bytes:
    return f"GET /made-up/{number}?channel=c{number} HTTP/1.1\r\nHost: h\r\nX-Made-Up: {number}\r\n\r\n".encode()


def _read_all(connection: socket.socket, answers: int) -> None:
    """Until so many answers were heard."""
    heard, tail = 0, b""
    while heard < answers and (piece := connection.recv(65_536)):
        text = tail + piece
        heard += text.count(b"HTTP/1.1 404")
        tail = text[-11:]
