"""The doors of the waitlist: join, look, leave; and what catalog tells of lots to come. Decides nothing."""

from chassis.auth import Role
from chassis.http import Answer, Call, Page, Paging, http, page
from chassis.kafka import consume
from chassis.refusals import Conflict, Invalid, NotFound
from contracts.codec import Event
from contracts.events import ItemListed
from orders import access
from orders.engine import Engine
from orders.waitlist_views import JoinWaitlist, PlaceView, place_view


class WaitlistDoors:
    """Part of the service; it is never one by itself."""

    engine: Engine

    @http(
        "POST",
        "/allotments/<allotment_id>/waitlist",
        who={Role.BUYER},
        body=JoinWaitlist,
        returns=PlaceView,
        status=201,
        idempotent=True,
        summary="Wait for what is sold out",
        refusals=(Conflict, NotFound, Invalid),
    )
    def join(self, call: Call[JoinWaitlist], allotment_id: str) -> Answer:
        """Refused with `still-available` while it can be bought. The same key again: the same place."""
        joined = self.engine.joining.join(access.joining(call, allotment_id))
        allotment = access.there(self.engine.store.allotments.get(joined.entry.allotment_id))
        headers = {"Idempotency-Replayed": "true"} if joined.again else {}
        return Answer(place_view(joined.entry, allotment, joined.position), headers=headers)

    @http("GET", "/waitlist", who={Role.BUYER}, query=Paging, returns=Page[PlaceView], summary="Where the caller waits")
    def places(self, call: Call[None]) -> Page[PlaceView]:
        """The caller's own places and pre-orders, with what became of them; the oldest first."""
        store, asked = self.engine.store, call.query
        found = store.waitlist.page(call.principal.subject, asked.after, asked.limit + 1)
        allotments = {one.id: one for one in store.allotments.many({entry.allotment_id for entry in found})}
        orders = {order.id: order for order in store.orders.many({entry.order_id for entry in found if entry.order_id})}
        views = [
            place_view(
                entry,
                allotments[entry.allotment_id],
                self.engine.joining.position(entry),
                orders.get(entry.order_id or ""),
            )
            for entry in found
        ]
        return page(views, asked.limit, lambda view: view.id)

    @http("DELETE", "/waitlist/<entry_id>", who={Role.BUYER}, summary="Give up a place", refusals=(Conflict, NotFound))
    def leave(self, call: Call[None], entry_id: str) -> None:
        """Twice is once. What was offered already is an order: cancel that."""
        self.engine.waiting.leave(access.own_place(self.engine.store, call.principal, entry_id))

    @consume(ItemListed, batch=200)
    def list_items(self, events: list[Event]) -> None:
        """Which lots of an item are still to come."""
        self.engine.allotments.list_items(events)
