"""Takes the recording of a show from what was said on the topics. Buyers get made-up names, under a key that is thrown
away: nobody can find out from two recordings, or from one and the database, who it was.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from contracts.codec import Event, Undecodable, decode
from contracts.events import (
    AudienceSampled,
    Fact,
    ItemFeatured,
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    StreamEnded,
    StreamStarted,
    event_type,
)
from load.recording import Cancelled, Ended, Featured, Paid, Placed, Row, Sampled, Started

_KINDS: Final[tuple[type[Fact], ...]] = (
    StreamStarted, ItemFeatured, OrderPlaced, OrderPaid, OrderCancelled, AudienceSampled, StreamEnded,
)  # fmt: skip
TOPICS: Final = tuple(event_type(kind).name for kind in _KINDS)


class NotRecorded(Exception):
    """There is no such show on the topics, or not all of it; the text says which."""


def events(messages: Iterable[Any]) -> Iterator[Event]:
    """The events in these messages, each once; what cannot be decoded is somebody's dead letter, and not the show's."""
    seen: set[str] = set()
    for message in messages:
        try:
            event = decode(message.headers or (), message.value)
        except Undecodable:
            continue
        if event.id not in seen:
            seen.add(event.id)
            yield event


def shows(told: Iterable[Event]) -> dict[str, str]:
    """The shows that ended: their ids, and when and under which programme each was live."""
    return {
        event.data.show_id: f"{event.data.started_at:%Y-%m-%d %H:%M} {event.data.programme}"
        + (" (rehearsal)" if event.data.rehearsal else "")
        for event in told
        if isinstance(event.data, StreamEnded)
    }


def recording(told: Iterable[Event], show_id: str, secret: bytes) -> list[Row]:
    """The show's rows. `secret` makes the names. Raises `NotRecorded`."""
    facts = [event.data for event in told if getattr(event.data, "show_id", None) == show_id]
    started = next((fact for fact in facts if isinstance(fact, StreamStarted)), None)
    if started is None or not any(isinstance(fact, StreamEnded) for fact in facts):
        raise NotRecorded(f"{show_id} has not {'ended' if started else 'started'}, as far as the topics tell")
    return _Scribe(started, secret).rows(facts)


class _Scribe:
    def __init__(self, started: StreamStarted, secret: bytes) -> None:
        self._started = started
        self._secret = secret
        self._orders: dict[str, int] = {}

    def rows(self, facts: list[Fact]) -> list[Row]:
        """In the order in which it happened; at the same moment, as the show goes: on screen, placed, paid, ended."""
        live = [fact for fact in facts if _moment(fact) >= self._started.started_at or fact is self._started]
        live.sort(key=lambda fact: (_moment(fact), _KINDS.index(type(fact))))
        end = next(_moment(fact) for fact in live if isinstance(fact, StreamEnded))
        rows = (self._row(fact) for fact in live if _moment(fact) <= end)
        return [row for row in rows if row is not None]

    def _row(self, fact: Fact) -> Row | None:
        at = round((_moment(fact) - self._started.started_at).total_seconds(), 3)
        match fact:
            case StreamStarted():
                return Started(at=at, show=fact.show, programme=fact.programme)
            case ItemFeatured():
                return _featured(fact, at)
            case AudienceSampled():
                return Sampled(at=at, channel=fact.channel, viewers=fact.viewers)
            case OrderPlaced():
                return self._placed(fact, at)
            case OrderPaid() if fact.order_id in self._orders:
                return Paid(at=at, order=self._orders[fact.order_id])
            case OrderCancelled() if fact.order_id in self._orders:
                return Cancelled(at=at, order=self._orders[fact.order_id], reason=fact.reason)
            case StreamEnded():
                return Ended(at=at)
            case _:
                return None

    def _placed(self, fact: OrderPlaced, at: float) -> Row | None:
        if fact.imported or fact.slot is None:
            return None
        number = self._orders[fact.order_id] = len(self._orders) + 1
        who = hmac.new(self._secret, fact.buyer_id.encode(), hashlib.sha256).hexdigest()[:12]
        return Placed(at=at, order=number, who=f"r-{who}", slot=fact.slot, channel=fact.channel, quantity=fact.quantity)


def _featured(fact: ItemFeatured, at: float) -> Featured:
    return Featured(
        at=at,
        slot=fact.slot,
        county=fact.county,
        sku=fact.sku,
        channels=tuple(fact.channels),
        offered=fact.offered,
        limit=fact.per_buyer_limit or fact.offered,
        window_seconds=(fact.closes_at - fact.opens_at).total_seconds(),
    )


_MOMENTS: Final = ("placed_at", "paid_at", "cancelled_at", "opens_at", "sampled_at", "ended_at", "started_at")


def _moment(fact: Fact) -> datetime:
    """When it happened; of a show's end, its end."""
    moment: datetime = next(getattr(fact, name) for name in _MOMENTS if getattr(fact, name, None) is not None)
    return moment
