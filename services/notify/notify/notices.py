"""Notices, and the subscriptions that send them on: pure. Makes of each telling one notice, once per recipient and
event.

A notice keeps its figures, not its words: it is read in the reader's language and sent in the subscriber's.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from contracts.codec import Event
from notify.deliveries import Delivery, planned
from notify.domain import Kind, Language, Telling, tell


class Address(msgspec.Struct, frozen=True):
    """Where a subscriber wants notices sent. The URL is a secret; the id is not."""

    id: str
    url: str


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipient wants sent, in which language and where to. No kinds means all, those that come later too."""

    recipient: str
    kinds: tuple[Kind, ...] = ()
    language: Language = "zh"
    addresses: tuple[Address, ...] = ()
    updated_at: datetime

    def wants(self, kind: Kind) -> bool:
        """Whether notices of this kind are to be sent."""
        return not self.kinds or kind in self.kinds

    def url(self, url_id: str) -> str | None:
        """The address with this id, if the recipient still has it."""
        return next((address.url for address in self.addresses if address.id == url_id), None)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A message to one recipient about one event."""

    id: str
    recipient: str
    kind: Kind
    params: dict[str, Any]
    event_id: str
    created_at: datetime
    deliveries: tuple[Delivery, ...] = ()
    traceparent: str | None = None  # what it was written in, where that was traced


class Told(NamedTuple):
    """A telling and the event it comes from."""

    event: Event
    telling: Telling


def all_told(events: Iterable[Event]) -> list[Told]:
    """Every telling of the events."""
    return [Told(event, telling) for event in events for telling in tell(event)]


def compose(told: Iterable[Told], subscriptions: Mapping[str, Subscription], now: datetime) -> list[Notice]:
    """The notices, with a delivery due to each address of those who subscribed to the kind."""
    return [_notice(event, telling, subscriptions.get(telling.recipient), now) for event, telling in told]


def _notice(event: Event, telling: Telling, subscription: Subscription | None, now: datetime) -> Notice:
    wanted = subscription.addresses if subscription and subscription.wants(telling.kind) else ()
    return Notice(
        id=notice_id(event, telling),
        recipient=telling.recipient,
        kind=telling.kind,
        params=dict(telling.params),
        event_id=event.id,
        created_at=now,
        deliveries=planned((address.id for address in wanted), now),
        traceparent=event.traceparent,
    )


def notice_id(event: Event, telling: Telling) -> str:
    """The notice's id, the same however often the event comes: a UUID, in version 7's form, of the event's time
    and a digest.
    """
    digest = hashlib.sha256(f"{event.id}\n{telling.recipient}\n{telling.kind}".encode()).digest()
    number = (int(event.time.timestamp() * 1000) << 80) | int.from_bytes(digest[:10], "big")
    number = number & ~(0xF << 76) | (0x7 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    return str(UUID(int=number))


def subscribed(
    recipient: str, kinds: Iterable[Kind], language: Language, urls: Iterable[str], now: datetime
) -> Subscription:
    """The subscription as asked for. The same URL keeps its id, so deliveries under way to it go on."""
    addresses = tuple(Address(_url_id(recipient, url), url) for url in dict.fromkeys(urls))
    return Subscription(
        recipient=recipient, kinds=tuple(dict.fromkeys(kinds)), language=language, addresses=addresses, updated_at=now
    )


def _url_id(recipient: str, url: str) -> str:
    return hashlib.sha256(f"{recipient}\n{url}".encode()).hexdigest()[:16]
