"""What the audit makes of messages: dead letters count while they wait, replays are no messages of their own."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from chassis.deadletters import letters
from contracts.codec import record, to_message
from contracts.events import AudienceSampled
from evening.audit.topics import told

NOW = datetime(2018, 12, 3, 12, tzinfo=UTC)


def stands(message: Any, offset: int) -> Any:
    topic, key, value, headers = message
    return SimpleNamespace(
        topic=topic, partition=0, offset=offset, key=key, value=value, headers=headers, timestamp=1_543_838_400_000
    )


def said(offset: int) -> Any:
    fact = AudienceSampled(show_id="s1", rehearsal=False, channel="web", viewers=offset, sampled_at=NOW)
    return stands(to_message(record(fact, source="broadcast", sequence=offset + 1, time=NOW)), offset)


def letter(of: Any) -> Any:
    return stands(letters.written(of, group="orders", reason="E: e", kind="E", attempts=3, now=NOW), 0)


def test_a_letter_counts_while_it_waits() -> None:
    first, second = said(0), said(1)
    both = [first, second, letter(first), letter(second), letter(second)]
    assert [stray.offset for stray in told(both).dead] == [0, 1]
    (waiting,) = letters.waiting([letter(first)])
    assert [stray.reason for stray in told([*both, stands(letters.tombstone(waiting, "replayed"), 9)]).dead] == [
        "orders/0/1: E: e"
    ]


def test_a_replay_is_no_message_of_its_own() -> None:
    """It stands behind newer facts, and may be all that compaction left of an older one."""
    (waiting,) = letters.waiting([letter(said(0))])
    topics = told([said(1), stands(letters.replay(waiting), 7)])
    assert [message.offset for message in topics.said] == [1]
    assert topics.undecodable == []
