"""Every metric name, label and unit of the system in one place: what dashboards, alerts and code agree on.

Declarations only; the chassis makes prometheus-client objects of them. Names follow Prometheus: base units, `_total`
for counters, `_seconds` for times. Labels are bounded: never an order, a buyer or an item; what names a slot is there
only while it is on screen. Nothing of a rehearsal is counted, unless the help says so.

Counters, histograms and most gauges are each replica's own: add them up. A gauge that is `shared` says what the
database says, in every replica the same: take the `max` of it.
"""

from typing import Final, Literal, NamedTuple

EVERY_SERVICE: Final = "every service"
DEAD_LETTERS_EXPORTER: Final = "dead-letters"  # `python -m chassis.deadletters serve`
# An order is placed in time when it is answered within this. It is the edge of a bucket, so that it can be counted.
PLACE_WITHIN_SECONDS: Final = 0.5


class Metric(NamedTuple):
    """A metric as declared: its name, what it counts and in which unit, its labels, and for histograms its buckets.

    `by`: which service exposes it. `shared`: a gauge that says the same in every replica.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    by: str = EVERY_SERVICE
    shared: bool = False

    @property
    def unit(self) -> str:
        """What one of it is: the base unit that its name says, or a thing that is counted (1)."""
        name = self.name.removesuffix("_total")
        if name.endswith("_timestamp_seconds"):
            return "s since 1970"
        return next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "1")


_UNITS: Final = {"_seconds": "s", "_fen": "fen", "_units": "units of an item", "_records": "records"}
_LATENCY: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, PLACE_WITHIN_SECONDS, 1.0, 2.5, 5.0, 10.0)
_BATCH: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
_WAITING: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
_SLOT: Final = ("show_id", "slot", "sku")

# chassis
BUILD_INFO: Final = Metric(
    "shanhuo_build_info", "gauge", "Always 1; its labels say what runs here.", ("service", "version")
)
HTTP_REQUEST_SECONDS: Final = Metric(
    "http_request_duration_seconds",
    "histogram",
    "Time to answer a request, rehearsals too.",
    ("service", "method", "route", "status"),
    _LATENCY,
)
HTTP_IN_FLIGHT: Final = Metric("http_requests_in_flight", "gauge", "Requests being answered now.", ("service",))
EVENTS_CONSUMED: Final = Metric("events_consumed_total", "counter", "Events handled to the end.", ("service", "topic"))
EVENTS_DEAD: Final = Metric(
    "events_dead_lettered_total",
    "counter",
    "Events set aside as undigestible, by whether they could not be read (undecodable) or not be handled (failed).",
    ("service", "topic", "reason"),
)
DEAD_LETTERS_WAITING: Final = Metric(
    "dead_letters_waiting",
    "gauge",
    "Dead letters that nobody has replayed or discarded.",
    ("group", "topic", "reason"),
    by=DEAD_LETTERS_EXPORTER,
)
DEAD_LETTERS_OLDEST: Final = Metric(
    "dead_letters_oldest_timestamp_seconds",
    "gauge",
    "When the letter was written that has waited longest; left out where none waits.",
    ("group", "topic"),
    by=DEAD_LETTERS_EXPORTER,
)
EVENT_HANDLING_SECONDS: Final = Metric(
    "event_batch_duration_seconds", "histogram", "Time to handle one batch of events.", ("service", "topic"), _LATENCY
)
EVENT_AGE_SECONDS: Final = Metric(
    "event_age_seconds",
    "histogram",
    "Age of an event (now − its time) when it was handled; one of each batch.",
    ("service", "topic"),
    (*_LATENCY, 30.0, 60.0),
)
CONSUMER_LAG: Final = Metric(
    "consumer_lag_records",
    "gauge",
    "Records on the partitions that this replica reads and has not handled. Group `fanout`: what every replica reads "
    "for itself (take the max of it).",
    ("service", "group", "topic"),
)
CONSUMER_PARTITIONS: Final = Metric(
    "consumer_partitions_assigned", "gauge", "Partitions that this replica reads now.", ("service", "group", "topic")
)
CONSUMER_REBALANCES: Final = Metric(
    "consumer_rebalances_total",
    "counter",
    "How often the group gave out its partitions anew, as this replica saw it.",
    ("service", "group"),
)
TRACE_SPANS: Final = Metric(
    "trace_spans_total",
    "counter",
    "Spans by what became of them: exported, failed (the collector did not take them) or dropped (the queue was full).",
    ("service", "outcome"),
)
EVENTS_PUBLISHED: Final = Metric(
    "events_published_total", "counter", "Events the broker acknowledged.", ("service", "topic")
)
OUTBOX_WAITING: Final = Metric(
    "outbox_events_waiting",
    "gauge",
    "Events that this replica knows of and the broker does not have yet; of a changed document at least one.",
    ("service",),
)
OUTBOX_OLDEST_AGE: Final = Metric(
    "outbox_oldest_age_seconds",
    "gauge",
    "How long the longest waiting of them has waited; 0 when none waits. Take the max.",
    ("service",),
)
OUTBOX_SWEPT: Final = Metric(
    "outbox_swept_total", "counter", "Documents whose events the sweep found left behind.", ("service",)
)
OUTAGE_RETRIES: Final = Metric(
    "outage_retries_total", "counter", "Tries again because an engine was away.", ("service", "engine")
)
FAULT_ON: Final = Metric(
    "fault_flag_on",
    "gauge",
    "1 while a fault may strike here on purpose (FAULT_FLAGS_PATH), else 0; nothing where the setting is not made.",
    ("service", "fault"),
)
FAULTS_STRUCK: Final = Metric(
    "faults_struck_total",
    "counter",
    "How often a fault struck on purpose; a stall is not counted.",
    ("service", "fault"),
)

# orders
ORDERS_PLACED: Final = Metric(
    "orders_placed_total", "counter", "Orders taken (no rehearsals).", ("channel",), by="orders"
)
ORDERS_REFUSED: Final = Metric(
    "orders_refused_total",
    "counter",
    "Orders refused, by reason (no rehearsals).",
    ("channel", "reason"),
    by="orders",
)
PLACE_SECONDS: Final = Metric(
    "orders_place_duration_seconds",
    "histogram",
    "From the arrival of a buyer's order to its answer: `placed`, `replayed`, `refused` by a rule, or `failed`: we "
    "could not say. The one series of place latency and place success (all but `failed`). Rehearsals too.",
    ("outcome",),
    _LATENCY,
    by="orders",
)
CHANNEL_ORDERS_DECLINED: Final = Metric(
    "channel_orders_declined_total",
    "counter",
    "Orders of other platforms declined, by reason.",
    ("channel", "reason"),
    by="orders",
)
ORDERS_PAID: Final = Metric("orders_paid_total", "counter", "Orders paid (no rehearsals).", ("channel",), by="orders")
ORDERS_CANCELLED: Final = Metric(
    "orders_cancelled_total", "counter", "Orders cancelled or lapsed (no rehearsals).", ("reason",), by="orders"
)
ORDERS_COMPLETED: Final = Metric(
    "orders_completed_total", "counter", "Orders completed, by their buyer or by time.", ("by",), by="orders"
)
REVENUE_FEN: Final = Metric(
    "orders_revenue_fen_total", "counter", "Money paid for orders (no rehearsals).", ("channel",), by="orders"
)
UNITS_SOLD: Final = Metric(
    "orders_units_total", "counter", "Units of orders placed (no rehearsals).", ("channel",), by="orders"
)
PLACING_BATCH: Final = Metric(
    "orders_placing_batch_size", "histogram", "Orders decided in one write, rehearsals too.", (), _BATCH, by="orders"
)
PLACING_COMMIT_SECONDS: Final = Metric(
    "orders_placing_commit_duration_seconds",
    "histogram",
    "Time of one group commit: requests decided, written, made into orders. Rehearsals too.",
    (),
    _LATENCY,
    by="orders",
)
PLACING_CONFLICTS: Final = Metric(
    "orders_placing_conflicts_total",
    "counter",
    "Writes of an allotment that another replica was faster with; decided again.",
    by="orders",
)
BUCKETS_OPENED: Final = Metric(
    "orders_buckets_opened_total", "counter", "Buckets of stock that a replica took to sell from alone.", by="orders"
)
FEATURED_REMAINING: Final = Metric(
    "orders_featured_remaining_units",
    "gauge",
    "What remains of a slot whose price window is open (no rehearsals); gone when it closes.",
    _SLOT,
    by="orders",
    shared=True,
)
FEATURED_OFFERED: Final = Metric(
    "orders_featured_offered_units", "gauge", "What was set aside for that slot.", _SLOT, by="orders", shared=True
)
FEATURED_WAITING: Final = Metric(
    "orders_featured_waitlist_entries",
    "gauge",
    "Buyers on the waitlist of that slot, at most 1,000.",
    _SLOT,
    by="orders",
    shared=True,
)
FIRST_ORDER_SECONDS: Final = Metric(
    "orders_feature_to_first_order_seconds",
    "histogram",
    "From a slot's being put on screen to its first order (no rehearsals).",
    (),
    (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
    by="orders",
)
OVERSOLD: Final = Metric(
    "orders_oversold_units",
    "gauge",
    "Units by which sold + remaining + returned differs from what was offered, over all allotments audited. Always 0.",
    by="orders",
    shared=True,
)
AUDITED_AT: Final = Metric(
    "orders_audit_timestamp_seconds", "gauge", "When this replica last audited allotments.", by="orders"
)
AUDITED: Final = Metric("orders_audited_allotments_total", "counter", "Allotments audited.", by="orders")
PAYMENT_SECONDS: Final = Metric(
    "payment_request_duration_seconds",
    "histogram",
    "Time of a request to a payment provider, by operation (charge, find, close, refund) and outcome (paid, declined, "
    "pending, unknown, refunded, refused; `failed`: no answer).",
    ("provider", "operation", "outcome"),
    _LATENCY,
    by="orders",
)
PAYMENTS_FOUND: Final = Metric(
    "payments_found_total",
    "counter",
    "Payments that we had to ask for, because no webhook told of them.",
    ("provider",),
    by="orders",
)
PAYMENTS_ASTRAY: Final = Metric(
    "payments_astray_total",
    "counter",
    "Payments that could not pay their order and went back, by reason: look at each mismatch.",
    ("provider", "reason"),
    by="orders",
)
PAYMENT_NOTIFICATIONS: Final = Metric(
    "payment_notifications_total",
    "counter",
    "Webhooks of payment providers, by what they said.",
    ("provider", "kind"),
    by="orders",
)
REFUNDS_REFUSED: Final = Metric(
    "payment_refunds_refused_total",
    "counter",
    "Refunds that a provider would not give: somebody must look.",
    ("provider",),
    by="orders",
)
WAITLIST_JOINED: Final = Metric(
    "orders_waitlist_joined_total", "counter", "Places taken on waitlists (no rehearsals).", ("channel",), by="orders"
)
WAITLIST_OFFERS: Final = Metric(
    "orders_waitlist_offers_total", "counter", "Offers made to buyers who waited.", by="orders"
)
PREORDERS: Final = Metric(
    "orders_preorders_total", "counter", "Pre-orders of a next lot, by those who waited in vain.", by="orders"
)
PARCELS: Final = Metric("parcels_total", "counter", "Parcels by the step they reached.", ("step",), by="orders")
PARCELS_OPEN: Final = Metric(
    "parcels_open",
    "gauge",
    "Parcels on their way: `packing`, `packed`, `shipped`; at most 10,000 of each.",
    ("state",),
    by="orders",
    shared=True,
)
PARCELS_OLDEST_PACKED_AGE: Final = Metric(
    "parcels_oldest_packed_age_seconds",
    "gauge",
    "How long ago the parcel was begun that is packed and not shipped for longest; 0 when there is none.",
    by="orders",
    shared=True,
)

# broadcast
SHOWS_LIVE: Final = Metric(
    "shows_live", "gauge", "Shows that are live now (no rehearsals).", by="broadcast", shared=True
)
SHOWS_FEATURING: Final = Metric(
    "shows_featuring",
    "gauge",
    "Shows that are live and have a price window open now (no rehearsals).",
    by="broadcast",
    shared=True,
)
VIEWERS: Final = Metric(
    "show_viewers",
    "gauge",
    "Concurrent viewers as last reported (no rehearsals).",
    ("channel",),
    by="broadcast",
    shared=True,
)
ITEMS_FEATURED: Final = Metric(
    "items_featured_total", "counter", "Slots put on screen (no rehearsals).", by="broadcast"
)

# catalog
IMPORT_ROWS: Final = Metric(
    "import_rows_total", "counter", "Rows of imported files by what became of them.", ("file", "outcome"), by="catalog"
)
UNITS_ALLOTTED: Final = Metric(
    "stock_allotted_units_total", "counter", "Units set aside to be sold.", ("purpose",), by="catalog"
)
UNITS_TAKEN_BACK: Final = Metric(
    "stock_taken_back_units_total", "counter", "Unsold units that went back to stock.", by="catalog"
)
DEMAND_MISSED: Final = Metric(
    "demand_missed_units_total", "counter", "Units asked for and not served.", ("reason",), by="catalog"
)

# notify
NOTICES: Final = Metric(
    "notices_total", "counter", "Notices written, by kind of recipient.", ("recipient",), by="notify"
)
DELIVERIES: Final = Metric(
    "notice_deliveries_total",
    "counter",
    "Tries to deliver, by their end: `sent`, `retried` later, `failed` for good, `abandoned`: the address is gone.",
    ("outcome",),
    by="notify",
)
DELIVERY_DELAY: Final = Metric(
    "notice_delivery_delay_seconds",
    "histogram",
    "From the writing of a notice to the end of its delivery to an address: `sent`, or `failed` for good.",
    ("outcome",),
    _WAITING,
    by="notify",
)
DELIVERY_ATTEMPTS: Final = Metric(
    "notice_delivery_attempts",
    "histogram",
    "Tries that a delivery took until its end.",
    (),
    (1, 2, 3, 5, 8),
    by="notify",
)
DELIVERIES_DUE: Final = Metric(
    "notice_deliveries_due",
    "gauge",
    "Notices whose delivery should be under way by now, at most 1,000.",
    by="notify",
    shared=True,
)
DELIVERIES_OLDEST_DUE_AGE: Final = Metric(
    "notice_deliveries_oldest_due_age_seconds",
    "gauge",
    "For how long the longest overdue of them has been due; 0 when none is.",
    by="notify",
    shared=True,
)
LIVE_STREAMS: Final = Metric("live_streams_open", "gauge", "Browsers listening to live events now.", by="notify")
LIVE_STREAMS_DROPPED: Final = Metric(
    "live_streams_dropped_total", "counter", "Browsers let go because they read too slowly.", by="notify"
)
LIVE_PUSH_DELAY: Final = Metric(
    "live_push_delay_seconds",
    "histogram",
    "From an event's time to its being sent to a browser; one for each browser. Not of totals, told each second.",
    (),
    (*_LATENCY, 30.0, 60.0),
    by="notify",
)

ALL: Final[tuple[Metric, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
