"""The rules of an allotment besides selling: made, featured, released to, closed. Pure.

Every change keeps sold + remaining + returned = offered.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chassis.refusals import Conflict
from contracts.events import ItemFeatured, StockAllotted
from orders import announcing
from orders.model import Allotment, Change, Owed, Window


def from_stock(data: StockAllotted) -> Allotment:
    """The allotment that catalog set aside."""
    return Allotment(
        id=data.allotment_id,
        item_id=data.item_id,
        county=data.county,
        sku=data.sku,
        name_zh=data.name_zh,
        name_en=data.name_en,
        producer_id=data.producer_id,
        weight_g=data.weight_g,
        purpose=data.purpose,
        show_id=data.show_id,
        slot=data.slot,
        price_fen=data.price_fen,
        per_buyer_limit=data.per_buyer_limit,
        offered=data.offered,
        remaining=data.offered,
    )


def for_rehearsal(data: ItemFeatured) -> Allotment:
    """An allotment of nothing: a rehearsed slot sells on the same path as a real one, and no stock stands behind it."""
    return Allotment(
        id=data.allotment_id,
        item_id=data.item_id,
        county=data.county,
        sku=data.sku,
        name_zh=data.name_zh,
        name_en=data.name_en,
        producer_id=data.producer_id,
        weight_g=data.weight_g,
        purpose="slot",
        show_id=data.show_id,
        slot=data.slot,
        rehearsal=True,
        price_fen=data.price_fen,
        per_buyer_limit=data.per_buyer_limit,
        offered=data.offered,
        remaining=data.offered,
    )


def window_of(data: ItemFeatured, sequence: int) -> Window:
    """The price window that featuring a slot opened."""
    return Window(
        allotment_id=data.allotment_id,
        show_id=data.show_id,
        live_price_fen=data.live_price_fen,
        per_buyer_limit=data.per_buyer_limit,
        opens_at=data.opens_at,
        closes_at=data.closes_at,
        sequence=sequence,
    )


def feature(allotment: Allotment, window: Window, now: datetime) -> Change | None:
    """Open the window, unless a later one is known or the allotment is closed. A limit from the stock stays."""
    if allotment.state == "closed" or window.sequence <= allotment.window_sequence:
        return None
    fields: dict[str, Any] = {
        "live_price_fen": window.live_price_fen,
        "opens_at": window.opens_at,
        "closes_at": window.closes_at,
        "window_sequence": window.sequence,
        "sold_before_window": allotment.sold,
    }
    if allotment.per_buyer_limit is None:
        fields["per_buyer_limit"] = window.per_buyer_limit
    return Change(id=allotment.id, version=allotment.version, fields=fields, at=now)


def close(allotment: Allotment, now: datetime) -> Change | None:
    """Sell no more: what remains goes back to stock. Nothing to do when it is closed."""
    if allotment.state == "closed":
        return None
    returned = allotment.returned + allotment.remaining
    return Change(
        id=allotment.id,
        version=allotment.version,
        fields={
            "state": "closed",
            "remaining": 0,
            "returned": returned,
            "revision": 1,
            "closed_at": now,
            "attend_since": now if allotment.least_waiting else allotment.attend_since,
        },
        facts=(announcing.closed(allotment, sold=allotment.sold, returned=returned, revision=1, now=now),),
        at=now,
    )


def release(allotment: Allotment, owed: Iterable[Owed], now: datetime) -> Change | None:
    """Take back units that orders gave up, each once: to be sold again while open, to stock (and told) once closed."""
    fresh = [one for one in owed if one.id not in allotment.released]
    if not fresh:
        return None
    change = _take_back(allotment, sum(one.amount for one in fresh), now)
    return Change(
        id=change.id,
        version=change.version,
        fields=change.fields,
        append={"released": [one.id for one in fresh]},
        facts=change.facts,
        at=now,
    )


def unsell(allotment: Allotment, units: int, now: datetime) -> Change:
    """Take back units of decided lines that became no order, because their request already had one."""
    return _take_back(allotment, units, now)


def _take_back(allotment: Allotment, units: int, now: datetime) -> Change:
    sold = allotment.sold - units
    if allotment.state == "open":
        remaining = allotment.remaining + units
        fields: dict[str, Any] = {"sold": sold, "remaining": remaining}
        if 0 < allotment.least_waiting <= remaining:  # somebody who waits can have it
            fields["attend_since"] = allotment.attend_since or now
        return Change(id=allotment.id, version=allotment.version, fields=fields, at=now)
    returned, revision = allotment.returned + units, allotment.revision + 1
    return Change(
        id=allotment.id,
        version=allotment.version,
        fields={"sold": sold, "returned": returned, "revision": revision},
        facts=(announcing.closed(allotment, sold=sold, returned=returned, revision=revision, now=now),),
        at=now,
    )


def miss(allotment: Allotment, units: int, now: datetime) -> Change:
    """Say how many units buyers wanted and did not get."""
    return Change(id=allotment.id, version=allotment.version, facts=(announcing.missed(allotment, units, now),), at=now)


def require_shelf(allotment: Allotment) -> None:
    """Raises `Conflict` for a slot's allotment: the show's end closes it, not its county."""
    if allotment.purpose != "shelf":
        detail = "A slot's allotment closes when its show ends."
        raise Conflict("closes-with-its-show", detail, show_id=allotment.show_id)
