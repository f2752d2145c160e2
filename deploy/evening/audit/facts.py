"""Checks of the facts themselves: their order, outboxes, dead letters, and how money, mass, time are written. Pure."""

import re
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final

import msgspec

from contracts.events import OrderCancelled, OrderPaid, OrderPlaced, OrderReturned
from evening.audit.check import Check, Findings
from evening.audit.records import Evidence, Stray
from evening.audit.topics import Said

_WHOLE: Final = ("_fen", "_g")
_TIMES: Final = ("_at", "pay_by", "time")
_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


def order_of_facts(evidence: Evidence) -> Check:
    """An aggregate's events ascend on every topic, none is missing, and a later one never happened earlier."""
    found = Findings("order-of-facts")
    lives: dict[str, dict[int, Said]] = defaultdict(dict)
    partitions: dict[tuple[str, str], set[int]] = defaultdict(set)
    last: dict[tuple[str, str], int] = {}
    for message in evidence.topics.distinct():
        event = message.event
        life = lives[f"{event.source} {event.subject}"]
        found.expect(event.sequence not in life, f"{event.id}: number {event.sequence} of {event.subject} is taken")
        life[event.sequence] = message
        partitions[message.topic, message.key].add(message.partition)
        here = message.topic, event.subject
        found.expect(
            event.sequence > last.get(here, 0), f"{event.id} stands after number {last.get(here)} on {message.topic}"
        )
        last[here] = event.sequence
    for (topic, key), where in partitions.items():
        found.expect(len(where) == 1, f"{key} is on {len(where)} partitions of {topic}")
    for subject_name, life in lives.items():
        _expect_life(found, subject_name, life, timedelta(seconds=evidence.told.skew_seconds))
    _expect_told_whole(found, evidence)
    found.figure(aggregates=len(lives), events=sum(map(len, lives.values())))
    return found.check()


def outboxes_empty(evidence: Evidence) -> Check:
    """Everything that was to be said was said and taken out of its document, and no document has work left to do."""
    found = Findings("outboxes-empty")
    for collection, number in evidence.unpublished.items():
        found.expect(number == 0, f"{number} documents of {collection} hold events that nobody published")
    for what, number in evidence.unsettled.items():
        found.expect(number == 0, f"{number} documents still owe {what}")
    found.figure(collections=len(evidence.unpublished), unpublished=sum(evidence.unpublished.values()))
    found.figure(unsettled=sum(evidence.unsettled.values()))
    return found.check()


def dead_letters(evidence: Evidence) -> Check:
    """No consumer set anything aside, and nothing on the topics is unreadable."""
    found = Findings("dead-letters")
    found.expect(evidence.topics.said, "the topics are empty")
    for stray in evidence.topics.dead:
        found.expect(False, f"{stray.topic} {stray.partition}:{stray.offset}: {stray.reason}")
    for stray in evidence.topics.undecodable:
        found.expect(False, f"{stray.topic} {stray.partition}:{stray.offset} cannot be decoded: {stray.reason}")
    found.figure(dead=len(evidence.topics.dead), undecodable=len(evidence.topics.undecodable))
    return found.check()


def whole_numbers(evidence: Evidence) -> Check:
    """Money and mass are integers and times are UTC, in every document and in every message."""
    found = Findings("money-and-mass-are-integers")
    found.expect(evidence.documents, "the databases are empty")
    for stray in evidence.strays:
        found.expect(False, f"{stray.where} is {stray.what}")
    numbers = evidence.numbers
    for message in evidence.topics.said:
        strays, looked = scan(msgspec.json.decode(message.value), message.event.id)
        numbers += looked
        for stray in strays:
            found.expect(False, f"{stray.where} is {stray.what}")
    found.expect(numbers, "there is no money, mass or time anywhere")
    found.figure(documents=sum(evidence.documents.values()), messages=len(evidence.topics.said), values=numbers)
    return found.check()


def scan(value: Any, where: str, name: str = "") -> tuple[list[Stray], int]:
    """Whatever breaks the rules inside a document or message, and how many values were judged."""
    if isinstance(value, dict):
        parts = [scan(inner, f"{where}.{key}", str(key)) for key, inner in value.items()]
    elif isinstance(value, list | tuple):
        parts = [scan(inner, where, name) for inner in value]
    else:
        return _judge(value, where, name)
    return [stray for strays, _ in parts for stray in strays], sum(looked for _, looked in parts)


def _judge(value: Any, where: str, name: str) -> tuple[list[Stray], int]:
    if value is None:
        return [], 0
    if name.endswith(_WHOLE):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return ([] if whole else [Stray(where=where, what=f"{value!r}, not an integer")]), 1
    if name.endswith(_TIMES) and isinstance(value, str):
        return ([] if _UTC.fullmatch(value) else [Stray(where=where, what=f"{value!r}, not a time in UTC")]), 1
    return [], 0


def _expect_life(found: Findings, subject: str, life: dict[int, Said], skew: timedelta) -> None:
    """Numbers may leave gaps, for a write without an event counts too; but a higher one is never older.

    Where clocks are known to differ, two replicas may tell the time differently, by no more than that.
    """
    numbers = sorted(life)
    found.expect(numbers[0] >= 1, f"{subject}: its events are numbered from {numbers[0]}")
    times = [life[number].event.time for number in numbers]
    ascending = all(later >= earlier - skew for earlier, later in pairwise(times))
    found.expect(ascending, f"{subject}: a later event happened earlier")


def _expect_told_whole(found: Findings, evidence: Evidence) -> None:
    """What an order's document says has happened was said on the topics, and as often."""
    said = Counter((type(message.event.data), message.event.subject) for message in evidence.topics.distinct())
    last: dict[str, int] = defaultdict(int)
    for message in evidence.topics.distinct():
        last[message.event.subject] = max(last[message.event.subject], message.event.sequence)
    for order in evidence.orders:
        happened = {
            OrderPlaced: 1,
            OrderPaid: int(order.paid),
            OrderCancelled: int(not order.live),
            OrderReturned: order.returns,
        }
        for kind, times in happened.items():
            number = said[kind, order.order_id]
            found.expect(
                number == times, f"{order.order_id}: {kind.__name__} was said {number} times, it happened {times} times"
            )
        found.expect(
            order.version >= last[order.order_id],
            f"{order.order_id}: is at {order.version}, {last[order.order_id]} was said",
        )
