"""Dead letters as people work through them: a real broker, real services, the command line as a process."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pymongo
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis.config import Settings, load
from chassis.deadletters import letters
from chassis.deadletters.post import Post
from chassis.producer import Message, Producer
from chassis.testing import eventually
from contracts.codec import record, to_message
from contracts.events import AudienceSampled, Fact, ParcelScanned, StreamEnded
from contracts.ids import new_id
from stack.processes import LOCAL, Child, free_port

Run = subprocess.CompletedProcess[str]
TOPIC = "audience.sampled"


def command(*args: str, **env: str) -> Run:
    """`python -m chassis.deadletters …`, with nobody at the keyboard."""
    return subprocess.run(
        [sys.executable, "-m", "chassis.deadletters", *args],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def deadletters(settings: dict[str, str]) -> Callable[..., Run]:
    """The command line, for the broker of the tests: it is told of nothing else."""
    return lambda *args: command(*args, KAFKA_BOOTSTRAP_SERVERS=settings["KAFKA_BOOTSTRAP_SERVERS"])


@pytest.fixture
def listed(deadletters: Any) -> Callable[..., list[dict[str, Any]]]:
    """The letters that wait, by filters."""

    def these(*filters: str) -> list[dict[str, Any]]:
        done = deadletters("list", "--json", *filters)
        assert done.returncode == 0, done.stderr
        told = msgspec.json.decode(done.stdout)
        assert told["count"] == len(told["letters"])
        return list(told["letters"])

    return these


@pytest.fixture
def group(settings: dict[str, str]) -> str:
    """The group of this test's service."""
    return settings["KAFKA_GROUP"]


@pytest.fixture
def poison() -> str:
    """What this test's service cannot digest; topics are shared with other tests."""
    return f"poison-{new_id()[-8:]}"


@pytest.fixture
def send(settings: dict[str, str]) -> Iterator[Callable[..., None]]:
    """Sends messages as they are."""
    producer = Producer(load(Settings, settings))
    yield lambda *messages: producer.send(messages)
    producer.close()


def sample(channel: str = "web") -> AudienceSampled:
    now = datetime.now(UTC)
    return AudienceSampled(show_id=new_id(), rehearsal=False, channel=channel, viewers=1, sampled_at=now)


def scanned() -> ParcelScanned:
    now = datetime.now(UTC)
    return ParcelScanned(parcel_id="p", buyer_id="b", county="520123", order_ids=("o",), hub="h", scanned_at=now)


def ended(show: str) -> Message:
    now = datetime.now(UTC)
    fact = StreamEnded(
        show_id=show, show="s", programme="p", rehearsal=False, counties=(), started_at=now, ended_at=now
    )
    return message(fact)


def message(fact: Fact) -> Message:
    return to_message(record(fact, source="test", sequence=1, time=datetime.now(UTC)))


def times(entries: Any, key: str, handler: str = "batch") -> int:
    """How often a handler was given the event."""
    return int((entries.find_one({"_id": f"{handler} {key}"}) or {}).get("times", 0))


def counted(service: Any, topic: str = TOPIC) -> dict[str, float]:
    """The dead letters that the service has counted, by reason."""
    families = text_string_to_metric_families(httpx.get(f"{service.url}/metrics").text)
    return {
        sample.labels["reason"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "events_dead_lettered_total" and sample.labels["topic"] == topic
    }


def test_a_letter_is_listed_shown_replayed_in_vain_and_at_last_discarded(
    ledger: Any, publish: Any, poison: str, group: str, deadletters: Any, listed: Any
) -> None:
    service = ledger(POISON_CHANNEL=poison)
    assert counted(service)["failed"] == 0, "it is there before the first, so that an alert sees the first"
    fact = sample(poison)
    (event,) = publish(fact)
    (letter,) = eventually(lambda: listed("--group", group, "--reason", "ValueError"), within=20)
    assert (letter["topic"], letter["kind"], letter["key"]) == (TOPIC, "ValueError", fact.show_id)
    eventually(lambda: counted(service)["failed"] == 1)

    table = deadletters("list", "--group", group, "--reason", "poisonous channel").stdout
    assert letter["name"] in table
    assert "ValueError: cannot digest a poisonous channel" in table
    assert table.endswith("1 letter waiting\n")

    told = deadletters("show", "--id", letter["name"]).stdout
    assert f"ce_id: {event}" in told
    assert f'"channel": "{poison}"' in told

    done = deadletters("replay", "--id", letter["name"])
    assert done.stdout.splitlines() == [f"replayed {letter['name']} ({letter['reason']})", "1 letter replayed"]
    (again,) = eventually(lambda: listed("--group", group, "--reason", "ValueError"), within=20)
    assert (again["replays"], again["value"], again["headers"]) == (1, letter["value"], letter["headers"])
    assert again["name"] != letter["name"]

    refused = deadletters("discard", "--group", group)
    assert (refused.returncode, refused.stderr) == (2, "deadletters: discarding is for ever: say --yes\n")
    done = deadletters("discard", "--group", group, "--yes")
    assert f"discarded {again['name']} ({letter['reason']})" in done.stdout.splitlines()
    assert listed("--group", group) == []


def test_a_replay_is_for_its_group_alone_and_twice_is_once(
    ledger: Any,
    entries: Any,
    publish: Any,
    poison: str,
    send: Any,
    group: str,
    deadletters: Any,
    listed: Any,
    settings: Any,
) -> None:
    """Two services could not digest it. One is mended and has it replayed, by somebody who is killed half-way."""
    other = f"{group}_other"
    elsewhere = {"KAFKA_GROUP": other, "MONGODB_DATABASE": other}
    weak = [ledger(POISON_CHANNEL=poison), ledger(POISON_CHANNEL=poison, **elsewhere)]
    fact = sample(poison)
    (event,) = publish(fact)
    theirs, ours = [("--reason", "ValueError", "--group", each) for each in (other, group)]
    eventually(lambda: listed(*ours) and listed(*theirs), within=30)
    for service in weak:
        service.stop()
    ledger(POISON_CHANNEL="none")
    ledger(POISON_CHANNEL="none", **elsewhere)

    (letter,) = letters_of(settings, group, "ValueError")
    send(letters.replay(letter))  # and killed before the letter was ended
    assert [waits["group"] for waits in listed(*ours)] == [group]
    assert deadletters("replay", *ours).stdout.endswith("1 letter replayed\n")
    eventually(lambda: times(entries, event) == 2, within=20)
    assert entries.count_documents({"_id": f"batch {event}"}) == 1

    later = sample()
    topic, _, value, headers = message(later)
    send((topic, fact.show_id.encode(), value, headers))  # behind the replays, on the same partition
    with pymongo.MongoClient[dict[str, Any]](settings["MONGODB_URI"]) as client:
        there = client[other].entries
        eventually(lambda: times(there, f"{TOPIC}:{later.show_id}:1"), within=20)
        assert times(there, event) == 0, "it was replayed for the other group"
        client.drop_database(other)
    assert listed(*ours) == []
    assert [waits["group"] for waits in listed(*theirs)] == [other]
    assert deadletters("discard", "--yes", "--group", other).returncode == 0


def letters_of(settings: dict[str, str], group: str, kind: str) -> list[letters.Letter]:
    post = Post(load(Settings, settings), [TOPIC])
    try:
        return [letter for letter in post.waiting() if (letter.group, letter.kind) == (group, kind)]
    finally:
        post.close()


def test_what_cannot_be_read_makes_letters_whatever_it_is(
    ledger: Any, publish: Any, send: Any, group: str, deadletters: Any, listed: Any
) -> None:
    """No value, no key, no headers, no text, too large to be kept: the partition goes on."""
    topic, key, _, headers = message(scanned())
    publish(scanned())  # the topic is there
    large = b"x" * (1_048_576 - 500)
    send((topic, key, None, headers), (topic, key, b"\xff\x1b[2J", headers), (topic, key, large, headers))
    send((topic, None, b"?", []))
    service = ledger()
    ours = ("--group", group, "--topic", topic)
    found = eventually(lambda: (them := listed(*ours)) and len(them) == 4 and them, within=30)
    assert {letter["kind"] for letter in found} == {"undecodable"}
    assert sorted(letter["whole"] for letter in found) == [False, True, True, True]
    eventually(lambda: counted(service, topic)["undecodable"] == 4)

    told = deadletters("show", *ours, "--reason", "undecodable").stdout
    assert "b'\\xff\\x1b[2J'" in told
    assert "\x1b" not in told
    refused = deadletters("replay", *ours)
    assert refused.returncode == 1
    assert refused.stderr.startswith("deadletters: too large to be kept")
    assert len(listed(*ours)) == 4, "all or none: what cannot be done is said before anything is"
    assert deadletters("discard", "--yes", *ours, "--reason", "undecodable").returncode == 0
    assert listed(*ours) == []


def test_a_fanout_handler_passes_over_what_is_replayed(
    ledger: Any, entries: Any, publish: Any, send: Any, group: str
) -> None:
    """It read the message when it first came; the replay is the group's."""
    shows = [new_id(), new_id()]
    replayed, fresh = map(ended, shows)
    publish(sample())
    key = fresh[1]
    send((replayed[0], key, replayed[2], [*replayed[3], (letters.REPLAY_GROUP, group.encode())]), fresh)
    ledger()
    eventually(lambda: times(entries, f"stream.ended:{shows[1]}:1", "fanout-stream.ended"), within=20)
    assert times(entries, f"stream.ended:{shows[0]}:1", "fanout-stream.ended") == 0


def test_nothing_is_done_in_a_dry_run(send: Any, publish: Any, group: str, deadletters: Any, listed: Any) -> None:
    publish(sample())
    send(*(letter(sample(), group, offset) for offset in (1, 2)))
    for what, done in (("replay", "replayed"), ("discard", "discarded")):
        told = deadletters(what, "--group", group, "--dry-run").stdout.splitlines()
        assert told[0].startswith(f"would be {done} {TOPIC}/{group}/0/1")
        assert told[-1] == f"2 letters would be {done}"
    assert [waits["offset"] for waits in listed("--group", group)] == [1, 2]
    assert deadletters("discard", "--group", group, "--yes", "--json").returncode == 0
    assert listed("--group", group) == []


def test_somebody_at_a_keyboard_is_asked_before_letters_are_discarded(
    send: Any, publish: Any, group: str, settings: dict[str, str], listed: Any
) -> None:
    publish(sample())
    send(letter(sample(), group, 1))
    for answer, code, left in (("n", 1, [1]), ("", 1, [1]), ("y", 0, [])):
        mine, theirs = os.openpty()
        try:
            os.write(mine, f"{answer}\n".encode())
            done = subprocess.run(
                [sys.executable, "-m", "chassis.deadletters", "discard", "--group", group],
                env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": settings["KAFKA_BOOTSTRAP_SERVERS"]},
                stdin=theirs,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            os.close(mine)
            os.close(theirs)
        assert (done.returncode, [waits["offset"] for waits in listed("--group", group)]) == (code, left)
        assert f"to discard: {TOPIC}/{group}/0/1 (E: e)\n1 letter to discard for ever. Go on? [y/N] " in done.stderr


def letter(fact: Fact, group: str, offset: int) -> Message:
    topic, key, value, headers = message(fact)
    stood = type("Stood", (), {})()
    stood.topic, stood.partition, stood.offset = topic, 0, offset
    stood.key, stood.value, stood.headers = key, value, headers
    return letters.written(stood, group=group, reason="E: e", kind="E", attempts=3, now=datetime.now(UTC))


def test_letters_are_found_by_each_filter(send: Any, publish: Any, group: str, listed: Any, deadletters: Any) -> None:
    publish(sample())
    send(letter(sample(), group, 1), letter(sample(), f"{group}_other", 2))
    found = {
        filters: [waits["offset"] for waits in listed(*filters) if waits["group"].startswith(group)]
        for filters in [
            ("--group", group),
            ("--topic", f"{TOPIC}.dlq"),
            ("--topic", "order.paid"),
            ("--id", f"{group}/0/1"),
            ("--reason", "e: E", "--group", f"{group}_other"),
            ("--since", "10m", "--group", group),
            ("--until", "1h ago"),
        ]
    }
    assert list(found.values()) == [[1], [1, 2], [], [1], [2], [1], []]
    assert deadletters("discard", "--yes", "--group", group, "--group", f"{group}_other").returncode == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "the following arguments are required"),
        (["forward"], "invalid choice: 'forward'"),
        (["list", "--topic", "orders"], "'orders' is no topic of ours"),
        (["list", "--since", "yesterday"], "'yesterday' is neither an ISO time nor a while ago"),
        (["replay"], "say which letters to replay"),
        (["discard", "--yes"], "say which letters to discard"),
        (["replay", "--all", "--group", "orders"], "--all and a filter do not go together"),
        (["list", "--group"], "expected one argument"),
    ],
)
def test_what_is_asked_for_wrongly_is_answered_with_one_line(args: list[str], said: str) -> None:
    done = command(*args, KAFKA_BOOTSTRAP_SERVERS=f"{LOCAL}:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_settings_that_are_missing_are_named() -> None:
    done = command("list", KAFKA_BOOTSTRAP_SERVERS="")
    assert (done.returncode, done.stderr) == (2, "deadletters: KAFKA_BOOTSTRAP_SERVERS is missing\n")


def test_a_broker_that_is_away_is_one_line() -> None:
    done = command("list", KAFKA_BOOTSTRAP_SERVERS=f"{LOCAL}:{free_port()}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("deadletters: kafka is away")
    assert done.stderr.count("\n") == 1


def test_a_letter_that_does_not_wait_is_said_so(deadletters: Any) -> None:
    done = deadletters("replay", "--id", "order.paid/nobody/0/1")
    assert (done.returncode, done.stderr) == (1, "deadletters: no such letter waits: order.paid/nobody/0/1\n")


def test_letters_that_wait_are_counted_for_prometheus(
    send: Any, publish: Any, group: str, deadletters: Any, exporter: Any
) -> None:
    publish(sample())
    send(letter(sample(), group, 1), letter(sample(), group, 2))
    url = exporter.start()
    told = gauges(url, group)
    assert told["dead_letters_waiting"] == 2
    assert told["dead_letters_oldest_timestamp_seconds"] == pytest.approx(datetime.now(UTC).timestamp(), abs=60)
    assert gauges(url, "orders", "hub.listed")["dead_letters_waiting"] == 0, "known readers say 0 before their first"
    assert deadletters("discard", "--yes", "--group", group, "--id", f"{TOPIC}/{group}/0/1").returncode == 0
    assert gauges(url, group)["dead_letters_waiting"] == 1
    assert deadletters("discard", "--yes", "--group", group).returncode == 0
    assert gauges(url, group) == {}


def test_who_cannot_reach_the_broker_counts_nothing(exporter: Any) -> None:
    answer = httpx.get(exporter.start(KAFKA_BOOTSTRAP_SERVERS=f"{LOCAL}:{free_port()}"), timeout=30)
    assert answer.status_code == 503
    assert "dead_letters_waiting" not in answer.text


def test_who_connects_and_asks_nothing_keeps_no_scrape_waiting_nor_the_end(exporter: Any, group: str) -> None:
    url = exporter.start()
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port)):  # held open until the exporter has ended
        assert gauges(url, group) == {}
        exporter.stop()


def gauges(url: str, group: str, topic: str = TOPIC) -> dict[str, float]:
    """What is told of the group's letters that failed, by metric."""
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(httpx.get(url, timeout=30).raise_for_status().text)
        for sample in family.samples
        if (sample.labels["group"], sample.labels["topic"]) == (group, topic)
        and sample.labels.get("reason", "failed") == "failed"
    }


@pytest.fixture
def exporter(settings: dict[str, str], tmp_path: Any) -> Iterator[SimpleNamespace]:
    """`serve` as a process: `start` tells its address, `stop` stops it as it will be."""
    started: list[Child] = []

    def start(**env: str) -> str:
        port = free_port()
        args = [sys.executable, "-m", "chassis.deadletters", "serve", "--bind", f"{LOCAL}:{port}"]
        kafka = {"KAFKA_BOOTSTRAP_SERVERS": settings["KAFKA_BOOTSTRAP_SERVERS"]}
        child = Child("exporter", args, log=tmp_path / "exporter.log", env={**os.environ, **kafka, **env})
        started.append(child)
        eventually(lambda: f"http://{LOCAL}:{port}/metrics" in child.text(), within=20)
        return f"http://{LOCAL}:{port}/metrics"

    def stop() -> None:
        for child in started:
            child.terminate()
            assert child.process.wait(20) == 0, child.text()

    yield SimpleNamespace(start=start, stop=stop)
    stop()
