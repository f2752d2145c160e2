"""Every metric name, label and unit of the system in one place: what dashboards, alerts and code agree on.

Declarations only; the chassis makes prometheus-client objects of them. Names follow Prometheus: base units, `_total`
for counters, `_seconds` for times. Labels are bounded: never an order, a buyer or an item.
"""

from typing import Final, Literal, NamedTuple


class Metric(NamedTuple):
    """A metric as declared: its name, what it counts and in which unit, its labels, and for histograms its buckets."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_LATENCY: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BATCH: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)

# chassis
HTTP_REQUEST_SECONDS: Final = Metric(
    "http_request_duration_seconds",
    "histogram",
    "Time to answer a request.",
    ("service", "method", "route", "status"),
    _LATENCY,
)
HTTP_IN_FLIGHT: Final = Metric("http_requests_in_flight", "gauge", "Requests being answered now.", ("service",))
EVENTS_CONSUMED: Final = Metric("events_consumed_total", "counter", "Events handled to the end.", ("service", "topic"))
EVENTS_DEAD: Final = Metric(
    "events_dead_lettered_total", "counter", "Events set aside as undigestible.", ("service", "topic")
)
EVENT_HANDLING_SECONDS: Final = Metric(
    "event_batch_duration_seconds", "histogram", "Time to handle one batch of events.", ("service", "topic"), _LATENCY
)
EVENT_AGE_SECONDS: Final = Metric(
    "event_age_seconds",
    "histogram",
    "Age of an event (now − its time) when it was handled.",
    ("service", "topic"),
    (*_LATENCY, 30.0, 60.0),
)
EVENTS_PUBLISHED: Final = Metric(
    "events_published_total", "counter", "Events the broker acknowledged.", ("service", "topic")
)
OUTBOX_SWEPT: Final = Metric(
    "outbox_swept_total", "counter", "Documents whose events the sweep found left behind.", ("service",)
)
OUTAGE_RETRIES: Final = Metric(
    "outage_retries_total", "counter", "Tries again because an engine was away.", ("service", "engine")
)

# orders
ORDERS_PLACED: Final = Metric("orders_placed_total", "counter", "Orders taken (no rehearsals).", ("channel",))
ORDERS_REFUSED: Final = Metric(
    "orders_refused_total", "counter", "Orders refused, by reason (no rehearsals).", ("channel", "reason")
)
CHANNEL_ORDERS_DECLINED: Final = Metric(
    "channel_orders_declined_total", "counter", "Orders of other platforms declined, by reason.", ("channel", "reason")
)
ORDERS_PAID: Final = Metric("orders_paid_total", "counter", "Orders paid (no rehearsals).", ("channel",))
ORDERS_CANCELLED: Final = Metric(
    "orders_cancelled_total", "counter", "Orders cancelled or lapsed (no rehearsals).", ("reason",)
)
ORDERS_COMPLETED: Final = Metric(
    "orders_completed_total", "counter", "Orders completed, by their buyer or by time.", ("by",)
)
REVENUE_FEN: Final = Metric(
    "orders_revenue_fen_total", "counter", "Money paid for orders, in fen (no rehearsals).", ("channel",)
)
UNITS_SOLD: Final = Metric("orders_units_total", "counter", "Units of orders placed (no rehearsals).", ("channel",))
PLACING_BATCH: Final = Metric("orders_placing_batch_size", "histogram", "Orders decided in one write.", (), _BATCH)
PAYMENTS_ASTRAY: Final = Metric(
    "payments_astray_total",
    "counter",
    "Payments that could not pay their order and went back, by reason: look at each mismatch.",
    ("provider", "reason"),
)
PAYMENT_NOTIFICATIONS: Final = Metric(
    "payment_notifications_total", "counter", "Webhooks of payment providers, by what they said.", ("provider", "kind")
)
REFUNDS_REFUSED: Final = Metric(
    "payment_refunds_refused_total",
    "counter",
    "Refunds that a provider would not give: somebody must look.",
    ("provider",),
)
WAITLIST_JOINED: Final = Metric(
    "orders_waitlist_joined_total", "counter", "Places taken on waitlists (no rehearsals).", ("channel",)
)
WAITLIST_OFFERS: Final = Metric("orders_waitlist_offers_total", "counter", "Offers made to buyers who waited.")
PREORDERS: Final = Metric("orders_preorders_total", "counter", "Pre-orders of a next lot, by those who waited in vain.")
PARCELS: Final = Metric("parcels_total", "counter", "Parcels by the step they reached.", ("step",))

# broadcast
SHOWS_LIVE: Final = Metric("shows_live", "gauge", "Shows that are live now (no rehearsals).")
VIEWERS: Final = Metric("show_viewers", "gauge", "Concurrent viewers as last reported (no rehearsals).", ("channel",))
ITEMS_FEATURED: Final = Metric("items_featured_total", "counter", "Slots put on screen (no rehearsals).")

# catalog
IMPORT_ROWS: Final = Metric(
    "import_rows_total", "counter", "Rows of imported files by what became of them.", ("file", "outcome")
)
UNITS_ALLOTTED: Final = Metric("stock_allotted_units_total", "counter", "Units set aside to be sold.", ("purpose",))
UNITS_TAKEN_BACK: Final = Metric("stock_taken_back_units_total", "counter", "Unsold units that went back to stock.")
DEMAND_MISSED: Final = Metric("demand_missed_units_total", "counter", "Units asked for and not served.", ("reason",))

# notify
NOTICES: Final = Metric("notices_total", "counter", "Notices written, by kind of recipient.", ("recipient",))
DELIVERIES: Final = Metric("notice_deliveries_total", "counter", "Delivery attempts by their end.", ("outcome",))
LIVE_STREAMS: Final = Metric("live_streams_open", "gauge", "Browsers listening to live events now.")

ALL: Final[tuple[Metric, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
