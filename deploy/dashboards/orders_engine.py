"""*Orders engine*: how orders are decided, paid and given up; for who looks after the orders service."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from contracts import metrics as m
from dashboards.board import board
from dashboards.panels import (
    A_MINUTE,
    A_SECOND,
    COUNT,
    SECONDS,
    SHARE,
    Query,
    above,
    alive,
    course,
    number,
    spread,
    zero,
)
from dashboards.places import Engine
from dashboards.promql import RATE, of, quantile

_QUANTILES = (0.5, 0.95, 0.99)


def orders_engine(docs: str) -> Dashboard:
    """The dashboard; `docs` is where this repository is read."""
    rows = [
        ("Now", _now()),
        ("Placing", _placing()),
        ("Payments", _payments()),
        ("What else becomes of orders", _else()),
    ]
    says = "How orders are decided: latency, group commits, refusals, payments. What the promises are: Business SLOs."
    return board(Engine, "Orders engine", says, rows, docs=docs)


def _now() -> list[object]:
    count = of(m.PLACE_SECONDS, part="_count")
    failed = of(m.PLACE_SECONDS, 'outcome="failed"', part="_count")
    batches, orders = (of(m.PLACING_BATCH, part=part) for part in ("_count", "_sum"))
    return [
        number(
            Engine.PLACED,
            "Orders placed",
            "Orders taken a second on the chosen channels, rehearsals not counted.",
            Query(f"sum(rate({of(m.ORDERS_PLACED)}[{RATE}]))"),
            unit=A_SECOND,
            levels=alive(0.01),
            decimals=1,
        ),
        number(
            Engine.FAILED_SHARE,
            "Placing that failed",
            "Of all answers to buyers, those that could not say yes or no. Not refusals: those are answers.",
            Query(f"(sum(rate({failed}[{RATE}])) or vector(0)) / (sum(rate({count}[{RATE}])) > 0) or vector(0)"),
            unit=SHARE,
            levels=above(0.001, 0.01),
            decimals=2,
        ),
        number(
            Engine.LATENCY_P99,
            "Placing takes, p99",
            "99 of 100 buyers are answered within this.",
            Query(quantile(0.99, m.PLACE_SECONDS)),
            unit=SECONDS,
            levels=above(m.PLACE_WITHIN_SECONDS, 1),
            decimals=2,
        ),
        number(
            Engine.BATCH_MEAN,
            "Orders in a write",
            "Orders decided in one group commit, on average. It grows with the load, and that is how the engine "
            "keeps up.",
            Query(f"sum(rate({orders}[{RATE}])) / sum(rate({batches}[{RATE}]))"),
            unit=COUNT,
            levels=alive(),
            decimals=1,
        ),
        number(
            Engine.OVERSOLD,
            "Oversold units",
            "What the audit found sold, remaining and returned to differ from what was offered by. Always 0.",
            Query(f"max({of(m.OVERSOLD)})"),
            unit=COUNT,
            levels=zero(),
        ),
        number(
            Engine.AUDITED,
            "Last audit, ago",
            "How long ago allotments were last audited. An audit that does not run proves nothing: look at orders' "
            "log.",
            Query(f"time() - max({of(m.AUDITED_AT)})"),
            unit=SECONDS,
            levels=above(120, 600),
        ),
    ]


def _placing() -> list[object]:
    answered = of(m.PLACE_SECONDS, part="_count")
    return [
        course(
            Engine.LATENCY,
            "How long placing takes",
            f"From arrival to answer. The promise is {m.PLACE_WITHIN_SECONDS} s. Slow with long commits: the database. "
            "Slow with short ones: CPU, or too few replicas.",
            *(Query(quantile(level, m.PLACE_SECONDS), f"p{round(level * 100)}") for level in _QUANTILES),
            unit=SECONDS,
            levels=above(m.PLACE_WITHIN_SECONDS, 1),
            width=12,
        ),
        spread(
            Engine.LATENCY_MAP,
            "Placing, spread",
            "The same as a map: two bands mean two kinds of buyers, most often a hot item beside calm ones.",
            Query(f"sum by (le) (increase({of(m.PLACE_SECONDS, part='_bucket')}[{RATE}]))"),
            unit=SECONDS,
            levels=above(m.PLACE_WITHIN_SECONDS, 1),
        ),
        course(
            Engine.COMMIT_SECONDS,
            "How long a group commit takes",
            "Requests decided, written and made into orders. It is the database's majority write, mostly.",
            *(Query(quantile(level, m.PLACING_COMMIT_SECONDS), f"p{round(level * 100)}") for level in _QUANTILES),
            unit=SECONDS,
            levels=above(0.1, 0.5),
        ),
        course(
            Engine.BATCH_SIZE,
            "Orders in a group commit",
            "How many orders one write decides. At the upper end for long: more replicas, or buckets for the hot item.",
            *(Query(quantile(level, m.PLACING_BATCH), f"p{round(level * 100)}") for level in _QUANTILES),
            unit=COUNT,
            levels=above(250, 500),
        ),
        course(
            Engine.COMMITS,
            "Group commits",
            "Writes a second that decide orders.",
            Query(f"sum(rate({of(m.PLACING_BATCH, part='_count')}[{RATE}]))", "commits"),
            unit=A_SECOND,
            levels=alive(0.01),
        ),
        course(
            Engine.OUTCOMES,
            "Answers to buyers",
            "Placed, refused by a rule, replayed (asked twice, answered the same) or failed, a second.",
            Query(f"sum by (outcome) (rate({answered}[{RATE}]))", "{{outcome}}"),
            unit=A_SECOND,
            levels=alive(0.01),
            stacked=True,
        ),
        course(
            Engine.REFUSED,
            "Refused, by reason",
            "Refusals a second on the chosen channels. `sold-out` is demand; `per-buyer-limit` greed; anything new is "
            "a release.",
            Query(f"sum by (reason) (rate({of(m.ORDERS_REFUSED)}[{RATE}]))", "{{reason}}"),
            unit=A_SECOND,
            levels=above(50, 200),
            stacked=True,
        ),
        course(
            Engine.CONFLICTS,
            "Writes that met another replica's",
            "Allotments decided again because another replica was faster. Many: give the hot item buckets.",
            Query(f"sum(rate({of(m.PLACING_CONFLICTS)}[{RATE}]))", "conflicts"),
            Query(f"sum(rate({of(m.BUCKETS_OPENED)}[{RATE}]))", "buckets opened"),
            unit=A_SECOND,
            levels=above(5, 50),
        ),
    ]


def _payments() -> list[object]:
    return [
        course(
            Engine.PAYMENT_OUTCOMES,
            "Asked of providers",
            "Requests a second by operation and outcome. `failed`: no answer came; the order stays unpaid until it "
            "is found.",
            Query(
                f"sum by (operation, outcome) (rate({of(m.PAYMENT_SECONDS, part='_count')}[{RATE}]))",
                "{{operation}} {{outcome}}",
            ),
            unit=A_SECOND,
            levels=alive(0.01),
            stacked=True,
        ),
        course(
            Engine.PAYMENT_SECONDS,
            "How long providers take",
            "95 of 100 requests to a provider end within this. A slow provider holds buyers, never the placing of "
            "others.",
            Query(quantile(0.95, m.PAYMENT_SECONDS, by="provider, operation"), "{{provider}} {{operation}}"),
            unit=SECONDS,
            levels=above(2, 5),
        ),
        course(
            Engine.WEBHOOKS,
            "Webhooks of providers",
            "What providers tell us, a minute, by kind. None while charges go on: webhooks are lost; payments are "
            "found later.",
            Query(
                f"sum by (provider, kind) (rate({of(m.PAYMENT_NOTIFICATIONS)}[{RATE}])) * 60", "{{provider}} {{kind}}"
            ),
            unit=A_MINUTE,
            levels=alive(0.1),
        ),
        course(
            Engine.PAYMENTS_FOUND,
            "Payments we had to ask for",
            "Payments that no webhook told of, a minute. More than a few: the provider cannot reach us.",
            Query(f"sum by (provider) (rate({of(m.PAYMENTS_FOUND)}[{RATE}])) * 60", "{{provider}}"),
            unit=A_MINUTE,
            levels=above(1, 30),
        ),
        course(
            Engine.ASTRAY,
            "Payments astray",
            "Payments in the time shown that could not pay their order and went back. Look at every `mismatch`.",
            Query(f"sum by (reason) (increase({of(m.PAYMENTS_ASTRAY)}[{RATE}]))", "{{reason}}"),
            unit=COUNT,
            levels=above(1, 10),
        ),
        course(
            Engine.REFUNDS_REFUSED,
            "Refunds refused",
            "Refunds that a provider would not give: somebody must send the money by hand.",
            Query(f"sum by (provider) (increase({of(m.REFUNDS_REFUSED)}[{RATE}]))", "{{provider}}"),
            unit=COUNT,
            levels=zero(),
        ),
    ]


def _else() -> list[object]:
    return [
        course(
            Engine.CANCELLED,
            "Cancelled and lapsed",
            "Orders given up a minute, by reason. Many `expired`: payments fail, or the time to pay is too short.",
            Query(f"sum by (reason) (rate({of(m.ORDERS_CANCELLED)}[{RATE}])) * 60", "{{reason}}"),
            unit=A_MINUTE,
            levels=above(60, 600),
            stacked=True,
        ),
        course(
            Engine.WAITLIST,
            "Waiting for what is on screen",
            "Buyers on the waitlists of the slots on screen; at most 1,000 are counted.",
            Query(f"max by (sku, slot, show_id) ({of(m.FEATURED_WAITING)})", "{{sku}} (slot {{slot}})"),
            unit=COUNT,
            levels=above(100, 1000),
        ),
        course(
            Engine.CHANNEL_DECLINED,
            "Other platforms' orders declined",
            "Orders that another platform took and we could not, a second, by reason. They must hear of it: check "
            "the file.",
            Query(f"sum by (reason) (rate({of(m.CHANNEL_ORDERS_DECLINED)}[{RATE}]))", "{{reason}}"),
            unit=A_SECOND,
            levels=above(1, 100),
            stacked=True,
        ),
    ]
