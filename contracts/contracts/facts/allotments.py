"""What orders says of allotments and of what could not be sold."""

from typing import Annotated

from msgspec import Meta

from contracts.facts.fact import Fact
from contracts.types import (
    AllotmentId,
    County,
    ItemId,
    MissReason,
    NameEn,
    NameZh,
    Offered,
    ProducerId,
    Rehearsal,
    ShowId,
    Sku,
    SlotNumber,
    SomeUnits,
    Units,
    Utc,
)


class AllotmentClosed(Fact, frozen=True, kw_only=True):
    """An allotment sells no more. Cumulative: a later revision (a late cancellation) replaces an earlier one."""

    allotment_id: AllotmentId
    item_id: ItemId
    county: County
    sku: Sku
    name_zh: NameZh
    name_en: NameEn
    producer_id: ProducerId
    rehearsal: Rehearsal
    show_id: Annotated[ShowId | None, Meta(description="The show it is sold in; null for the shelf.")] = None
    slot: Annotated[SlotNumber | None, Meta(description="The show's slot it is sold in; null for the shelf.")] = None
    offered: Offered
    sold: Annotated[Units, Meta(description="Sales units sold, net of what was cancelled.", examples=[3988])]
    returned: Annotated[Units, Meta(description="Units that go back to stock; offered = sold + returned.")]
    revision: Annotated[int, Meta(ge=1, description="1 at the close, +1 for each later correction.")]
    closed_at: Annotated[Utc, Meta(description="When the allotment closed or was corrected, by orders' clock, UTC.")]


class DemandMissed(Fact, frozen=True, kw_only=True):
    """Demand that was seen and not served, added up over a short while for one item."""

    item_id: ItemId
    county: County
    sku: Sku
    quantity: SomeUnits
    reason: MissReason
    allotment_id: AllotmentId | None = None
    show_id: Annotated[ShowId | None, Meta(description="The show it is sold in; null for the shelf.")] = None
    missed_at: Annotated[Utc, Meta(description="When the count was added up, by orders' clock, UTC.")]
