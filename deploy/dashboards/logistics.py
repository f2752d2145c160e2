"""*Logistics and notices*: parcels on their way, notices on theirs, and stock in and out."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from contracts import metrics as m
from dashboards.board import board
from dashboards.panels import A_MINUTE, A_SECOND, COUNT, SECONDS, Query, above, alive, course, number
from dashboards.places import Logistics
from dashboards.promql import RATE, SHOWN, of, quantile

_DAY = 86_400


def logistics(docs: str) -> Dashboard:
    """The dashboard; `docs` is where this repository is read."""
    rows = [("Now", _now()), ("Parcels", _parcels()), ("Notices and live pages", _notices()), ("Stock", _stock())]
    says = "Whether parcels leave, whether people are told, and what became of stock."
    return board(Logistics, "Logistics and notices", says, rows, since="now-24h", docs=docs)


def _now() -> list[object]:
    packed = of(m.PARCELS, 'step="packed"')
    return [
        number(
            Logistics.PACKED,
            "Parcels packed",
            "Parcels packed in the time shown.",
            Query(f"sum(increase({packed}[{SHOWN}]))"),
            unit=COUNT,
            levels=alive(),
            width=6,
        ),
        number(
            Logistics.OLDEST_PACKED,
            "Longest packed, not shipped",
            "How long ago the parcel was begun that is packed and not shipped for longest. A day: the van did not "
            "come.",
            Query(f"max({of(m.PARCELS_OLDEST_PACKED_AGE)})"),
            unit=SECONDS,
            levels=above(_DAY, 2 * _DAY),
            width=6,
        ),
        number(
            Logistics.DUE,
            "Notices overdue",
            "Notices whose delivery should be under way by now, at most 1,000 counted.",
            Query(f"max({of(m.DELIVERIES_DUE)})"),
            unit=COUNT,
            levels=above(100, 1000),
            width=6,
        ),
        number(
            Logistics.OLDEST_DUE,
            "Longest overdue",
            "For how long the longest overdue notice has been due. Growing: the gateway refuses, or notify is stuck.",
            Query(f"max({of(m.DELIVERIES_OLDEST_DUE_AGE)})"),
            unit=SECONDS,
            levels=above(60, 600),
            width=6,
        ),
    ]


def _parcels() -> list[object]:
    return [
        course(
            Logistics.STEPS,
            "Parcels by step",
            "Parcels a minute that reached each step. Packed without shipped: the vans.",
            Query(f"sum by (step) (rate({of(m.PARCELS)}[{RATE}])) * 60", "{{step}}"),
            unit=A_MINUTE,
            levels=alive(0.1),
        ),
        course(
            Logistics.OPEN,
            "Parcels on their way",
            "Parcels being packed, packed, and shipped but not delivered; at most 10,000 of each are counted.",
            Query(f"max by (state) ({of(m.PARCELS_OPEN)})", "{{state}}"),
            unit=COUNT,
            levels=above(5_000, 10_000),
            stacked=True,
        ),
        course(
            Logistics.PACKED_AGE,
            "Longest packed, not shipped",
            "The same as above, over time: it falls when a van leaves.",
            Query(f"max({of(m.PARCELS_OLDEST_PACKED_AGE)})", "oldest"),
            unit=SECONDS,
            levels=above(_DAY, 2 * _DAY),
        ),
        course(
            Logistics.COMPLETED,
            "Orders completed",
            "Orders a minute whose story ended well, by their buyer's word or by time.",
            Query(f"sum by (by) (rate({of(m.ORDERS_COMPLETED)}[{RATE}])) * 60", "{{by}}"),
            unit=A_MINUTE,
            levels=alive(0.1),
            width=24,
        ),
    ]


def _notices() -> list[object]:
    return [
        course(
            Logistics.NOTICES,
            "Notices written",
            "Notices a second, by kind of recipient.",
            Query(f"sum by (recipient) (rate({of(m.NOTICES)}[{RATE}]))", "{{recipient}}"),
            unit=A_SECOND,
            levels=alive(0.01),
            stacked=True,
        ),
        course(
            Logistics.DELIVERIES,
            "Deliveries",
            "Tries to deliver a minute, by their end. Retried and failed: the address, or the gateway behind it.",
            Query(f"sum by (outcome) (rate({of(m.DELIVERIES)}[{RATE}])) * 60", "{{outcome}}"),
            unit=A_MINUTE,
            levels=alive(0.1),
            stacked=True,
        ),
        course(
            Logistics.DELIVERY_DELAY,
            "From notice to delivery",
            "95 of 100 deliveries end within this, by how they ended.",
            Query(quantile(0.95, m.DELIVERY_DELAY, by="outcome"), "{{outcome}}"),
            unit=SECONDS,
            levels=above(30, 600),
        ),
        course(
            Logistics.ATTEMPTS,
            "Tries of a delivery",
            "How many tries a delivery took until its end, on average. 1 is right.",
            Query(
                f"sum(rate({of(m.DELIVERY_ATTEMPTS, part='_sum')}[{RATE}]))"
                f" / sum(rate({of(m.DELIVERY_ATTEMPTS, part='_count')}[{RATE}]))",
                "tries",
            ),
            unit=COUNT,
            levels=above(1.5, 3),
        ),
        course(
            Logistics.DUE_AGE,
            "Longest overdue",
            "For how long the longest overdue notice has been due.",
            Query(f"max({of(m.DELIVERIES_OLDEST_DUE_AGE)})", "oldest"),
            unit=SECONDS,
            levels=above(60, 600),
        ),
        course(
            Logistics.LIVE_PAGES,
            "Live pages",
            "Browsers that listen now, and those let go in the step shown because they read too slowly.",
            Query(f"sum({of(m.LIVE_STREAMS)})", "listening"),
            Query(f"sum(increase({of(m.LIVE_STREAMS_DROPPED)}[{RATE}]))", "let go"),
            unit=COUNT,
            levels=alive(),
        ),
    ]


def _stock() -> list[object]:
    return [
        course(
            Logistics.IMPORTS,
            "Rows of files",
            "Rows imported a second, by file and outcome. Refused ones were told to who sent the file.",
            Query(f"sum by (file, outcome) (rate({of(m.IMPORT_ROWS)}[{RATE}]))", "{{file}} {{outcome}}"),
            unit=A_SECOND,
            levels=alive(0.01),
        ),
        course(
            Logistics.ALLOTTED,
            "Set aside to be sold",
            "Units set aside a minute, for slots and for the shelf, and unsold units that went back.",
            Query(f"sum by (purpose) (rate({of(m.UNITS_ALLOTTED)}[{RATE}])) * 60", "{{purpose}}"),
            Query(f"sum(rate({of(m.UNITS_TAKEN_BACK)}[{RATE}])) * 60", "taken back"),
            unit=A_MINUTE,
            levels=alive(0.1),
        ),
        course(
            Logistics.MISSED,
            "Asked for and not served",
            "Units a minute, by why.",
            Query(f"sum by (reason) (rate({of(m.DEMAND_MISSED)}[{RATE}])) * 60", "{{reason}}"),
            unit=A_MINUTE,
            levels=above(100, 1_000),
            stacked=True,
        ),
    ]
