"""A dead letter: how it is written, read, ended and replayed. Pure: knows messages, no connection.

A letter is keyed by its own id, `<group>/<partition>/<offset>` of the message that could not be digested, so that the
compacted `<topic>.dlq` keeps each until a message with that key and no value, a tombstone, ends it. The message itself
rides in it untouched; what is known about it stands in `dlq_*` headers.

A replay goes to the original topic with the header `replay_group`: only that group handles it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from chassis.producer import Message
from contracts.codec import Headers
from contracts.topics import DEAD_SUFFIX, TOPICS

UNDECODABLE: Final = "undecodable"
REASONS: Final = (UNDECODABLE, "failed")  # as metrics tell them apart: a label is bounded, names of exceptions are not
REPLAY_GROUP: Final = "replay_group"
_REPLAYS: Final = "dlq_replays"
_OURS: Final = ("dlq_", "replay_")
_LONGEST_REASON: Final = 1_000
_MOST_HEADERS: Final = 65_536  # bytes
# A message may have no value, and a letter may not: that would be a tombstone.
_NO_VALUE: Final = "none"
_TOO_LARGE: Final = "too-large"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a group could not digest, where it stood, and why it could not.

    `key`, `value` and `headers` are the message's own; `whole` is false when its value was too large to be kept here.
    """

    topic: str
    id: str
    group: str
    partition: int
    offset: int
    reason: str
    kind: str
    attempts: int
    replays: int
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers
    whole: bool = True

    @property
    def name(self) -> str:
        """What people call it by: unique over all topics."""
        return f"{self.topic}/{self.id}"


def written(message: Any, *, group: str, reason: str, kind: str, attempts: int, now: datetime) -> Message:
    """The letter about a Kafka record, as it goes to `<topic>.dlq`."""
    kept = [(name, value or b"") for name, value in message.headers or () if not name.startswith(_OURS)]
    said = {
        "dlq_reason": reason[:_LONGEST_REASON],
        "dlq_kind": kind,
        "dlq_group": group,
        "dlq_topic": message.topic,
        "dlq_partition": str(message.partition),
        "dlq_offset": str(message.offset),
        "dlq_attempts": str(attempts),
        "dlq_time": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if replays := dict(message.headers or ()).get(_REPLAYS):
        said[_REPLAYS] = replays.decode(errors="replace")
    if message.value is None:
        said["dlq_value"] = _NO_VALUE
    original = [("dlq_key", message.key)] if message.key is not None else []
    key = f"{group}/{message.partition}/{message.offset}".encode()
    headers = [*kept, *((name, text.encode()) for name, text in said.items()), *original]
    return f"{message.topic}{DEAD_SUFFIX}", key, message.value or b"", headers


def without_value(letter: Message) -> Message:
    """The letter of a message that is too large to be kept with what is said about it: it is still where it was.

    Its headers and its key go as well, where it was them.
    """
    topic, key, _, headers = letter
    said = [header for header in headers if header[0].startswith("dlq_") and header[0] != "dlq_key"]
    its_own = [header for header in headers if header not in said]
    if sum(len(name) + len(value) for name, value in its_own) > _MOST_HEADERS:
        its_own = []
    return topic, key, b"", [*its_own, *said, ("dlq_value", _TOO_LARGE.encode())]


def read(message: Any) -> Letter | None:
    """The letter in a record of a `.dlq` topic, as written today or before letters had keys; None for a tombstone."""
    said = {name: (value or b"").decode(errors="replace") for name, value in message.headers or ()}
    if message.value is None and "dlq_reason" not in said:
        return None
    raw = dict(message.headers or ())
    topic = message.topic.removesuffix(DEAD_SUFFIX)
    group = said.get("dlq_group", "unknown")
    partition, offset = _number(said, "dlq_partition", message.partition), _number(said, "dlq_offset", message.offset)
    keyed = "dlq_time" in said
    value = None if said.get("dlq_value") in (_NO_VALUE, _TOO_LARGE) else message.value
    return Letter(
        topic=topic,
        id=f"{group}/{partition}/{offset}",
        group=group,
        partition=partition,
        offset=offset,
        reason=said.get("dlq_reason", "no reason was given"),
        kind=said.get("dlq_kind") or said.get("dlq_reason", "").partition(":")[0],
        attempts=_number(said, "dlq_attempts", 0),
        replays=_number(said, _REPLAYS, 0),
        at=_time(said.get("dlq_time", ""), message.timestamp),
        key=raw.get("dlq_key") if keyed else message.key,
        value=value,
        headers=[(name, content or b"") for name, content in message.headers or () if not name.startswith(_OURS)],
        whole=said.get("dlq_value") != _TOO_LARGE,
    )


def waiting(messages: Iterable[Any], known: Iterable[Letter] = ()) -> list[Letter]:
    """The letters that nobody has dealt with, in the order they came; `known` are those that waited before."""
    found = {letter.name: letter for letter in known}
    for message in messages:
        letter = read(message)
        if letter is None:
            ended = (message.key or b"").decode(errors="replace")
            found.pop(f"{message.topic.removesuffix(DEAD_SUFFIX)}/{ended}", None)
        else:  # one that was written twice stands where compaction would leave it
            found.pop(letter.name, None)
            found[letter.name] = letter
    return list(found.values())


def tombstone(letter: Letter, done: str) -> Message:
    """What ends the letter, saying what was done with it."""
    return f"{letter.topic}{DEAD_SUFFIX}", letter.id.encode(), None, [("dlq_done", done.encode())]


def replay(letter: Letter) -> Message:
    """The message anew, for the letter's group alone.

    On a compacted topic it has a key of its own: under the original one it would be the latest, and what is known of
    that key by now would be compacted away.
    """
    compacted = letter.topic in TOPICS and TOPICS[letter.topic].compacted
    key = f"replay/{letter.id}".encode() if compacted else letter.key
    marks = [(REPLAY_GROUP, letter.group.encode()), (_REPLAYS, str(letter.replays + 1).encode())]
    value = b"" if key is None and letter.value is None else letter.value  # the client sends no message of nothing
    return letter.topic, key, value, [*letter.headers, *marks]


def counted_as(kind: str) -> str:
    """The one of `REASONS` that the kind of a letter counts as."""
    return kind if kind in REASONS else REASONS[1]


def replayed_for(headers: Iterable[tuple[str, bytes]] | None) -> str | None:
    """The group that a message is replayed for; None when it is no replay."""
    for name, value in headers or ():
        if name == REPLAY_GROUP:
            return (value or b"").decode(errors="replace")
    return None


def _number(said: dict[str, str], name: str, otherwise: int) -> int:
    text = said.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 19 else otherwise


def _time(said: str, timestamp: int) -> datetime:
    try:
        return msgspec.convert(said, datetime).astimezone(UTC)
    except msgspec.ValidationError:
        return datetime.fromtimestamp(max(timestamp, 0) / 1000, UTC)
