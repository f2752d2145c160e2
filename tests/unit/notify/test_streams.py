"""Open streams: what a browser is sent first, what it is sent next, and how it is let go."""

import json
from typing import Any

import pytest
from tests.scraped import here, value
from tests.unit.notify.facts import NOON, event

from chassis.fanout import Delivery
from chassis.refusals import Unavailable
from contracts import metrics as declared
from contracts.codec import Event
from contracts.events import AllotmentClosed, ItemFeatured, OrderPlaced, StreamStarted
from notify.settings import NotifySettings
from notify.streams import LivePages, Stream

NEEDED = {"kafka_bootstrap_servers": "k", "mongodb_uri": "m", "oidc_issuer": "http://i"}


class Topics:
    """Gives each event its place on a topic of one partition."""

    def __init__(self, *pages: LivePages) -> None:
        self._pages = pages
        self._ends: dict[str, int] = {}

    def publish(self, said: Event) -> None:
        offset = self._ends[said.type] = self._ends.get(said.type, -1) + 1
        for page in self._pages:
            page.take(Delivery(said, said.type, 0, offset))


def pages(**settings: Any) -> LivePages:
    return LivePages(NotifySettings(**NEEDED, **{"live_heartbeat_seconds": 0.001, **settings}))


def read(stream: Stream) -> list[tuple[str | None, str, Any]]:
    """What is there to read now, as (id, event, data)."""
    events = []
    for chunk in stream:
        if chunk.startswith(b":"):
            break
        fields = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n"))
        if "event" in fields:
            events.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
    return events


def kinds(stream: Stream) -> list[str]:
    return [name for _, name, _ in read(stream)]


def test_a_fresh_browser_gets_the_whole_state_and_then_what_happens() -> None:
    live = pages()
    topics = Topics(live)
    topics.publish(event(StreamStarted))
    stream = live.open("", None, NOON)
    ((cursor, name, state),) = read(stream)
    assert (name, cursor, state["now"]) == ("snapshot", "s0.0", "2018-12-03T12:00:00Z")
    assert [show["show_id"] for show in state["shows"]] == ["s1"]
    topics.publish(event(ItemFeatured))
    ((cursor, name, item),) = read(stream)
    assert (name, cursor, item["live_price_fen"]) == ("item.featured", "f0.0-s0.0", 3990)


def test_a_browser_that_comes_back_to_another_replica_misses_nothing_and_sees_nothing_twice() -> None:
    one, other = pages(), pages()
    topics = Topics(one, other)
    topics.publish(event(StreamStarted))
    first = one.open("", None, NOON)
    topics.publish(event(ItemFeatured))
    seen = read(first)
    topics.publish(event(ItemFeatured, sequence=3, slot=2))
    topics.publish(event(AllotmentClosed))
    second = other.open(str(seen[-1][0]), None, NOON)
    assert kinds(second) == ["item.featured", "allotment.closed"]
    topics.publish(event(ItemFeatured, sequence=4, slot=3))
    assert kinds(second) == ["item.featured"]


def test_a_browser_that_comes_back_is_told_the_totals_of_now() -> None:
    live = pages()
    topics = Topics(live)
    topics.publish(event(StreamStarted))
    cursor = read(live.open("", None, NOON))[0][0]
    topics.publish(event(OrderPlaced))
    live.tick()
    ((no_cursor, name, total),) = read(live.open(str(cursor), None, NOON))
    assert (no_cursor, name, total["units"]) == (None, "tick", 2)


@pytest.mark.parametrize("cursor", ["nonsense", "f0.999", "f7.1"])
def test_a_browser_that_cannot_be_continued_starts_anew(cursor: str) -> None:
    live = pages()
    Topics(live).publish(event(StreamStarted))
    stream = live.open(cursor, None, NOON)
    ((_, name, state),) = read(stream)
    assert (name, len(state["shows"])) == ("reset", 1)


def test_a_browser_of_one_show_hears_of_no_other() -> None:
    live = pages()
    stream = live.open("", "s2", NOON)
    read(stream)
    topics = Topics(live)
    topics.publish(event(StreamStarted))
    topics.publish(event(StreamStarted, show_id="s2"))
    assert [told["show_id"] for _, _, told in read(stream)] == ["s2"]


def test_how_long_an_event_takes_to_each_browser_is_told_and_totals_are_not_in_it() -> None:
    live = pages()
    streams = [live.open("", None, NOON) for _ in range(2)]
    before = value(here(), declared.LIVE_PUSH_DELAY, "_count") or 0
    Topics(live).publish(event(StreamStarted))
    assert value(here(), declared.LIVE_PUSH_DELAY, "_count") == before, "it is queued, and not sent"
    for stream in streams:
        read(stream)
    assert value(here(), declared.LIVE_PUSH_DELAY, "_count") == before + 2
    Topics(live).publish(event(OrderPlaced))
    live.tick()
    assert kinds(streams[0]) == ["tick"]
    assert value(here(), declared.LIVE_PUSH_DELAY, "_count") == before + 2


def test_a_browser_too_slow_to_read_is_let_go_and_the_others_go_on() -> None:
    live = pages()
    dropped = value(here(), declared.LIVE_STREAMS_DROPPED) or 0
    topics = Topics(live)
    slow, quick = live.open("", None, NOON), live.open("", None, NOON)
    for number in range(300):
        topics.publish(event(StreamStarted, show_id=f"s{number}"))
        read(quick)
    assert value(here(), declared.LIVE_STREAMS_DROPPED) == dropped + 1
    read(slow)
    with pytest.raises(StopIteration):
        next(slow)
    topics.publish(event(ItemFeatured))
    assert kinds(quick) == ["item.featured"]


def test_the_streams_end_when_the_service_stops() -> None:
    live = pages()
    stream = live.open("", None, NOON)
    live.stop()
    assert kinds(stream) == ["snapshot"]
    with pytest.raises(StopIteration):
        next(stream)


def test_one_browser_too_many_is_told_to_try_again_until_another_leaves() -> None:
    live = pages(live_streams_most=1)
    first = live.open("", None, NOON)
    with pytest.raises(Unavailable):
        live.open("", None, NOON)
    first.close()
    live.open("", None, NOON)


def test_a_rehearsal_is_not_on_air() -> None:
    live = pages()
    stream = live.open("", None, NOON)
    read(stream)
    topics = Topics(live)
    for cls in (StreamStarted, ItemFeatured, OrderPlaced, AllotmentClosed):
        topics.publish(event(cls, rehearsal=True))
    live.tick()
    assert read(stream) == []
