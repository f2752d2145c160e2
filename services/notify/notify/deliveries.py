"""How often and when a notice is tried to be sent: pure rules. Knows no database, no network, no clock and no dice
of its own.

Each delivery is one notice to one address. It is tried until one try succeeds or the tries are used up; the count
is kept with the notice, so a restart goes on where the last process was.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

State = Literal["due", "sent", "failed"]
LEASE: Final = timedelta(seconds=60)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One notice to one address: how far it is. `next_at` is set while it is due."""

    url_id: str
    state: State = "due"
    attempts: int = 0
    next_at: datetime | None = None


class Retries(NamedTuple):
    """How patient we are: the tries in all, and the shortest and longest wait between two."""

    attempts: int
    first: timedelta
    most: timedelta


def planned(url_ids: Iterable[str], now: datetime) -> tuple[Delivery, ...]:
    """Deliveries to each address, due at once."""
    return tuple(Delivery(url_id=url_id, next_at=now) for url_id in url_ids)


def attempted(delivery: Delivery, *, sent: bool, now: datetime, luck: float, retries: Retries) -> Delivery:
    """The delivery after a try. `luck` in [0, 1) spreads the next one over the upper half of the wait, lest all
    come at once.
    """
    attempts = delivery.attempts + 1
    if sent:
        return msgspec.structs.replace(delivery, state="sent", attempts=attempts, next_at=None)
    if attempts >= retries.attempts:
        return msgspec.structs.replace(delivery, state="failed", attempts=attempts, next_at=None)
    wait = min(retries.most, retries.first * 2 ** min(attempts - 1, 30))
    return msgspec.structs.replace(delivery, attempts=attempts, next_at=now + wait * (0.5 + luck / 2))


def abandoned(delivery: Delivery) -> Delivery:
    """The delivery when its address is no longer the recipient's: it will not be tried again."""
    return msgspec.structs.replace(delivery, state="failed", next_at=None)


def due_at(deliveries: Iterable[Delivery]) -> datetime | None:
    """When the next of them is to be tried; None when nothing is left to do."""
    return min((delivery.next_at for delivery in deliveries if delivery.next_at is not None), default=None)


def is_due(delivery: Delivery, now: datetime) -> bool:
    """Whether it is to be tried now."""
    return delivery.state == "due" and delivery.next_at is not None and delivery.next_at <= now
