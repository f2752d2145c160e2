"""The rules of what other platforms sold: from which allotment it is served, whether a number is known, why the answer
is no. Pure; files (`channels.py`) and events (`declining.py`) come here with the same nouns.

A sale that names no allotment is served from the oldest open shelf of its SKU that has enough for it. What holds for
our own buyers and not here: the price and its window (the other platform sold at its own), and limits for each buyer.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from chassis.refusals import Refusal
from orders import domain
from orders.domain import Request
from orders.model import Allotment, Order


class Sale(NamedTuple):
    """A line of another platform's order. `key` makes the same line the same request, however often it comes."""

    key: str
    channel: str
    external_number: str
    sku: str
    buyer_id: str
    quantity: int
    unit_price_fen: int
    placed_at: datetime
    county: str | None = None
    allotment_id: str | None = None


class Served(NamedTuple):
    """It is this order; `fresh`: since now."""

    order: Order
    fresh: bool


class No(NamedTuple):
    """It cannot be served, for a reason that is a word, and `remaining` units where some were left."""

    reason: str
    detail: str
    remaining: int | None = None


NUMBER_REUSED = No("number-reused", "This number was used before, for something else.")


def sale_key(channel: str, external_number: str, sku: str, line: int) -> str:
    """What makes a line of another platform's order the same line."""
    return domain.request_key(f"channel:{channel}", f"{external_number}:{sku}:{line}")


def says_the_same(sale: Sale, known: Order) -> bool:
    """Whether the sale says what it said when it became the known order."""
    asked = (sale.quantity, sale.unit_price_fen, sale.buyer_id, sale.allotment_id or known.allotment_id)
    return asked == (known.quantity, known.unit_price_fen, known.buyer_id, known.allotment_id)


def plan(
    sales: Sequence[Sale], shelves: Iterable[Allotment], tried: Mapping[str, AbstractSet[str]]
) -> dict[str, Allotment | No | None]:
    """From which shelf each sale is to be served (None: nothing is left to try), besides those tried in vain."""
    by_sku: defaultdict[str, list[Allotment]] = defaultdict(list)
    for shelf in shelves:
        by_sku[shelf.sku].append(shelf)
    left = {shelf.id: shelf.remaining for found in by_sku.values() for shelf in found}
    planned: dict[str, Allotment | No | None] = {}
    for sale in sales:
        chosen = planned[sale.key] = _choose(sale, by_sku[sale.sku], left, tried.get(sale.key, frozenset()))
        if isinstance(chosen, Allotment):
            left[chosen.id] -= min(sale.quantity, left[chosen.id])
    return planned


def _choose(
    sale: Sale, shelves: Sequence[Allotment], left: Mapping[str, int], tried: AbstractSet[str]
) -> Allotment | No | None:
    theirs = [one for one in shelves if sale.county in (None, one.county)]
    if len({one.county for one in theirs}) > 1:
        return No("county-missing", "Several counties sell this SKU: name the county.")
    untried = [one for one in theirs if one.id not in tried]
    for one in untried:
        # What is lent to replicas is not counted in what remains, but it can be had.
        if one.loans or domain.free_units(one, left[one.id]) >= sale.quantity:
            return one
    return untried[-1] if untried and not tried else None


def request(sale: Sale, allotment_id: str, order_id: str, now: datetime) -> Request:
    """What is asked of the allotment."""
    return Request(
        order_id=order_id,
        allotment_id=allotment_id,
        buyer_id=sale.buyer_id,
        quantity=sale.quantity,
        channel=sale.channel,
        request_key=sale.key,
        arrived_at=now,
        placed_at=sale.placed_at,
        unit_price_fen=sale.unit_price_fen,
        external_number=sale.external_number,
        imported=True,
    )


def refused(refusal: Refusal) -> No:
    """The engine's answer, as the other platform is told."""
    return No(refusal.code, refusal.detail, refusal.figures.get("remaining"))


def misnamed(sale: Sale, allotment: Allotment | None) -> No | None:
    """Why the sale cannot be served from the allotment that it names, if that can be seen from its name."""
    if allotment is None:
        return No("no-such-allotment", "There is no such allotment.")
    if allotment.rehearsal:
        return No("rehearsal", "This allotment is a rehearsal's: there is nothing behind it.")
    if allotment.sku != sale.sku:
        return No("wrong-sku", f"This allotment is of {allotment.sku}.")
    return _wrong_county(sale) if sale.county not in (None, allotment.county) else None


def unserved(sale: Sale, of_sku: Iterable[Allotment]) -> No:
    """Why no open shelf was found for the sale, seen from all allotments of its SKU there ever were."""
    real = [one for one in of_sku if not one.rehearsal]
    if not real:
        return No("unknown-sku", f"No county has ever offered {sale.sku} here.")
    theirs = [one for one in real if sale.county in (None, one.county)]
    if not theirs:
        return _wrong_county(sale)
    if any(one.purpose == "shelf" for one in theirs):
        return No("allotment-closed", "This is not sold any more.")
    return No("not-on-a-shelf", "This is sold in shows only: name the allotment.")


def _wrong_county(sale: Sale) -> No:
    return No("wrong-county", f"County {sale.county} does not offer {sale.sku} here.")
