"""Tracing of a running service: what a request's span says, and that a collector which is away costs spans only."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.otlp import Collector, collecting

from chassis.testing import eventually
from stack.processes import LOCAL, free_port
from stack.services import Service

StartSample = Callable[..., Service]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Somebody who takes every connection and never says anything."""
    with socket.create_server((LOCAL, port), backlog=128):
        yield


def became(service: Service, outcome: str) -> float:
    """How many spans became that."""
    page = httpx.get(f"{service.url}/metrics").text
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    return sum(
        sample.value for sample in samples if sample.name == "trace_spans_total" and sample.labels["outcome"] == outcome
    )


def test_a_request_is_a_span_of_its_route_in_the_callers_trace(start_sample: StartSample, collector: Collector) -> None:
    service = start_sample(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, LOG_LEVEL="DEBUG", **SOON)
    with service.client("b1") as client:
        at = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        answer = client.get("/fruits/pear?for=mrs-wang", headers=at)
        assert client.get("/fruits/durian", headers=at).status_code == 404
        assert client.get("/broken", headers=at).status_code == 500
        assert client.get("/nothing/of/mrs-wang", headers=at).status_code == 404
    assert answer.headers["X-Trace-Id"] == TRACE
    eventually(lambda: len(collector.spans) == 4)
    fine, none = collector.named("GET /fruits/{name}")
    assert (fine.kind, fine.service, fine.at.trace, fine.parent) == ("SERVER", "sample", TRACE, SPAN)
    assert fine.says == {
        "http.request.method": "GET",
        "http.route": "/fruits/{name}",
        "http.response.status_code": 200,
        "url.scheme": "http",
    }
    assert (none.says["http.response.status_code"], none.failed) == (404, False)
    broken = collector.one("GET /broken")
    assert (broken.failed, broken.says["error.type"]) == (True, "RuntimeError")
    assert collector.one("GET").says["http.response.status_code"] == 404
    assert "mrs-wang" not in str(collector.spans)
    assert "secret" not in str(collector.spans)
    lines = [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]
    failure = next(line for line in lines if line["message"] == "unhandled exception")
    assert (failure["trace_id"], failure["span_id"]) == (TRACE, broken.at.span)


def test_a_caller_without_a_trace_begins_one_and_probes_begin_none(
    start_sample: StartSample, collector: Collector
) -> None:
    service = start_sample(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **SOON)
    with service.client(None) as client:
        client.get("/health/live")
        client.get("/metrics")
        found = [client.get("/fruits/pear", headers={"traceparent": said}).headers["X-Trace-Id"] for said in ("", "x")]
    eventually(lambda: len(collector.spans) == 2)
    assert {span.at.trace for span in collector.spans} == set(found)
    assert [span.parent for span in collector.spans] == ["", ""]


def test_an_exemplar_leads_from_the_latency_to_a_trace(start_sample: StartSample, collector: Collector) -> None:
    service = start_sample(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **SOON)
    with service.client(None) as client:
        trace = client.get("/fruits/pear").headers["X-Trace-Id"]
        page = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}).text
    assert f'# {{trace_id="{trace}"}}' in page


def test_what_was_traced_last_is_sent_before_the_service_ends(start_sample: StartSample, collector: Collector) -> None:
    service = start_sample(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="600000")
    with service.client(None) as client:
        client.get("/fruits/pear")
    assert collector.spans == []
    service.process.terminate()
    assert service.process.wait(20) == 0
    assert collector.one("GET /fruits/{name}")


@pytest.mark.parametrize("away", ["refused", "silent"])
def test_a_collector_that_is_away_costs_spans_and_never_a_request(start_sample: StartSample, away: str) -> None:
    port = free_port()
    with listening(port if away == "silent" else free_port()):
        service = start_sample(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{LOCAL}:{port}",
            OTEL_EXPORTER_OTLP_TIMEOUT="1000",
            OTEL_BSP_MAX_QUEUE_SIZE="20",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10",
            **SOON,
        )
        with service.client(None, timeout=10) as client:

            def lost() -> bool:
                """Asks on until spans were lost both ways: they could not be sent, and no more could wait."""
                for _ in range(50):
                    assert client.get("/fruits/pear").status_code == 200
                return became(service, "failed") > 0 and became(service, "dropped") > 0

            eventually(lost, within=60)
            assert became(service, "exported") == 0
        service.process.terminate()
        assert service.process.wait(20) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT is invalid"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL is invalid"),
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "parentbased_traceidratio"),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1.5"},
            "OTEL_TRACES_SAMPLER_ARG is invalid",
        ),
        ({"OTEL_TRACES_SAMPLER_ARG": "0.1"}, "OTEL_TRACES_SAMPLER_ARG would not be used"),
        ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere"}, "OTEL_EXPORTER_OTLP_CERTIFICATE cannot be read"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "hunter2"}, "OTEL_EXPORTER_OTLP_HEADERS is invalid"),
        ({"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5000"}, "is more than OTEL_BSP_MAX_QUEUE_SIZE"),
    ],
)
def test_a_wrong_setting_is_named_at_the_start(start_sample: StartSample, wrong: dict[str, str], said: str) -> None:
    service = start_sample(ready=False, **wrong)
    assert service.process.wait(30) == 2
    assert said in service.log()
    assert "hunter2" not in service.log()
