"""A file's way in: load what its rows are about, decide, commit; what somebody else changed meanwhile is decided again.

The rules are in `imports.py`, the writing is `store.py`'s.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from catalog import domain, imports
from catalog.domain import Allotment, Item, Wish
from catalog.ledger import Ledger, Outcome, Rows
from catalog.store import COUNTIES, HUBS, CatalogStore, Key, Listing
from chassis.refusals import Unavailable
from chassis.rows import Good
from contracts.events import CountyListed, Fact, HubListed
from contracts.ids import new_id

TRIES: Final = 20


def contended() -> Unavailable:
    """The answer when others were quicker every time."""
    return Unavailable("contended", "Others are changing the same things; send the request again, it is safe.")


def land_counties(store: CatalogStore, rows: Rows, now: datetime) -> Outcome:
    """Counties, and with a county's new name its items, which carry it."""
    outcome = _land_listings(store, COUNTIES, rows, imports.judge_counties, now)
    for county in store.counties(_column(rows, "code")).values():
        _rename(store, county, now)
    return outcome


def land_hubs(store: CatalogStore, rows: Rows, office: str | None, now: datetime) -> Outcome:
    """Hubs of known counties."""
    counties = store.counties(_column(rows, "county"))
    judge = partial(imports.judge_hubs, office=office, counties=counties)
    return _land_listings(store, HUBS, rows, judge, now)


def land_items(store: CatalogStore, rows: Rows, office: str | None, now: datetime) -> Outcome:
    """Items with their opening lots."""
    counties = store.counties(_column(rows, "county"))
    return _land(store, rows, partial(imports.judge_items, office=office, counties=counties, new_id=new_id), now)


def land_lots(store: CatalogStore, rows: Rows, office: str | None, now: datetime) -> Outcome:
    """Lots of known items."""
    return _land(store, rows, partial(imports.judge_lots, office=office), now)


def land_allotments(store: CatalogStore, rows: Rows, office: str | None, now: datetime) -> Outcome:
    """Stock set aside for slots and for the shelf."""

    def allot(item: Item, wish: Wish) -> Allotment:
        return domain.allot(item, wish, allotment_id=new_id(), now=now)

    return _land(store, rows, partial(imports.judge_allotments, office=office, allot=allot), now)


def _land(store: CatalogStore, rows: Rows, judge: Callable[[Rows, Ledger], Outcome], now: datetime) -> Outcome:
    outcome = Outcome.empty()
    for _ in range(TRIES):
        ledger = Ledger(store.items_by_sku(_keys(rows)))
        outcome.update(judge(rows, ledger))
        changes = ledger.changes()
        lost_ids = store.commit(changes, now)
        lost = {(item.county, item.sku) for _, item, _ in changes if item.id in lost_ids}
        if not lost:
            return outcome
        rows = [row for row in rows if isinstance(row, Good) and (row.row.county, row.row.sku) in lost]
    raise contended()


def _land_listings(
    store: CatalogStore, listing: Listing, rows: Rows, judge: Callable[..., Outcome], now: datetime
) -> Outcome:
    outcome = Outcome.empty()

    def decide(known: Mapping[str, CountyListed | HubListed]) -> dict[str, Fact]:
        told: dict[str, Fact] = {}
        outcome.update(judge(rows, known, told.__setitem__))
        return told

    for _ in range(TRIES):
        if store.list_anew(listing, _column(rows, "code"), decide, now):
            return outcome
    raise contended()


def _rename(store: CatalogStore, county: CountyListed, now: datetime) -> None:
    for _ in range(TRIES):
        items = store.items_named_otherwise(county)
        if not items:
            return
        names: dict[str, Any] = {"county_name_zh": county.name_zh, "county_name_en": county.name_en}
        renamed = [replace(item, details=replace(item.details, **names)) for item in items]
        store.commit([domain.change(old, new) for old, new in zip(items, renamed, strict=True)], now)
    raise contended()


def _column(rows: Rows, name: str) -> set[str]:
    return {getattr(row.row, name) for row in rows if isinstance(row, Good)}


def _keys(rows: Rows) -> set[Key]:
    return {(row.row.county, row.row.sku) for row in rows if isinstance(row, Good)}
