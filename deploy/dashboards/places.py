"""Where each panel is: the dashboards' uids and their panels' ids, which alerts and people's links name.

A uid or an id that was once released is never given to something else: links out there would show the wrong thing.
"""

from enum import IntEnum
from typing import Final


class Live(IntEnum):
    """Panels of *Live sale*."""

    SHOWS = 1
    VIEWERS = 2
    ORDERS_A_MINUTE = 3
    TAKEN = 4
    OVERSOLD = 5
    ALERTS = 6
    VIEWERS_BY_CHANNEL = 10
    PLACED = 11
    REFUSED = 12
    STOCK = 13
    FIRST_ORDER = 14
    PLACE_LATENCY = 15
    PAYMENTS = 16
    LIVE_PAGES = 17
    PUSH_DELAY = 18
    WAITLIST = 19
    MISSED = 20
    FEATURING = 21


class Engine(IntEnum):
    """Panels of *Orders engine*."""

    PLACED = 1
    FAILED_SHARE = 2
    LATENCY_P99 = 3
    BATCH_MEAN = 4
    OVERSOLD = 5
    AUDITED = 6
    LATENCY = 10
    LATENCY_MAP = 11
    BATCH_SIZE = 12
    COMMITS = 13
    COMMIT_SECONDS = 14
    CONFLICTS = 15
    OUTCOMES = 17
    REFUSED = 18
    PAYMENT_OUTCOMES = 20
    PAYMENT_SECONDS = 21
    WEBHOOKS = 22
    PAYMENTS_FOUND = 23
    ASTRAY = 24
    REFUNDS_REFUSED = 25
    CANCELLED = 30
    WAITLIST = 31
    CHANNEL_DECLINED = 32


class Events(IntEnum):
    """Panels of *Events*."""

    LAG = 1
    AGE = 2
    OUTBOX = 3
    LETTERS = 4
    LAG_BY_TOPIC = 10
    AGE_BY_TOPIC = 11
    CONSUMED = 12
    HANDLING = 13
    PARTITIONS = 14
    REBALANCES = 15
    OUTBOX_WAITING = 20
    OUTBOX_AGE = 21
    PUBLISHED = 22
    OUTBOX_SWEPT = 23
    DEAD_LETTERED = 30
    LETTERS_WAITING = 31
    LETTERS_OLDEST = 32
    OUTAGES = 40


class Services(IntEnum):
    """Panels of *Services*: rate, errors, duration, and what they take."""

    UP = 1
    VERSIONS = 2
    REQUESTS = 10
    ERRORS = 11
    LATENCY = 12
    IN_FLIGHT = 13
    ROUTES = 14
    REFUSALS = 15
    CPU = 20
    MEMORY = 21
    FILES = 22
    RESTARTS = 23
    SCRAPES = 24


class Logistics(IntEnum):
    """Panels of *Logistics and notices*."""

    PACKED = 1
    OLDEST_PACKED = 2
    DUE = 3
    OLDEST_DUE = 4
    STEPS = 10
    OPEN = 11
    PACKED_AGE = 12
    COMPLETED = 13
    NOTICES = 20
    DELIVERIES = 21
    DELIVERY_DELAY = 22
    ATTEMPTS = 23
    DUE_AGE = 24
    LIVE_PAGES = 25
    IMPORTS = 30
    ALLOTTED = 31
    MISSED = 33


class Slos(IntEnum):
    """Panels of *Business SLOs*."""

    PLACE_SUCCESS = 1
    PLACE_LATENCY = 2
    EVENTS_FRESH = 3
    SUCCESS_BUDGET = 4
    LATENCY_BUDGET = 5
    OVERSOLD = 6
    FRESH_BUDGET = 7
    SUCCESS_BURN = 10
    LATENCY_BURN = 11
    FRESHNESS = 12
    FIRING = 13


Place = Live | Engine | Events | Services | Logistics | Slos

UIDS: Final[dict[type[IntEnum], str]] = {
    Live: "shanhuo-live-sale",
    Engine: "shanhuo-orders-engine",
    Events: "shanhuo-events",
    Services: "shanhuo-services",
    Logistics: "shanhuo-logistics",
    Slos: "shanhuo-slos",
}


def path(place: Place) -> str:
    """The panel's address below Grafana's, as an alert's `dashboard_url` says it: /d/shanhuo-events?viewPanel=10."""
    return f"/d/{UIDS[type(place)]}?viewPanel={place.value}"
