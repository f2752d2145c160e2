"""Cursors and the ring: a viewer who comes back misses nothing and sees nothing twice, on any replica; or is told
to start anew.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.notify.facts import NOON

from notify.live import Gone, Ring, decode, encode
from notify.shows import Ended, Moment

TOPICS = ("stream.started", "item.featured", "stream.ended", "allotment.closed")
PLACES = [(topic, part) for topic in TOPICS for part in range(2)]
BROKEN = ("x0.1", "f0", "f.1", "f0.x", "fx.1", "-", "f0.1-", "f0.1--s0.1", "1", "０", "f0.-1.", "f0.1-" * 2000)
places = st.tuples(st.sampled_from(TOPICS), st.integers(0, 9))
vectors = st.dictionaries(places, st.integers(0, 10**12))


def moment(name: str, show_id: str = "s1") -> Moment:
    return Moment(name, show_id, Ended(show_id=show_id, ended_at=NOON))


def ring_of(*reads: tuple[str, int, int], capacity: int = 1000) -> Ring:
    ring = Ring(capacity)
    for topic, partition, offset in reads:
        ring.add(topic, partition, offset, moment(f"{topic}/{partition}@{offset}"))
    return ring


def names(ring: Ring, cursor: str, show_id: str | None = None) -> list[str]:
    return [each.name for _, each in ring.since(cursor, show_id)]


@given(vectors)
def test_a_cursor_is_read_back_as_it_was_written(vector: Any) -> None:
    assert decode(encode(vector)) == vector


@pytest.mark.parametrize(
    "broken",
    BROKEN,
)
def test_a_cursor_of_somebody_else_is_no_cursor(broken: str) -> None:
    with pytest.raises(Gone):
        list(ring_of(("item.featured", 0, 0)).since(broken, None))


@given(
    reads=st.lists(st.sampled_from([(topic, part) for topic in TOPICS for part in range(2)]), max_size=30),
    cut=st.integers(0, 30),
)
def test_who_comes_back_gets_exactly_what_came_since_on_any_replica(reads: list[tuple[str, int]], cut: int) -> None:
    """One replica reads in the order given, the other one topic after the other; both continue the first one's
    cursor alike.
    """
    offsets: dict[tuple[str, int], int] = {}
    all_reads = []
    for place in reads:
        offsets[place] = offsets.get(place, -1) + 1
        all_reads.append((*place, offsets[place]))
    cursor = ring_of(*all_reads[:cut]).cursor
    missed = {f"{topic}/{partition}@{offset}" for topic, partition, offset in all_reads[cut:]}
    for ring in (ring_of(*all_reads), ring_of(*sorted(all_reads))):
        came = names(ring, cursor)
        assert len(came) == len(missed)
        assert set(came) == missed


@given(
    reads=st.lists(st.sampled_from([(topic, part) for topic in TOPICS for part in range(2)]), min_size=1, max_size=20),
    stop=st.integers(0, 19),
)
def test_every_replayed_moment_can_itself_be_continued_from(reads: list[tuple[str, int]], stop: int) -> None:
    offsets: dict[tuple[str, int], int] = {}
    ring = Ring()
    for place in reads:
        offsets[place] = offsets.get(place, -1) + 1
        ring.add(*place, offsets[place], moment(f"{place}@{offsets[place]}"))
    replay = list(ring.since("0", None))
    cursor, _ = replay[min(stop, len(replay) - 1)]
    assert names(ring, cursor) == [each.name for _, each in replay[min(stop, len(replay) - 1) + 1 :]]
    assert replay[-1][0] == ring.cursor


def test_what_was_read_and_not_told_moves_the_cursor_on() -> None:
    ring = ring_of(("item.featured", 0, 0))
    ring.add("item.featured", 0, 1, None)
    assert ring.cursor == "f0.1"
    assert names(ring, "f0.1") == []


def test_orders_are_not_part_of_a_cursor() -> None:
    ring = ring_of(("item.featured", 0, 0), ("order.placed", 0, 77))
    assert ring.cursor == "f0.0"


def test_a_viewer_of_one_show_gets_that_show_alone_and_still_a_whole_cursor() -> None:
    ring = Ring()
    ring.add("item.featured", 0, 0, moment("mine", "s1"))
    ring.add("item.featured", 0, 1, moment("theirs", "s2"))
    ring.add("stream.ended", 1, 0, moment("mine too", "s1"))
    assert [(cursor, each.name) for cursor, each in ring.since("0", "s1")] == [
        ("f0.0", "mine"),
        ("f0.1-e1.0", "mine too"),
    ]


def test_a_cursor_older_than_what_is_kept_is_gone() -> None:
    ring = ring_of(*(("item.featured", 0, offset) for offset in range(5)), capacity=3)
    assert len(names(ring, "f0.1")) == 3
    for old in ("f0.0", "0"):
        with pytest.raises(Gone, match="older"):
            ring.since(old, None)


def test_a_replica_that_began_to_read_later_does_not_pretend_to_know_what_was_before() -> None:
    ring = ring_of(("item.featured", 0, 100), ("item.featured", 0, 101))
    assert names(ring, "f0.99") == ["item.featured/0@100", "item.featured/0@101"]
    with pytest.raises(Gone, match="older"):
        ring.since("f0.98", None)


def test_a_cursor_ahead_of_this_replica_is_gone() -> None:
    """The topics were made anew, or this replica still reads: the whole state is the only honest answer."""
    ring = ring_of(("item.featured", 0, 3))
    for ahead in ("f0.4", "f0.3-f1.0"):
        with pytest.raises(Gone, match="ahead"):
            ring.since(ahead, None)


def test_a_topic_that_was_made_anew_is_continued_anew() -> None:
    ring = ring_of(*(("item.featured", 0, offset) for offset in range(9)))
    ring.add("item.featured", 0, 0, moment("anew"))
    ring.add("item.featured", 0, 1, moment("and on"))
    assert names(ring, "f0.0") == ["and on"]
    with pytest.raises(Gone, match="ahead"):
        ring.since("f0.8", None)
