"""Notices and subscriptions as their owners see them: words in the reader's language, addresses masked. Reads only
what it is given.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from chassis.http import Paging
from notify.deliveries import State
from notify.domain import Kind, Language
from notify.notices import Notice, Subscription
from notify.texts import speak

Mask = Callable[[str], str]


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Whose subscription is meant."""

    recipient: str | None = None


class ListNotices(Paging, frozen=True, kw_only=True):
    """Which notices are asked for."""

    recipient: str | None = None


class AddressView(msgspec.Struct, frozen=True):
    """An address without what opens it."""

    id: str
    masked: str


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as its owner sees it again."""

    recipient: str
    kinds: list[Kind] | str
    language: Language
    addresses: list[AddressView]
    updated_at: datetime


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """How far the sending to one address is."""

    address: str
    state: State
    attempts: int
    next_at: datetime | None


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """A notice in words."""

    id: str
    recipient: str
    kind: Kind
    language: Language
    title: str
    text: str
    event_id: str
    created_at: datetime
    deliveries: list[DeliveryView]


def notice_view(notice: Notice, language: Language) -> NoticeView:
    """The notice in the language; a delivery's address is named by its id alone."""
    said = speak(notice.kind, notice.params, language)
    return NoticeView(
        id=notice.id,
        recipient=notice.recipient,
        kind=notice.kind,
        language=language,
        title=said.title,
        text=said.text,
        event_id=notice.event_id,
        created_at=notice.created_at,
        deliveries=[
            DeliveryView(address=each.url_id, state=each.state, attempts=each.attempts, next_at=each.next_at)
            for each in notice.deliveries
        ],
    )


def subscription_view(subscription: Subscription, mask: Mask) -> SubscriptionView:
    """The subscription with its addresses masked."""
    return SubscriptionView(
        recipient=subscription.recipient,
        kinds=list(subscription.kinds) or "all",
        language=subscription.language,
        addresses=[AddressView(address.id, mask(address.url)) for address in subscription.addresses],
        updated_at=subscription.updated_at,
    )
