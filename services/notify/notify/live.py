"""Where a viewer is in the stream of live events, and how to go on from there: cursors and the ring of recent
moments. Pure.

A cursor is the last offset seen of every partition of the live topics, so it means the same to every replica and
after every restart. Totals of orders are not part of it: a tick says all there is so far, so a missed one is
mended by the next. Where a cursor cannot be continued exactly, the answer is `Gone`, and the viewer gets the whole
state anew instead.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from notify.shows import Moment

Place = tuple[str, int]
Vector = dict[Place, int]
_LETTERS: Final = {"stream.started": "s", "item.featured": "f", "stream.ended": "e", "allotment.closed": "c"}
_TOPICS: Final = {letter: topic for topic, letter in _LETTERS.items()}
_NONE: Final = "0"
_LONGEST: Final = 4_096


class Gone(Exception):
    """The cursor is unreadable, too old, or ahead of what this replica knows: start from the whole state."""


class Kept(NamedTuple):
    """A moment and where it was on its topic."""

    place: Place
    offset: int
    moment: Moment


def encode(vector: Mapping[Place, int]) -> str:
    """`f0.12-s2.7`: item.featured, partition 0, offset 12, and so on."""
    return (
        "-".join(f"{_LETTERS[topic]}{partition}.{offset}" for (topic, partition), offset in sorted(vector.items()))
        or _NONE
    )


def decode(cursor: str) -> Vector:
    """The inverse of `encode`. Raises `Gone` for anything else."""
    if cursor == _NONE:
        return {}
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise Gone("no cursor of ours")
    try:
        return dict(_part(part) for part in cursor.split("-"))
    except (KeyError, ValueError, IndexError) as broken:
        raise Gone("no cursor of ours") from broken


def _part(part: str) -> tuple[Place, int]:
    place, _, offset = part.partition(".")
    return (_TOPICS[place[0]], int(place[1:])), int(offset)


class Ring:
    """The last `capacity` moments, and how far each partition was read."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._capacity = capacity
        self._kept: deque[Kept] = deque()
        self._read: Vector = {}
        self._floor: Vector = {}

    def add(self, topic: str, partition: int, offset: int, moment: Moment | None) -> None:
        """Note that the offset was read, and keep its moment if there was something to tell. Topics outside
        cursors are not noted.
        """
        if topic not in _LETTERS:
            return
        place = (topic, partition)
        if offset < self._read.get(place, -1):
            self._forget(place)
        self._floor.setdefault(place, offset - 1)
        self._read[place] = offset
        if moment is not None:
            self._kept.append(Kept(place, offset, moment))
            if len(self._kept) > self._capacity:
                oldest = self._kept.popleft()
                self._floor[oldest.place] = oldest.offset

    @property
    def cursor(self) -> str:
        """Where a viewer is who has seen everything up to now."""
        return encode(self._read)

    def since(self, cursor: str, show_id: str | None) -> Iterator[tuple[str, Moment]]:
        """The moments after the cursor, each with its own cursor, of the one show if given. Raises `Gone` at once
        if they are not all here.
        """
        seen = decode(cursor)
        self._continuable(seen)
        return self._after(seen, show_id)

    def _forget(self, place: Place) -> None:
        """The topic was made anew and counts from the start again: what is kept of the old one would be taken for
        its future.
        """
        self._kept = deque(kept for kept in self._kept if kept.place != place)
        del self._floor[place]

    def _continuable(self, seen: Vector) -> None:
        if any(offset > self._read.get(place, -1) for place, offset in seen.items()):
            raise Gone("ahead of this replica")
        if any(floor > seen.get(place, -1) for place, floor in self._floor.items()):
            raise Gone("older than what is kept")

    def _after(self, seen: Vector, show_id: str | None) -> Iterator[tuple[str, Moment]]:
        for place, offset, moment in _copy(self._kept):
            if offset > seen.get(place, -1):
                seen[place] = offset
                if show_id in (None, moment.show_id):
                    yield encode(seen), moment


def _copy(kept: Iterable[Kept]) -> tuple[Kept, ...]:
    """What is sent takes a while; the ring goes on meanwhile."""
    return tuple(kept)
