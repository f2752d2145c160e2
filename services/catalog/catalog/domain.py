"""The rules of what can be sold: items, their lots and the stock set aside from them.

Pure: no database, no broker, no clock; time and identity are arguments. Nothing here knows where an item is kept.

For every item, always:  sum of its lots = on hand + sum of what was allotted − sum of what came back.
"""

from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from chassis.refusals import Conflict, Invalid
from contracts import events
from contracts.events import AllotmentClosed, Fact, ItemListed, StockAllotted
from contracts.types import ItemKind, Purpose


class Contradiction(ValueError):
    """An event says what cannot be true of the stock as it is known here; it is set aside for a person."""


class Lot(events.Lot, frozen=True, kw_only=True):
    """A harvest batch and how many units of it there ever were."""

    quantity: int


class Allotment(msgspec.Struct, frozen=True, kw_only=True):
    """Stock set aside to be sold. `placement` names what it was set aside for where that can be done only once."""

    id: str
    purpose: Purpose
    placement: str | None = None
    show_id: str | None = None
    slot: int | None = None
    offered: int
    price_fen: int
    per_buyer_limit: int | None = None
    allotted_at: datetime
    sold: int = 0
    returned: int = 0
    revision: int = 0

    @property
    def open(self) -> bool:
        """Whether orders may still sell from it, as far as is known here."""
        return self.revision == 0


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What an item is, as its county describes it; the county's and producer's names ride along for the public."""

    kind: ItemKind
    name_zh: str
    name_en: str
    unit: str
    weight_g: int
    price_fen: int
    live_price_fen: int
    shelf_life_days: int
    county_name_zh: str
    county_name_en: str
    producer_id: str
    producer_name_zh: str
    producer_name_en: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What is sold, its stock included. `version` counts its `item.listed` events; `stamp` changes with every write."""

    id: str
    county: str
    sku: str
    details: Details
    lots: tuple[Lot, ...] = ()
    allotments: tuple[Allotment, ...] = ()
    on_hand: int = 0
    version: int = 0
    stamp: str = ""


class Change(NamedTuple):
    """An item as it was (None: unknown), as it is to be, and the facts this causes."""

    before: Item | None
    after: Item
    facts: tuple[Fact, ...]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Stock that somebody wants to set aside."""

    quantity: int
    purpose: Purpose
    placement: str | None = None
    show_id: str | None = None
    slot: int | None = None
    price_fen: int | None = None
    per_buyer_limit: int | None = None


def change(before: Item | None, after: Item, *facts: Fact) -> Change:
    """The change from `before` to `after`; it lists the item anew where its public state differs."""
    if before is not None and _public(before) == _public(after):
        return Change(before, after, facts)
    after = replace(after, version=after.version + 1)
    return Change(before, after, (listed(after), *facts))


def listed(item: Item) -> ItemListed:
    """The item's whole public state: stock is not part of it."""
    return ItemListed(item_id=item.id, county=item.county, sku=item.sku, lots=_public(item)[1], **asdict(item.details))


def _public(item: Item) -> tuple[Details, tuple[events.Lot, ...]]:
    fields = events.Lot.__struct_fields__
    return item.details, tuple(events.Lot(**{name: getattr(lot, name) for name in fields}) for lot in item.lots)


def balance(item: Item) -> int:
    """0 when the stock adds up; what is too much (or, negative, missing) among the lots otherwise."""
    out = sum(allotment.offered - allotment.returned for allotment in item.allotments)
    return sum(lot.quantity for lot in item.lots) - item.on_hand - out


def receive(item: Item, lot: Lot) -> Item:
    """The item with this lot added or corrected. Refused when more is already out than would ever have been."""
    known = next((old for old in item.lots if old.lot == lot.lot), None)
    on_hand = item.on_hand + lot.quantity - (known.quantity if known else 0)
    if on_hand < 0:
        raise Conflict(
            "stock-already-out",
            f"lot {lot.lot} cannot be corrected to {lot.quantity}: {-on_hand} more units are already set aside or sold",
            missing=-on_hand,
        )
    lots = tuple(lot if old is known else old for old in item.lots) if known else (*item.lots, lot)
    return replace(item, lots=lots, on_hand=on_hand)


def placement_in(purpose: Purpose, show_id: str | None, slot: int | None) -> str | None:
    """The name of the show's slot, for which stock is set aside once; None for the shelf. Refused when incomplete."""
    for field, given in (("show_id", show_id), ("slot", slot)):
        if (given is None) is (purpose == "slot"):
            reason = "is needed in an allotment for a slot" if given is None else "belongs to a slot, not to the shelf"
            raise Invalid(
                "slot-and-purpose", reason, field=field, valid="show_id and slot with purpose slot, neither with shelf"
            )
    return f"slot:{show_id}:{slot}" if purpose == "slot" else None


def placed(item: Item, placement: str | None) -> Allotment | None:
    """What was already set aside for this placement."""
    found = (allotment for allotment in item.allotments if allotment.placement == placement)
    return next(found, None) if placement is not None else None


def allot(item: Item, wish: Wish, *, allotment_id: str, now: datetime) -> Allotment:
    """The allotment that grants the wish. Refused when less is on hand, or when the slot has its stock already."""
    if earlier := placed(item, wish.placement):
        raise Conflict(
            "slot-already-allotted",
            f"{earlier.offered} units of {item.sku} are already set aside for this slot.",
            allotment_id=earlier.id,
            offered=earlier.offered,
        )
    if item.on_hand < wish.quantity:
        raise Conflict(
            "insufficient-stock",
            f"{wish.quantity} units of {item.sku} were asked for, {item.on_hand} are on hand.",
            on_hand=item.on_hand,
            asked=wish.quantity,
        )
    return Allotment(
        id=allotment_id,
        purpose=wish.purpose,
        placement=wish.placement,
        show_id=wish.show_id,
        slot=wish.slot,
        offered=wish.quantity,
        price_fen=usual_price(item, wish.purpose) if wish.price_fen is None else wish.price_fen,
        per_buyer_limit=wish.per_buyer_limit,
        allotted_at=now.replace(microsecond=now.microsecond // 1000 * 1000),  # as exactly as it will be remembered
    )


def usual_price(item: Item, purpose: Purpose) -> int:
    """What is asked where nobody said a price: the live price in a show, the everyday price on the shelf."""
    return item.details.live_price_fen if purpose == "slot" else item.details.price_fen


def with_allotment(item: Item, allotment: Allotment) -> Item:
    """The item once the allotment is taken from what is on hand."""
    return replace(item, on_hand=item.on_hand - allotment.offered, allotments=(*item.allotments, allotment))


def allotted(item: Item, allotment: Allotment) -> StockAllotted:
    """The fact that stock was set aside."""
    return StockAllotted(
        allotment_id=allotment.id,
        item_id=item.id,
        county=item.county,
        sku=item.sku,
        name_zh=item.details.name_zh,
        name_en=item.details.name_en,
        producer_id=item.details.producer_id,
        weight_g=item.details.weight_g,
        purpose=allotment.purpose,
        offered=allotment.offered,
        price_fen=allotment.price_fen,
        per_buyer_limit=allotment.per_buyer_limit,
        show_id=allotment.show_id,
        slot=allotment.slot,
        allotted_at=allotment.allotted_at,
    )


def take_back(item: Item, closed: AllotmentClosed) -> Item:
    """The item after an allotment's close or a later correction of it. A revision that is not newer changes nothing.

    Raises `Contradiction` when the figures do not add up; the caller has seen to it that the item knows the allotment.
    """
    known = next(allotment for allotment in item.allotments if allotment.id == closed.allotment_id)
    if closed.revision <= known.revision:
        return item
    if closed.sold + closed.returned != known.offered:
        raise Contradiction(f"sold {closed.sold} + returned {closed.returned} is not the {known.offered} offered")
    on_hand = item.on_hand + closed.returned - known.returned
    if on_hand < 0:
        raise Contradiction(f"{-on_hand} of the units that are said to be sold after all were set aside again since")
    told = replace(known, sold=closed.sold, returned=closed.returned, revision=closed.revision)
    allotments = tuple(told if allotment is known else allotment for allotment in item.allotments)
    return replace(item, on_hand=on_hand, allotments=allotments)


def knows(item: Item, allotment_id: str) -> bool:
    """Whether this allotment was made from the item's stock."""
    return any(allotment.id == allotment_id for allotment in item.allotments)
