"""Spans of steps, commits and events, as the collector gets them; and nothing at all where nothing is traced."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from tests.otlp import Collector, collecting

from chassis import tracing
from chassis.config import Settings, load
from chassis.deadletters import letters
from contracts import tracecontext
from contracts.codec import Event, decode, record, to_message
from contracts.examples import EXAMPLES

NOW = datetime(2018, 12, 3, 12, 0, 20, tzinfo=UTC)
TRACE, OTHER = "4bf92f3577b34da6a3ce929d0e0e4736", "a3ce929d0e0e47364bf92f3577b34da6"
AT = f"00-{TRACE}-00f067aa0ba902b7-01"
ELSEWHERE = f"00-{OTHER}-00f067aa0ba902b7-01"
QUIET = f"{AT[:-2]}00"
NEEDED = {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092", "MONGODB_URI": "mongodb://x", "OIDC_ISSUER": "http://issuer"}
IMPORTED = """
import sys
from chassis import tracing
from chassis.config import Settings, load
import chassis.app, chassis.container, chassis.digest, chassis.relay, chassis.run
import catalog.service, broadcast.service, orders.service, notify.service
tracing.start("orders", "1", load(Settings, {settings!r}))
assert not tracing.on()
print([name for name in sys.modules if name.partition(".")[0] in ("opentelemetry", "google", "requests_futures")])
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def on(collector: Collector) -> Iterator[None]:
    start(collector.url)
    yield
    tracing.stop(5)


def start(url: str, **env: str) -> None:
    told = NEEDED | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=a%20test",
    }
    tracing.start("shop", "1.2.3", load(Settings, told | env))


def sent() -> None:
    tracing.stop(5)


def received(traceparent: str | None = AT, name: str = "order.placed") -> tuple[Any, Event]:
    """A record as the consumer has it, and the event in it."""
    item = record(EXAMPLES[name], source="orders", sequence=1, time=NOW, traceparent=traceparent)
    topic, key, value, headers = to_message(item)
    message = SimpleNamespace(topic=topic, partition=2, offset=7, key=key, value=value, headers=headers, timestamp=0)
    return message, decode(headers, value)


@pytest.mark.parametrize("off", [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_where_nothing_is_traced_nothing_of_opentelemetry_is_loaded(off: dict[str, str]) -> None:
    settings = NEEDED | ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"} | off if off else {})
    done = subprocess.run([sys.executable, "-c", IMPORTED.format(settings=settings)], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_where_nothing_is_traced_every_door_of_the_room_is_open_and_empty() -> None:
    message, event = received()
    with tracing.doing("a step", links=[AT], order_id="o1") as trace, tracing.together("many", [AT]):
        assert trace is tracing.here() is None
    with tracing.processing([(message, event)], "readers") as (events, given):
        assert (events, given) == ([event], None)
    with tracing.working(None, "run tick"), tracing.publishing([]):
        tracing.relate(AT, order_id="o1")
    assert tracing.request({"PATH_INFO": "/", "HTTP_TRACEPARENT": AT}) is None
    assert dict(tracing.ids()) == {}


@pytest.mark.usefixtures("on")
def test_who_says_it_is_known_by_service_version_and_what_the_settings_add(collector: Collector) -> None:
    with tracing.doing("a step"):
        pass
    sent()
    (who,) = collector.resources
    assert (who["service.name"], who["service.version"], who["service.namespace"]) == ("shop", "1.2.3", "shanhuo")
    assert who["deployment.environment.name"] == "a test"


@pytest.mark.usefixtures("on")
def test_an_event_is_handled_below_its_publishing_and_what_follows_below_its_handling(collector: Collector) -> None:
    message, event = received()
    with tracing.processing([(message, event)], "readers") as ((handed,), given), tracing.working(given, "x"):
        followed = tracing.here()
    sent()
    process = collector.one("process order.placed")
    assert (process.kind, process.above.traceparent) == ("CONSUMER", event.traceparent)
    assert process.at.traceparent == followed == handed.traceparent
    assert process.says["messaging.system"] == "kafka"
    assert process.says["messaging.consumer.group.name"] == "readers"
    assert (process.says["messaging.destination.partition.id"], process.says["messaging.kafka.offset"]) == ("2", 7)
    assert process.says["shanhuo.order_id"] == event.data.order_id
    assert event.data.buyer_id not in str(collector.spans)


@pytest.mark.usefixtures("on")
def test_what_follows_from_a_batch_is_one_trace_that_is_linked_to_all_of_theirs(collector: Collector) -> None:
    pairs = [received(AT), received(ELSEWHERE), received(QUIET)]
    with tracing.processing(pairs, "readers") as (events, given), tracing.working(given, "x"):
        assert [event.traceparent[3:35] for event in events if event.traceparent] == [TRACE, OTHER, TRACE]
        followed = tracing.here()
    sent()
    handled = collector.named("process order.placed")
    batch = collector.one("process batch of order.placed")
    assert batch.at.traceparent == followed
    assert batch.at.trace not in (TRACE, OTHER)
    assert sorted(batch.links) == sorted(span.at for span in handled)
    assert len(handled) == 2


@pytest.mark.usefixtures("on")
def test_a_batch_that_nothing_follows_from_has_no_trace_of_its_own(collector: Collector) -> None:
    with tracing.processing([received(AT), received(ELSEWHERE)]) as (_, given), tracing.working(given, "x"):
        pass
    with tracing.working(None, "run tick"):
        pass
    sent()
    assert {span.name for span in collector.spans} == {"process order.placed"}


@pytest.mark.usefixtures("on")
def test_a_timer_that_says_something_begins_a_trace(collector: Collector) -> None:
    with tracing.working(None, "run sweep"), tracing.doing("lapse order", links=[AT], order_id="o1") as lapsed:
        pass
    assert tracing.here() is None
    sent()
    sweep, step = collector.one("run sweep"), collector.one("lapse order", order_id="o1")
    assert sweep.parent == ""
    assert (step.above, step.at.traceparent) == (sweep.at, lapsed)
    assert [link.traceparent for link in step.links] == [AT]


@pytest.mark.usefixtures("on")
def test_an_event_published_twice_is_published_by_the_same_span(collector: Collector) -> None:
    item = record(EXAMPLES["order.placed"], source="orders", sequence=1, time=NOW, traceparent=AT)
    with pytest.raises(ConnectionError), tracing.publishing([item]):
        raise ConnectionError("the broker is away")
    for _ in range(2):
        with tracing.publishing([item]):
            pass
    sent()
    first, second = collector.named("send order.placed")
    assert first.at == second.at
    assert first.at.traceparent == decode(to_message(item)[3], item.data).traceparent
    assert (first.kind, first.above.traceparent) == ("PRODUCER", AT)


@pytest.mark.usefixtures("on")
def test_a_dead_letter_that_is_replayed_is_handled_in_the_trace_it_was_made_in(collector: Collector) -> None:
    message, event = received()
    topic, key, value, headers = letters.written(
        message, group="readers", reason="a bug", kind="KeyError", attempts=3, now=NOW
    )
    stood = SimpleNamespace(topic=topic, key=key, value=value, headers=headers, partition=0, offset=1, timestamp=0)
    letter = letters.read(stood)
    assert letter is not None
    *_, value, headers = letters.replay(letter)
    again = decode(headers, value)
    assert again.traceparent == event.traceparent
    with tracing.processing([(message, again)], "readers"):
        pass
    sent()
    assert collector.one("process order.placed").above.traceparent == event.traceparent


@pytest.mark.usefixtures("on")
def test_a_failure_is_named_by_its_kind_and_never_by_its_words(collector: Collector) -> None:
    with pytest.raises(ValueError, match="secret"), tracing.processing([received()], "readers"):
        raise ValueError("a secret stands here")
    sent()
    process = collector.one("process order.placed")
    assert (process.failed, process.says["error.type"]) == (True, "ValueError")
    assert "secret" not in str(collector.spans)


@pytest.mark.usefixtures("on")
def test_what_others_do_not_record_is_handed_on_and_not_recorded(collector: Collector) -> None:
    message, event = received(QUIET)
    with tracing.processing([(message, event)], "readers") as (_, given), tracing.working(given, "x"):
        here = tracing.here()
        with tracing.together("commit", [QUIET]), tracing.doing("a step"):
            pass
    assert here is not None
    assert here[3:35] == TRACE
    assert not tracecontext.is_sampled(here)
    sent()
    assert collector.spans == []


def test_one_in_ten_is_one_in_ten_and_the_same_for_all_who_ask(collector: Collector) -> None:
    taken: list[set[str]] = []
    for _ in range(2):
        start(collector.url, OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.1")
        for number in range(2_000):
            trace = f"{tracecontext.span_id_of(str(number))}{tracecontext.span_id_of(f'{number}/low')}"
            with tracing.doing("a step", parent=f"00-{trace}-00f067aa0ba902b7-00"):
                pass
        sent()
        taken.append({span.at.trace for span in collector.spans})
    assert taken[0] == taken[1]
    assert 140 <= len(taken[0]) <= 260  # 13 are one standard deviation


def test_the_collector_is_told_what_it_asks_for_and_nothing_is_in_the_clear(collector: Collector) -> None:
    start(collector.url, OTEL_EXPORTER_OTLP_HEADERS="api-key=very%20secret", OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    with tracing.doing("a step"):
        pass
    sent()
    assert collector.one("a step")
    assert collector.headers[0]["api-key"] == "very secret"
    assert collector.headers[0]["Content-Encoding"] == "gzip"
