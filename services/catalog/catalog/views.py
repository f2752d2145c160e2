"""What is shown of items, stock and signals, and what may be asked for. Shapes only: reads nothing."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from catalog.domain import Item, listed
from catalog.signals import Signal
from chassis.http import Paging
from contracts.events import ItemListed, StockAllotted
from contracts.types import County, Fen, Id, MissReason, Purpose, Sku, SlotNumber, SomeUnits, Units


class InCounty(Paging, kw_only=True, frozen=True):
    """A list, of one county or of all that the caller may see."""

    county: County | None = None


class AskAllotment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stock to set aside: for a show's slot, or for the everyday shelf."""

    county: County
    sku: Sku
    quantity: SomeUnits
    purpose: Purpose
    show_id: Id | None = None
    slot: SlotNumber | None = None
    price_fen: (
        Annotated[Fen, Meta(description="Price in fen; by default the item's live price in a slot, else its price.")]
        | None
    ) = None
    per_buyer_limit: SomeUnits | None = None


class ItemView(ItemListed, frozen=True, kw_only=True):
    """An item as anybody may see it, with where it comes from: lots, villages, indications, certificates."""


class AllotmentView(StockAllotted, frozen=True, kw_only=True):
    """Stock that was set aside."""


class StockView(msgspec.Struct, frozen=True, kw_only=True):
    """An item's stock: received = on_hand + allotted − returned."""

    item_id: Id
    county: County
    sku: Sku
    name_zh: str
    name_en: str
    received: Annotated[Units, Meta(description="Units of all lots together.")]
    on_hand: Annotated[Units, Meta(description="Units that may be set aside.")]
    allotted: Annotated[Units, Meta(description="Units ever set aside to be sold.")]
    sold: Annotated[Units, Meta(description="Units sold from closed allotments.")]
    returned: Annotated[Units, Meta(description="Units that came back from closed allotments.")]


class SignalView(msgspec.Struct, frozen=True, kw_only=True):
    """Demand that was seen and not served."""

    item_id: Id
    county: County
    sku: Sku
    week: Annotated[str, Meta(description="ISO week in China.", examples=["2018-W49"])]
    reason: MissReason
    quantity: Units


def item_view(item: Item) -> ItemView:
    """The item's public state."""
    return ItemView(**_fields(listed(item)))


def allotment_view(told: StockAllotted) -> AllotmentView:
    """The allotment as it was told of."""
    return AllotmentView(**_fields(told))


def stock_view(item: Item) -> StockView:
    """The item's stock, added up."""

    def over(name: str) -> int:
        return sum(getattr(allotment, name) for allotment in item.allotments)

    return StockView(
        item_id=item.id,
        county=item.county,
        sku=item.sku,
        name_zh=item.details.name_zh,
        name_en=item.details.name_en,
        received=sum(lot.quantity for lot in item.lots),
        on_hand=item.on_hand,
        allotted=over("offered"),
        sold=over("sold"),
        returned=over("returned"),
    )


def signal_view(signal: Signal) -> SignalView:
    """The signal without its book-keeping."""
    return SignalView(**{name: getattr(signal, name) for name in SignalView.__struct_fields__})


def _fields(told: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(told, name) for name in told.__struct_fields__}
