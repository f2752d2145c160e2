"""Stock set aside on request, stock taken back, demand that was not served: load, decide, commit.

The rules are in `domain.py` and `signals.py`, the writing is `store.py`'s. Each of these may come twice and
counts once.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from catalog import domain, signals
from catalog.domain import Allotment, Item, Wish
from catalog.files import TRIES, contended
from catalog.signals import Telling
from catalog.store import CatalogStore, Request
from chassis.refusals import Invalid, NotFound
from contracts.events import AllotmentClosed
from contracts.ids import new_id

_log = logging.getLogger(__name__)


class Granted(NamedTuple):
    """An allotment and its item; `fresh` unless an earlier request with the same key had made it."""

    item: Item
    allotment: Allotment
    fresh: bool


def grant(store: CatalogStore, county: str, sku: str, wish: Wish, *, key: str, now: datetime) -> Granted:
    """Set stock aside for the request with this key, once. Refused when the key was used for something else."""
    item = next(iter(store.items_by_sku([(county, sku)])), None)
    if item is None:
        raise NotFound("unknown-item", f"County {county} has no item {sku}.")
    allotment_id = _first_request(store, key, [item.id, wish], now).allotment_id
    for _ in range(TRIES):
        if done := next((made for made in item.allotments if made.id == allotment_id), None):
            return Granted(item, done, False)
        allotment = domain.allot(item, wish, allotment_id=allotment_id, now=now)
        if store.set_aside(item, allotment, now):
            return Granted(item, allotment, True)
        item = store.item(item.id) or item
    raise contended()


def _first_request(store: CatalogStore, key: str, what: object, now: datetime) -> Request:
    fingerprint = blake2b(msgspec.json.encode(what), digest_size=16).hexdigest()
    request = store.remember(Request(key, fingerprint, new_id(), now))
    if request.fingerprint != fingerprint:
        raise Invalid(
            "idempotency-key-reused",
            "This Idempotency-Key was used for another request.",
            field="Idempotency-Key",
            valid="a fresh key for every new request",
        )
    return request


def take_back(store: CatalogStore, closes: Iterable[AllotmentClosed], now: datetime) -> int:
    """Apply closes and corrections in order; the number of units that came back to stock."""
    pending: dict[str, list[AllotmentClosed]] = defaultdict(list)
    for closed in closes:
        if not closed.rehearsal:
            pending[closed.item_id].append(closed)
    units = 0
    for _ in range(TRIES):
        items = store.items_by_id(pending)
        changes = [domain.Change(item, _after(item, pending[item.id]), ()) for item in items]
        changes = [change for change in changes if change.before != change.after]
        lost = store.commit(changes, now)
        units += sum(new.on_hand - old.on_hand for old, new, _ in changes if old and new.id not in lost)
        if not lost:
            return units
        pending = {item_id: pending[item_id] for item_id in lost}
    raise contended()


def _after(item: Item, closes: Iterable[AllotmentClosed]) -> Item:
    for closed in closes:
        if domain.knows(item, closed.allotment_id):
            item = domain.take_back(item, closed)
        else:  # made before this database was, or not by this catalog: there is no stock to give it back to
            _log.warning("allotment %s of item %s is not known, its close is skipped", closed.allotment_id, item.id)
    return item


def hear_demand(store: CatalogStore, tellings: Iterable[Telling]) -> Counter[str]:
    """Add missed demand to its signals; the units that were new, by reason."""
    pending: dict[str, list[Telling]] = defaultdict(list)
    for telling in tellings:
        pending[signals.signal_of(telling.missed).id].append(telling)
    units: Counter[str] = Counter()
    for _ in range(TRIES):
        known = store.signals(pending)
        empty = {key: signals.signal_of(told[0].missed) for key, told in pending.items()}
        after = {key: signals.hear(known.get(key, empty[key]), told) for key, told in pending.items()}
        changes = {key: (known.get(key), signal) for key, signal in after.items() if signal != known.get(key)}
        lost = store.keep_signals(changes)
        for before, signal in (change for key, change in changes.items() if key not in lost):
            units[signal.reason] += signal.quantity - (before.quantity if before else 0)
        if not lost:
            return units
        pending = {key: pending[key] for key in lost}
    raise contended()
