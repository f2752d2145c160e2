"""What counts as an outage, and what it is called: an engine that is away, or does not let us in."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError, OperationFailure, WriteConcernError

from chassis import outages, problems
from chassis.databases import why_away
from chassis.digest import Digest
from contracts.codec import record, to_message
from contracts.examples import EXAMPLES

REFUSED = OperationFailure("Authentication failed.", code=18)


@pytest.mark.parametrize("error", [AutoReconnect(""), KafkaTimeoutError(), REFUSED, OperationFailure("no right", 13)])
def test_an_engine_that_is_away_or_does_not_let_us_in_is_an_outage(error: Exception) -> None:
    assert outages.is_away(error)
    status, headers, _ = problems.render(error, "r1")
    assert status == 503
    assert "Retry-After" in dict(headers)


DUPLICATE = {"code": 11000, "index": 0}


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("internal server error", 1),
        OperationFailure("No space left on device", 14031),
        WriteConcernError("waiting for replication was interrupted", 11602),
        BulkWriteError({"writeErrors": [DUPLICATE, {"code": 14031, "index": 1}]}),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 91}]}),
    ],
)
def test_a_database_that_cannot_go_on_or_promises_nothing_is_an_outage(error: Exception) -> None:
    assert outages.is_away(error)
    assert outages.engine_of(error) == "mongodb"
    assert problems.render(error, "r1")[0] == 503


def test_documents_that_are_there_already_are_none() -> None:
    assert not outages.is_away(BulkWriteError({"writeErrors": [DUPLICATE], "writeConcernErrors": []}))


@pytest.mark.parametrize("error", [DuplicateKeyError("twice", 11000), OperationFailure("nonsense", 9), ValueError()])
def test_a_mistake_of_ours_is_none(error: Exception) -> None:
    assert not outages.is_away(error)


def test_each_outage_is_about_its_engine() -> None:
    assert [outages.engine_of(error) for error in (REFUSED, AutoReconnect(""), KafkaTimeoutError())] == [
        "mongodb",
        "mongodb",
        "kafka",
    ]


def test_the_database_is_said_to_be_away_in_words_without_the_drivers_page() -> None:
    topology = ", Timeout: 2.0s, Topology Description: <TopologyDescription …"
    assert why_away(REFUSED) == "authentication refused: Authentication failed."
    verify = "db:27017: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch (_ssl.c:1006)"
    assert why_away(AutoReconnect(verify + topology)) == "TLS failed: certificate verify failed: Hostname mismatch"
    refused = "db:27017: [Errno 111] ECONNREFUSED"
    assert why_away(AutoReconnect(f"{refused} (configured timeouts: …){topology}")) == refused


class Container:
    """Runs a worker at once, as nameko's does later."""

    service_name = "sample"

    def spawn_worker(self, entrypoint: Any, args: Any, *_: Any, handle_result: Any, **__: Any) -> None:
        failure = entrypoint.answer(*args)
        handle_result(None, None, failure and (type(failure), failure, None))


class Handler:
    """Fails with what it was given, one after the other, then handles."""

    batch = 0

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.handled: list[str] = []

    def answer(self, event: Any) -> Exception | None:
        if self._failures:
            return self._failures.pop(0)
        self.handled.append(event.id)
        return None


class Message:
    topic, partition, offset = "order.placed", 0, 7

    def __init__(self) -> None:
        sent = record(EXAMPLES["order.placed"], source="orders", sequence=1, time=EXAMPLES["order.placed"].placed_at)  # type: ignore[attr-defined]  # its own type
        _, self.key, self.value, self.headers = to_message(sent)


class DeadLetters:
    def send(self, messages: Sequence[object]) -> None:
        raise AssertionError(f"set aside: {messages}")


def test_an_event_waits_while_the_database_does_not_let_us_in_however_often(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    never: Callable[[], bool] = lambda: False  # noqa: E731  a name for the type
    monkeypatch.setattr("eventlet.sleep", waited.append)
    handler = Handler(*[REFUSED] * 5)
    done = Digest(Container(), "orders", DeadLetters(), never).batch([handler], [Message()])
    assert (done, len(handler.handled), len(waited)) == (8, 1, 5)
