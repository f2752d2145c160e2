"""Everything that was said on the topics, read from the beginning by a consumer of no group. Judges nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

from chassis.deadletters import letters
from contracts.codec import Event, Undecodable, decode
from contracts.events import EVENTS, Fact, event_type
from contracts.topics import DEAD_SUFFIX
from stack.reading import messages

Reading = Callable[[int], object]
F = TypeVar("F", bound=Fact)
_POLL_MS = 200
_QUIET = 3
_QUIET_POLLS = 3


class Said(NamedTuple):
    """An event where it stands on its topic."""

    topic: str
    partition: int
    offset: int
    key: str
    event: Event
    value: bytes


class Stray(NamedTuple):
    """A message that should not be there: where one stood that is a dead letter, or one that nobody can decode."""

    topic: str
    partition: int
    offset: int
    reason: str


class Topics:
    """All messages in the order of their partitions, and the same facts without their copies."""

    def __init__(self, said: Iterable[Said], dead: Iterable[Stray] = (), undecodable: Iterable[Stray] = ()) -> None:
        self.said = list(said)
        self.dead = list(dead)
        self.undecodable = list(undecodable)
        self._facts: dict[str, list[Said]] = defaultdict(list)
        seen: set[str] = set()
        for message in self.said:
            if message.event.id not in seen:
                seen.add(message.event.id)
                self._facts[message.topic].append(message)

    def events(self, kind: type[Fact]) -> list[Event]:
        """The distinct events of a type."""
        return [message.event for message in self._facts[event_type(kind).name]]

    def facts(self, kind: type[F]) -> list[F]:
        """What the distinct events of a type say."""
        return [cast(F, event.data) for event in self.events(kind)]

    def distinct(self) -> Iterator[Said]:
        """Every event once, where it stood first on its topic."""
        for said in self._facts.values():
            yield from said

    def totals(self) -> dict[str, dict[str, int]]:
        """Messages and distinct events of every topic, as any other client would count them."""
        messages: dict[str, int] = dict.fromkeys(sorted(EVENTS), 0)
        for message in self.said:
            messages[message.topic] += 1
        return {topic: {"messages": number, "events": len(self._facts[topic])} for topic, number in messages.items()}


def read(kafka: str, *, progress: Reading = lambda _: None) -> Topics:
    """Read every topic of ours and its dead letters to the end that it has now."""
    ours = {name for topic in EVENTS for name in (topic, f"{topic}{DEAD_SUFFIX}")}
    return told(messages(kafka, ours, progress))


def told(read: Iterable[Any]) -> Topics:
    """These messages, whoever read them.

    A dead letter counts while it waits, once. A replay of one says to a group what was said to all before: it is no
    message of its own, nor would it stand in the order of its facts.
    """
    said, dead, undecodable = [], [], []
    for message in read:
        where = (message.topic, message.partition, message.offset)
        if message.topic.endswith(DEAD_SUFFIX):
            dead.append(message)
            continue
        if letters.replayed_for(message.headers) is not None:
            continue
        try:
            event = decode(message.headers or (), message.value)
            said.append(Said(*where, (message.key or b"").decode(), event, message.value))
        except Undecodable as broken:
            undecodable.append(Stray(*where, str(broken)))
    said.sort(key=lambda message: (message.topic, message.partition, message.offset))
    return Topics(said, map(_stray, letters.waiting(dead)), undecodable)


def _stray(letter: letters.Letter) -> Stray:
    return Stray(f"{letter.topic}{DEAD_SUFFIX}", letter.partition, letter.offset, f"{letter.id}: {letter.reason}")
