"""The doors of parcels: packing, labels, the way to the buyer. Decides nothing."""

from typing import Final

from chassis.auth import Role
from chassis.http import Answer, Call, Page, http, page
from chassis.refusals import Conflict, Forbidden, NotFound, Stale
from orders import access, freshness
from orders.engine import Engine
from orders.model import Parcel
from orders.parcel_views import (
    ListParcels,
    PackedView,
    PackOrders,
    ParcelView,
    ScanParcel,
    ShipParcel,
    ShipParcels,
    ShippedView,
    parcel_view,
)

COUNTY: Final = frozenset({Role.COUNTY, Role.PLATFORM})
THEIRS: Final = frozenset({Role.BUYER, Role.COUNTY, Role.PLATFORM})


class ParcelDoors:
    """Part of the service; it is never one by itself."""

    engine: Engine

    @http(
        "POST",
        "/parcels/pack",
        who=COUNTY,
        body=PackOrders,
        returns=PackedView,
        summary="Pack a county's paid orders",
        refusals=(Forbidden, Conflict),
    )
    def pack(self, call: Call[PackOrders]) -> PackedView:
        """One parcel for each buyer."""
        call.principal.require_county(call.body.county)
        packed = self.engine.parcels.pack(call.body.county, call.body.limit)
        return PackedView(parcels=packed.parcels, orders=packed.orders)

    @http(
        "POST",
        "/parcels/ship",
        who=COUNTY,
        body=ShipParcels,
        returns=ShippedView,
        summary="Hand a county's packed parcels to a carrier",
        refusals=(Forbidden,),
    )
    def ship_all(self, call: Call[ShipParcels]) -> ShippedView:
        """All that are packed, at most 5,000 at a time."""
        call.principal.require_county(call.body.county)
        return ShippedView(parcels=self.engine.parcels.ship_all(call.body.county, call.body.carrier))

    @http(
        "POST",
        "/parcels/<parcel_id>/ship",
        who=COUNTY,
        body=ShipParcel,
        returns=ParcelView,
        summary="Hand a parcel to a carrier",
        refusals=(Conflict, NotFound, Stale),
    )
    def ship(self, call: Call[ShipParcel], parcel_id: str) -> Answer:
        """Under the carrier's number, or our own. Takes `If-Match`."""
        access.own_parcel(self.engine.store, call.principal, parcel_id)
        carrier, number, if_match = call.body.carrier, call.body.tracking_number, call.headers.get("If-Match")
        return _answer(self.engine.parcels.ship(parcel_id, carrier, number, if_match))

    @http(
        "POST",
        "/parcels/<parcel_id>/scan",
        who=COUNTY,
        body=ScanParcel,
        returns=ParcelView,
        summary="Say where a parcel was seen",
        refusals=(Conflict, NotFound, Stale),
    )
    def scan(self, call: Call[ScanParcel], parcel_id: str) -> Answer:
        """Seen again at the same hub: nothing new. Takes `If-Match`."""
        access.own_parcel(self.engine.store, call.principal, parcel_id)
        return _answer(self.engine.parcels.scan(parcel_id, call.body.hub, call.headers.get("If-Match")))

    @http(
        "POST",
        "/parcels/<parcel_id>/deliver",
        who=COUNTY,
        returns=ParcelView,
        summary="Say that a parcel reached its buyer",
        refusals=(Conflict, NotFound, Stale),
    )
    def deliver(self, call: Call[None], parcel_id: str) -> Answer:
        """Its orders are completed by their buyer, or when the time to send goods back is over. Takes `If-Match`."""
        access.own_parcel(self.engine.store, call.principal, parcel_id)
        return _answer(self.engine.parcels.deliver(parcel_id, call.headers.get("If-Match")))

    @http("GET", "/parcels", who=THEIRS, query=ListParcels, returns=Page[ParcelView], summary="List parcels")
    def parcels(self, call: Call[None]) -> Page[ParcelView]:
        """A buyer's own, a county's own, or for the platform all."""
        asked: ListParcels = call.query
        query = access.scope(call.principal) | ({"state": asked.state} if asked.state else {})
        found = self.engine.store.parcels.page(query, asked.after, asked.limit + 1)
        return page([parcel_view(parcel) for parcel in found], asked.limit, lambda view: view.id)

    @http("GET", "/parcels/<parcel_id>", who=THEIRS, returns=ParcelView, summary="Show a label", refusals=(NotFound,))
    def parcel(self, call: Call[None], parcel_id: str) -> Answer:
        """Only what a carrier needs."""
        return _answer(access.own_parcel(self.engine.store, call.principal, parcel_id))


def _answer(parcel: Parcel | None) -> Answer:
    found = access.there(parcel)
    return Answer(parcel_view(found), headers={"ETag": freshness.etag(found)})
