"""*Live sale*: what a director watches while a show is on air."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from contracts import metrics as m
from dashboards.board import board
from dashboards.panels import (
    A_MINUTE,
    A_SECOND,
    COUNT,
    SECONDS,
    YUAN,
    Query,
    above,
    alive,
    below,
    course,
    number,
    spread,
    zero,
)
from dashboards.places import Live
from dashboards.promql import RATE, SHOWN, firing, of, quantile


def live_sale(docs: str) -> Dashboard:
    """The dashboard; `docs` is where this repository is read."""
    rows = [("Now", _now()), ("The show", _show()), ("Money, pages and those who came too late", _after())]
    says = "What a director watches: who is there, what they buy, what remains, how fast we are."
    return board(Live, "Live sale", says, rows, docs=docs)


def _now() -> list[object]:
    placed = Query(f"sum(rate({of(m.ORDERS_PLACED)}[{RATE}])) * 60")
    taken = Query(f"sum(increase({of(m.REVENUE_FEN)}[{SHOWN}])) / 100")
    alerts = Query(f"count({firing()}) or vector(0)")
    return [
        number(
            Live.SHOWS,
            "Shows live",
            "Shows on air, rehearsals not counted. Nothing else here means much while it is 0.",
            Query(f"max({of(m.SHOWS_LIVE)})"),
            unit=COUNT,
            levels=alive(),
            width=3,
        ),
        number(
            Live.FEATURING,
            "With an item on screen",
            "Live shows whose price window is open now. 0 while a show is live: the host talks, nobody can buy at "
            "the live price.",
            Query(f"max({of(m.SHOWS_FEATURING)})"),
            unit=COUNT,
            levels=alive(),
            width=3,
        ),
        number(
            Live.VIEWERS,
            "Viewers",
            "Who watches now, on the chosen channels, as the channels last reported it.",
            Query(f"sum(max by (channel) ({of(m.VIEWERS)}))"),
            unit=COUNT,
            levels=alive(),
            decimals=1,
        ),
        number(
            Live.ORDERS_A_MINUTE,
            "Orders a minute",
            "Orders taken on the chosen channels. 0 while something is on screen: ask the host first, then look at "
            "refusals.",
            placed,
            unit=A_MINUTE,
            levels=alive(),
        ),
        number(
            Live.TAKEN,
            "Taken",
            "Money paid for orders in the time shown, before refunds.",
            taken,
            unit=YUAN,
            levels=alive(),
        ),
        number(
            Live.OVERSOLD,
            "Oversold units",
            "Units sold that nobody has: always 0. If not, stop featuring the item and follow the runbook at once.",
            Query(f"max({of(m.OVERSOLD)})"),
            unit=COUNT,
            levels=zero(),
            width=3,
        ),
        number(
            Live.ALERTS,
            "Alerts firing",
            "Alerts of Shanhuo's that fire, of whatever severity. Which: Business SLOs. Their runbooks say what to do.",
            alerts,
            unit=COUNT,
            levels=zero(),
            width=3,
        ),
    ]


def _show() -> list[object]:
    slot = "{{sku}} (slot {{slot}})"
    share = f"max by (sku, slot, show_id) ({of(m.FEATURED_REMAINING)})"
    return [
        course(
            Live.PLACED,
            "Orders placed",
            "Orders taken a second, by channel. A burst follows each item that is put on screen (the purple marks).",
            Query(f"sum by (channel) (rate({of(m.ORDERS_PLACED)}[{RATE}]))", "{{channel}}"),
            unit=A_SECOND,
            levels=alive(0.01),
            width=12,
            stacked=True,
        ),
        course(
            Live.VIEWERS_BY_CHANNEL,
            "Viewers by channel",
            "Who watches, as each channel reports it. A channel that falls to 0 alone has lost its stream: call it.",
            Query(f"max by (channel) ({of(m.VIEWERS)})", "{{channel}}"),
            unit=COUNT,
            levels=alive(),
            width=12,
            stacked=True,
        ),
        course(
            Live.STOCK,
            "Remaining of what is on screen",
            "Units that can still be sold in each open price window. At 0 it is sold out: put the next item on screen.",
            Query(share, slot),
            unit=COUNT,
            levels=below(20, 1),
        ),
        course(
            Live.REFUSED,
            "Orders refused",
            "Refusals a second by reason. Sold out, over the limit and too late are a sale's life; any other reason "
            "is ours.",
            Query(f"sum by (reason) (rate({of(m.ORDERS_REFUSED)}[{RATE}]))", "{{reason}}"),
            unit=A_SECOND,
            levels=above(50, 200),
            stacked=True,
        ),
        course(
            Live.PLACE_LATENCY,
            "How long placing takes",
            f"From a tap's arrival to its answer, rehearsals too. We promise {m.PLACE_WITHIN_SECONDS} s; slower: "
            "Orders engine.",
            *(Query(quantile(level, m.PLACE_SECONDS), f"p{round(level * 100)}") for level in (0.5, 0.95, 0.99)),
            unit=SECONDS,
            levels=above(m.PLACE_WITHIN_SECONDS, 1),
        ),
        spread(
            Live.FIRST_ORDER,
            "From on screen to first order",
            "How long it took until the first order of an item that was put on screen. Slow ones: the host or the "
            "price.",
            Query(f"sum by (le) (increase({of(m.FIRST_ORDER_SECONDS, part='_bucket')}[{RATE}]))"),
            unit=SECONDS,
            levels=above(10, 60),
        ),
        course(
            Live.PUSH_DELAY,
            "How late live pages are told",
            "From an event to its being sent to a browser. Above 1 s buyers see old stock: look at notify's lag in "
            "Events.",
            *(Query(quantile(level, m.LIVE_PUSH_DELAY), f"p{round(level * 100)}") for level in (0.5, 0.95, 0.99)),
            unit=SECONDS,
            levels=above(1, 5),
            width=12,
        ),
    ]


def _after() -> list[object]:
    charged = of(m.PAYMENT_SECONDS, 'operation="charge"', part="_count")
    return [
        course(
            Live.PAYMENTS,
            "Payments",
            "Charges a second by what came of them. Failed: the provider does not answer, and orders lapse unpaid.",
            Query(f"sum by (outcome) (rate({charged}[{RATE}]))", "{{outcome}}"),
            unit=A_SECOND,
            levels=alive(0.01),
            stacked=True,
        ),
        course(
            Live.LIVE_PAGES,
            "Live pages open",
            "Browsers that listen to our own live page now. All gone at once: notify was restarted, or its ingress.",
            Query(f"sum({of(m.LIVE_STREAMS)})", "pages"),
            unit=COUNT,
            levels=alive(),
        ),
        course(
            Live.WAITLIST,
            "Waitlists",
            "Places taken, offers made and pre-orders a minute: demand that the stock did not serve.",
            Query(f"sum(rate({of(m.WAITLIST_JOINED)}[{RATE}])) * 60", "joined"),
            Query(f"sum(rate({of(m.WAITLIST_OFFERS)}[{RATE}])) * 60", "offered"),
            Query(f"sum(rate({of(m.PREORDERS)}[{RATE}])) * 60", "pre-ordered"),
            unit=A_MINUTE,
            levels=alive(0.1),
        ),
        course(
            Live.MISSED,
            "Asked for and not served",
            "Units a minute, by why: what to bring more of next time. Catalog's signals say which item and which week.",
            Query(f"sum by (reason) (rate({of(m.DEMAND_MISSED)}[{RATE}])) * 60", "{{reason}}"),
            unit=A_MINUTE,
            levels=above(100, 1000),
            width=24,
            stacked=True,
        ),
    ]
