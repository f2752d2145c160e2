"""What a dead letter is: written, read, ended, replayed, chosen and put into words. No broker."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chassis.deadletters import asking, choosing, letters, post, shown
from chassis.deadletters.choosing import Choice
from chassis.deadletters.letters import Letter
from contracts.codec import record, to_message
from contracts.events import AudienceSampled

NOW = datetime(2018, 12, 3, 12, tzinfo=UTC)


def record_at(offset: int, *, topic: str = "audience.sampled", **fields: Any) -> Any:
    """A record as kafka-python hands it over."""
    fact = AudienceSampled(show_id="show-1", rehearsal=False, channel="web", viewers=7, sampled_at=NOW)
    _, key, value, headers = to_message(record(fact, source="broadcast", sequence=1, time=NOW))
    told = {"key": key, "value": value, "headers": headers, "timestamp": 1_543_838_400_000} | fields
    return SimpleNamespace(topic=topic, partition=2, offset=offset, **told)


def letter_at(offset: int, *, group: str = "orders", at: datetime = NOW, **about: Any) -> Any:
    """The letter about such a record, as it is read from its topic."""
    said = {"reason": "ValueError: too many", "kind": "ValueError", "attempts": 3} | about
    original = said.pop("original", record_at(offset))
    return stands(letters.written(original, group=group, now=at, **said))


def stands(message: Any, offset: int = 0) -> Any:
    """A message we wrote, as it is read again."""
    topic, key, value, headers = message
    return SimpleNamespace(
        topic=topic, partition=0, offset=offset, key=key, value=value, headers=headers, timestamp=1_543_838_400_000
    )


def only(messages: Sequence[Any]) -> Letter:
    (letter,) = letters.waiting(messages)
    return letter


def test_a_letter_says_all_that_is_known_and_keeps_the_message_as_it_was() -> None:
    original = record_at(7)
    letter = only([letter_at(7, original=original)])
    assert letter.name == "audience.sampled/orders/2/7"
    assert (letter.group, letter.partition, letter.offset, letter.attempts) == ("orders", 2, 7, 3)
    assert (letter.reason, letter.kind, letter.replays, letter.at) == ("ValueError: too many", "ValueError", 0, NOW)
    assert (letter.key, letter.value, letter.headers) == (original.key, original.value, original.headers)


def test_letters_of_two_groups_about_one_message_are_two() -> None:
    found = letters.waiting([letter_at(7, group="orders"), letter_at(7, group="notify")])
    assert [letter.id for letter in found] == ["orders/2/7", "notify/2/7"]


def test_a_tombstone_ends_its_letter_and_no_other() -> None:
    both = [letter_at(7), letter_at(8)]
    ended = stands(letters.tombstone(only(both[:1]), "discarded"))
    assert [letter.offset for letter in letters.waiting([*both, ended])] == [8]


def test_a_letter_written_after_its_tombstone_waits_again() -> None:
    """A group that was set back meets the same message again."""
    ended = stands(letters.tombstone(only([letter_at(7)]), "discarded"))
    assert only([letter_at(7), ended, letter_at(7)]).offset == 7


def test_a_letter_written_twice_is_one() -> None:
    """The service was killed after it wrote the letter and before it committed."""
    assert only([letter_at(7), letter_at(7)]).offset == 7


def test_a_letter_of_an_earlier_version_is_read_by_what_it_has() -> None:
    """They were keyed as the message was, and had no kind and no time of their own."""
    written = letter_at(7)
    headers = [(name, value) for name, value in written.headers if name not in ("dlq_time", "dlq_kind", "dlq_key")]
    old = SimpleNamespace(**{**vars(written), "key": b"show-1", "headers": headers})
    letter = only([old])
    assert (letter.name, letter.key, letter.kind) == ("audience.sampled/orders/2/7", b"show-1", "ValueError")
    assert letter.at == datetime(2018, 12, 3, 12, tzinfo=UTC), "the record's own time"
    assert letters.waiting([old, stands(letters.tombstone(letter, "replayed"))]) == []


def test_what_is_no_letter_is_listed_all_the_same() -> None:
    """Somebody put it there by hand."""
    odd = SimpleNamespace(
        topic="order.paid.dlq",
        partition=0,
        offset=3,
        key=None,
        value=b"?",
        headers=[("dlq_offset", b"x")],
        timestamp=-1,
    )
    letter = only([odd])
    assert (letter.name, letter.reason) == ("order.paid/unknown/0/3", "no reason was given")


def test_a_message_without_value_makes_a_letter_and_no_tombstone() -> None:
    written = letter_at(7, original=record_at(7, value=None))
    assert written.value is not None
    assert only([written]).value is None
    assert letters.replay(only([written]))[2] is None


def test_a_message_without_key_and_with_empty_headers_makes_a_letter() -> None:
    letter = only([letter_at(7, original=record_at(7, key=None, value=None, headers=[("odd", None)]))])
    assert (letter.key, letter.headers) == (None, [("odd", b"")])
    assert letters.replay(letter)[1:3] == (None, b""), "a client sends no message of nothing"


@pytest.mark.parametrize(
    ("large", "kept"),
    [
        ({"value": b"x" * 1_000_000}, True),
        ({"headers": [("odd", b"x" * 1_000_000)]}, False),
        ({"key": b"x" * 1_000_000}, False),
    ],
)
def test_a_message_too_large_for_a_letter_leaves_one_that_says_so(large: dict[str, Any], kept: bool) -> None:
    original = record_at(7, **large)
    short = letters.without_value(
        letters.written(original, group="g", reason="r", kind="undecodable", attempts=1, now=NOW)
    )
    assert sum(len(value) for _, value in short[3]) < 10_000
    letter = only([stands(short)])
    assert (letter.name, letter.whole, letter.value) == ("audience.sampled/g/2/7", False, None)
    assert (letter.key, letter.headers) == ((original.key, original.headers) if kept else (None, []))
    assert "too large" in shown.whole(letter)


def test_a_replay_is_the_message_for_its_group_alone() -> None:
    original = record_at(7)
    topic, key, value, headers = letters.replay(only([letter_at(7, original=original)]))
    assert (topic, key, value) == ("audience.sampled", original.key, original.value)
    assert headers[: len(original.headers)] == original.headers
    assert letters.replayed_for(headers) == "orders"
    assert letters.replayed_for(original.headers) is None


def test_a_replay_on_a_compacted_topic_leaves_the_latest_of_its_key_alone() -> None:
    """Under the item's own key an old listing would be the last one, and the newer compacted away."""
    letter = only([letter_at(7, original=record_at(7, topic="item.listed", key=b"item-1"))])
    assert letters.replay(letter)[1] == b"replay/orders/2/7"


def test_a_replay_that_fails_again_is_a_letter_that_counts_its_replays() -> None:
    first = only([letter_at(7)])
    _, key, value, headers = letters.replay(first)
    again = only([letter_at(40, original=record_at(40, key=key, value=value, headers=headers))])
    assert (again.name, again.replays) == ("audience.sampled/orders/2/40", 1)
    assert (again.key, again.value, again.headers) == (first.key, first.value, first.headers)
    assert only([letter_at(50, original=stands(letters.replay(again)))]).replays == 2


def test_letters_are_in_order_of_time_and_those_of_a_topic_as_they_stand_on_it() -> None:
    late, skewed = letter_at(1, at=NOW + timedelta(minutes=2)), letter_at(2, at=NOW)
    other = letter_at(9, original=record_at(9, topic="order.paid"), at=NOW + timedelta(minutes=1))
    found = post.in_order(letters.waiting([late, skewed, other]))
    assert [letter.offset for letter in found] == [9, 1, 2]


CHOICES = {
    "nothing in particular": (Choice(), True),
    "its topic": (Choice(topics=("order.paid", "audience.sampled")), True),
    "another topic": (Choice(topics=("order.paid",)), False),
    "its group": (Choice(groups=("orders",)), True),
    "part of another group's name": (Choice(groups=("order",)), False),
    "part of its reason": (Choice(reasons=("TOO many",)), True),
    "its kind": (Choice(reasons=("ValueError",)), True),
    "another reason": (Choice(reasons=("undecodable",)), False),
    "its name": (Choice(names=("audience.sampled/orders/2/7",)), True),
    "its id": (Choice(names=("orders/2/7",)), True),
    "another name": (Choice(names=("order.paid/orders/2/7",)), False),
    "before": (Choice(since=NOW - timedelta(seconds=1), until=NOW), True),
    "later": (Choice(since=NOW + timedelta(seconds=1)), False),
    "earlier": (Choice(until=NOW - timedelta(seconds=1)), False),
    "one of two": (Choice(topics=("audience.sampled",), groups=("notify",)), False),
}


@pytest.mark.parametrize(("choice", "fits"), CHOICES.values(), ids=CHOICES)
def test_letters_are_chosen_by_what_was_asked_for(choice: Choice, fits: bool) -> None:
    assert choice.fits(only([letter_at(7)])) is fits


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("30m ago", NOW - timedelta(minutes=30)),
        ("7 d", NOW - timedelta(days=7)),
        ("2018-12-03T20:00:00+08:00", NOW),
        ("2018-12-03T12:00", NOW),
        ("2018-12-03", NOW.replace(hour=0)),
    ],
)
def test_times_are_told_as_people_tell_them(text: str, meant: datetime) -> None:
    assert choosing.moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2", "h", "-2h", "2018-13-01", "2w"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither an ISO time nor a while ago"):
        choosing.moment(text, NOW)


@pytest.mark.parametrize("command", ["replay", "discard", "list"])
@pytest.mark.parametrize("option", ["--reason", "--group", "--id"])
def test_an_empty_choice_is_refused_and_does_not_mean_every_letter(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        asking.arguments("deadletters").parse_args([command, option, " "])
    assert refused.value.code == 2
    said = capsys.readouterr().err
    assert f"argument {option}: it is empty" in said
    assert said.count("\n") == 1


def test_nothing_in_a_letter_reaches_the_terminal_as_a_command() -> None:
    letter = only([letter_at(7, reason="\x1b[2Jgone\nnext", original=record_at(7, key=b"\x9b1m", value=b"\x07\xff"))])
    for text in (shown.whole(letter), shown.table([letter]), shown.line(letter, "replayed")):
        assert all(sign.isprintable() or sign == "\n" for sign in text)
        assert "\\x1b[2Jgone\\nnext" in text


def test_bytes_that_are_no_text_are_told_to_programs_in_base64() -> None:
    told = shown.plain(only([letter_at(7, original=record_at(7, value=b"\xff\x00"))]))
    assert (told["value"], told["value_base64"], told["decodable"]) == (None, "/wA=", False)
    assert shown.plain(only([letter_at(7)]))["decodable"] is True
