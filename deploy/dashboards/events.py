"""*Events*: how far behind consumers are, how old what they handle is, what waits in outboxes and dead letters."""

from datetime import timedelta

from grafana_foundation_sdk.builders.dashboard import Dashboard

from contracts import metrics as m
from contracts.topics import dead_letters
from dashboards.board import board
from dashboards.panels import A_SECOND, COUNT, SECONDS, Query, above, alive, course, number, rows, zero
from dashboards.places import Events
from dashboards.promql import RATE, of, quantile
from dashboards.slos import FRESH_WITHIN_SECONDS

_OWN_GROUP = 'group!="fanout"'  # what every replica reads for itself cannot be added up
_KEPT = dead_letters("any").retention or timedelta.max
_LAG = f"sum by (service, group, topic) ({of(m.CONSUMER_LAG, _OWN_GROUP)})"


def events(docs: str) -> Dashboard:
    """The dashboard; `docs` is where this repository is read."""
    parts = [("Now", _now()), ("Consumers", _consumers()), ("Outboxes", _outboxes()), ("What went wrong", _wrong())]
    says = "From the database of the one who tells, over Kafka, to the handler of the one who listens."
    return board(Events, "Events", says, parts, docs=docs)


def _now() -> list[object]:
    return [
        number(
            Events.LAG,
            "Lag",
            "Events that wait in Kafka to be handled, of all chosen services and topics.",
            Query(f"sum({_LAG})"),
            unit=COUNT,
            levels=above(1_000, 10_000),
            width=6,
        ),
        number(
            Events.AGE,
            "Age when handled, p99",
            "99 of 100 batches are handled within this time from their event's own. It is what a buyer notices.",
            Query(quantile(0.99, m.EVENT_AGE_SECONDS)),
            unit=SECONDS,
            levels=above(FRESH_WITHIN_SECONDS, 30),
            width=6,
            decimals=1,
        ),
        number(
            Events.OUTBOX,
            "Oldest in an outbox",
            "How long the oldest event that Kafka does not have yet has waited. Growing: Kafka is away or refuses.",
            Query(f"max({of(m.OUTBOX_OLDEST_AGE)})"),
            unit=SECONDS,
            levels=above(10, 60),
            width=6,
            decimals=1,
        ),
        number(
            Events.LETTERS,
            "Dead letters waiting",
            "Events that a service could not digest and nobody has replayed or discarded. What they say has not "
            "happened.",
            Query(f"sum({of(m.DEAD_LETTERS_WAITING)})"),
            unit=COUNT,
            levels=zero(),
            width=6,
        ),
    ]


def _consumers() -> list[object]:
    return [
        course(
            Events.LAG_BY_TOPIC,
            "Lag by topic",
            "Events that wait to be handled. Rising on all topics of a service: it is slow or gone. On one topic: a "
            "hot key.",
            Query(_LAG, "{{group}} {{topic}}"),
            unit=COUNT,
            levels=above(1_000, 10_000),
            width=12,
        ),
        course(
            Events.AGE_BY_TOPIC,
            "Age when handled, by topic",
            "95 of 100 batches are handled within this time from their event's own, catching up included; dead letters "
            "that are replayed are left out.",
            Query(quantile(0.95, m.EVENT_AGE_SECONDS, by="service, topic"), "{{service}} {{topic}}"),
            unit=SECONDS,
            levels=above(FRESH_WITHIN_SECONDS, 30),
            width=12,
        ),
        course(
            Events.CONSUMED,
            "Handled",
            "Events handled to the end a second. Lag with this at 0 is a consumer that stands still.",
            Query(f"sum by (service, topic) (rate({of(m.EVENTS_CONSUMED)}[{RATE}]))", "{{service}} {{topic}}"),
            unit=A_SECOND,
            levels=alive(0.01),
            stacked=True,
        ),
        course(
            Events.HANDLING,
            "How long a batch takes",
            "95 of 100 batches are handled within this. A batch holds up its own partition and no other, and no member "
            "is thrown out for it: what waits behind it is lag.",
            Query(quantile(0.95, m.EVENT_HANDLING_SECONDS, by="service, topic"), "{{service}} {{topic}}"),
            unit=SECONDS,
            levels=above(1, FRESH_WITHIN_SECONDS),
        ),
        course(
            Events.PARTITIONS,
            "Partitions assigned",
            "Partitions that are read, by service. Fewer than there are, or none: a replica is joining, or gone.",
            Query(f"sum by (service, group) ({of(m.CONSUMER_PARTITIONS)})", "{{service}} {{group}}"),
            unit=COUNT,
            levels=alive(),
        ),
        course(
            Events.REBALANCES,
            "Rebalances",
            "How often a group gave out its partitions anew. One at each start or stop; many: members are thrown out.",
            Query(f"sum by (service, group) (increase({of(m.CONSUMER_REBALANCES)}[{RATE}]))", "{{service}} {{group}}"),
            unit=COUNT,
            levels=above(3, 10),
            width=24,
        ),
    ]


def _outboxes() -> list[object]:
    return [
        course(
            Events.OUTBOX_WAITING,
            "Events in outboxes",
            "Events that are in a database and not in Kafka yet, by service. They are not lost, they are late.",
            Query(f"sum by (service) ({of(m.OUTBOX_WAITING)})", "{{service}}"),
            unit=COUNT,
            levels=above(1_000, 10_000),
            width=6,
        ),
        course(
            Events.OUTBOX_AGE,
            "Oldest in an outbox",
            "How long the oldest of them has waited, by service.",
            Query(f"max by (service) ({of(m.OUTBOX_OLDEST_AGE)})", "{{service}}"),
            unit=SECONDS,
            levels=above(10, 60),
            width=6,
        ),
        course(
            Events.PUBLISHED,
            "Published",
            "Events a second that Kafka acknowledged, by topic.",
            Query(f"sum by (topic) (rate({of(m.EVENTS_PUBLISHED)}[{RATE}]))", "{{topic}}"),
            unit=A_SECOND,
            levels=alive(0.01),
            width=6,
            stacked=True,
        ),
        course(
            Events.OUTBOX_SWEPT,
            "Found by the sweep",
            "Documents whose events a dead process left behind, and the sweep published. Some after a crash; else "
            "never.",
            Query(f"sum by (service) (increase({of(m.OUTBOX_SWEPT)}[{RATE}]))", "{{service}}"),
            unit=COUNT,
            levels=above(1, 100),
            width=6,
        ),
    ]


def _wrong() -> list[object]:
    dead = f"sum by (service, topic, reason) (increase({of(m.EVENTS_DEAD)}[{RATE}])) > 0"
    none = f'label_replace(sum(increase({of(m.EVENTS_DEAD)}[{RATE}])), "topic", "all", "", "")'
    waiting = f"sum by (group, topic, reason) ({of(m.DEAD_LETTERS_WAITING)}) > 0"
    return [
        course(
            Events.DEAD_LETTERED,
            "Set aside",
            "Events that could not be read (undecodable) or handled (failed), in the step shown. The log has the "
            "traceback.",
            Query(none, "all"),
            Query(dead, "{{service}} {{topic}} {{reason}}"),
            unit=COUNT,
            levels=zero(),
        ),
        rows(
            Events.LETTERS_WAITING,
            "Letters that wait",
            "Look with `deadletters show`, mend the service, then `deadletters replay`, or discard.",
            Query(f"{waiting} or topk(1, sum by (group, topic, reason) ({of(m.DEAD_LETTERS_WAITING)}))"),
            unit=COUNT,
            levels=zero(),
            labels=("group", "topic", "reason"),
            width=8,
        ),
        course(
            Events.LETTERS_OLDEST,
            "Oldest letter",
            f"How long the oldest letter of each topic has waited. Letters are kept for {_KEPT.days} days at most.",
            Query(f"time() - min by (group, topic) ({of(m.DEAD_LETTERS_OLDEST)})", "{{group}} {{topic}}"),
            unit=SECONDS,
            levels=above(3600, 604_800),
        ),
        course(
            Events.OUTAGES,
            "Waiting for engines",
            "Tries again a second because Kafka or MongoDB was away. Nothing is lost meanwhile; nothing goes on "
            "either.",
            Query(f"sum by (service, engine) (rate({of(m.OUTAGE_RETRIES)}[{RATE}]))", "{{service}} {{engine}}"),
            unit=A_SECOND,
            levels=above(0.1, 5),
            width=24,
        ),
    ]
