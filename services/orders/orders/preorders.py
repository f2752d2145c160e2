"""The rules of pre-orders: who waited in vain waits for the item's next lot, and comes first when it is sold. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from contracts.events import ItemListed
from orders import announcing, domain, waitlist
from orders.model import Allotment, Change, Entry, NextLot

_CHINA: Final = timedelta(hours=8)  # days of harvest are China's, which has one time and keeps it all year
_BEFORE_ALL: Final = -(2**62)


def tell_missed(allotment: Allotment, units: int, now: datetime) -> Change:
    """It closed: say once what they waited for in vain. That it was said is that nobody counts as waiting any more."""
    facts = (announcing.missed(allotment, units, now, "waitlist"),) if units and not allotment.rehearsal else ()
    fields = {"least_waiting": 0, "joining": []}
    return Change(id=allotment.id, version=allotment.version, fields=fields, facts=facts, at=now)


def end(allotment: Allotment, entry: Entry, lot: NextLot | None, now: datetime) -> Change:
    """It closed: they wait for the next lot, or were missed."""
    if lot is None or allotment.rehearsal:
        return Change(id=entry.id, version=entry.version, fields={"state": "missed"}, at=now)
    return Change(
        id=entry.id,
        version=entry.version,
        fields={
            "state": "preordered",
            "preorder_of": allotment.item_id,
            "lot": lot.lot,
            "expected_on": lot.expected_on,
            "ticket": _senior(entry, now),
        },
        facts=(announcing.preordered(allotment, entry, lot, now),),
        at=now,
    )


def _senior(entry: Entry, now: datetime) -> int:
    """A ticket before all that an allotment gives; among its like, the earlier pre-order is first."""
    if entry.ticket < 0:
        return entry.ticket
    return _BEFORE_ALL + int(now.timestamp() * 1000) * 1_000_000 + entry.ticket


def lots_of(listed: ItemListed) -> list[NextLot]:
    """The lots of an item whose days are known."""
    return [NextLot(lot=lot.lot, expected_on=lot.harvested_on) for lot in listed.lots if lot.harvested_on]


def next_lot(lots: Iterable[NextLot], now: datetime) -> NextLot | None:
    """The lot that comes next, if any is to come."""
    today = (now + _CHINA).date()
    coming = [lot for lot in lots if lot.expected_on > today]
    return min(coming, key=lambda lot: (lot.expected_on, lot.lot), default=None)


def promised(allotments: Iterable[Allotment], ordered: Mapping[str, Sequence[Entry]], now: datetime) -> list[Allotment]:
    """New allotments; those of the shelf with who ordered ahead first on the waitlist, as many as can be served."""
    left = {item: list(entries) for item, entries in ordered.items()}
    made = []
    for allotment in allotments:
        queue = left.get(allotment.item_id, []) if allotment.purpose == "shelf" else []
        chosen = waitlist.fitting(allotment.remaining, queue)
        if chosen:
            left[allotment.item_id] = [entry for entry in queue if entry not in chosen]
        made.append(_promised_to(allotment, chosen, now) if chosen else allotment)
    return made


def _promised_to(allotment: Allotment, chosen: Sequence[Entry], now: datetime) -> Allotment:
    return msgspec.structs.replace(
        allotment,
        joining=[_moved(entry, allotment) for entry in chosen],
        least_waiting=min(entry.quantity for entry in chosen),
        attend_since=now,
    )


def _moved(entry: Entry, allotment: Allotment) -> Entry:
    return msgspec.structs.replace(
        entry,
        allotment_id=allotment.id,
        unit_price_fen=domain.price_fen(allotment),
        state="waiting",
        preorder_of=None,
        version=entry.version + 1,
    )


def move(moved: Entry, now: datetime) -> Change:
    """Write what `promised` decided, unless the pre-order was given up or moved elsewhere meanwhile."""
    return Change(
        id=moved.id,
        version=moved.version - 1,
        fields={
            "allotment_id": moved.allotment_id,
            "unit_price_fen": moved.unit_price_fen,
            "state": "waiting",
            "preorder_of": None,
        },
        at=now,
    )
