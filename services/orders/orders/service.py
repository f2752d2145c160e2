"""The doors of orders: HTTP routes, events, timers. Decides nothing: says who may come in and whom to ask.

The doors of an order's life are in `life_doors.py`, those of parcels in `parcel_doors.py`, those
of the waitlist in `waitlist_doors.py`.
"""

import logging
from importlib.metadata import version

from nameko.timer import timer

from chassis import tracing
from chassis.auth import Role
from chassis.http import PUBLIC, Answer, Call, Page, http, page
from chassis.kafka import consume
from chassis.outages import MONGODB_AWAY
from chassis.refusals import Conflict, Invalid, NotFound, Stale
from contracts.codec import Event
from contracts.events import HubListed, ItemFeatured, StockAllotted, StreamEnded
from orders import access, domain, freshness
from orders.channel_doors import ChannelDoors
from orders.coupon_doors import CouponDoors
from orders.engine import Engine, Selling
from orders.life_doors import LifeDoors
from orders.model import Allotment, Hub
from orders.parcel_doors import COUNTY, THEIRS, ParcelDoors
from orders.payment_doors import PaymentDoors
from orders.settings import OrdersSettings
from orders.store import OrdersStore
from orders.views import (
    AllotmentView,
    ListAllotments,
    ListOrders,
    OrderView,
    PlaceOrder,
    allotment_view,
    order_view,
)
from orders.waitlist_doors import WaitlistDoors

_log = logging.getLogger(__name__)


class OrdersService(ChannelDoors, CouponDoors, LifeDoors, ParcelDoors, PaymentDoors, WaitlistDoors):
    """Nothing oversold, nothing lost, parcels out."""

    name = "orders"
    version = version("shanhuo-orders")
    settings_class = OrdersSettings

    engine: Engine = Selling(OrdersStore)  # nameko puts the engine in its place

    @http(
        "POST",
        "/orders",
        who={Role.BUYER},
        body=PlaceOrder,
        returns=OrderView,
        status=201,
        idempotent=True,
        summary="Place an order",
        refusals=(Conflict, NotFound, Invalid),
    )
    def place(self, call: Call[PlaceOrder]) -> Answer:
        """Sell from an allotment. The same key and request again: the same order, with `Idempotency-Replayed: true`."""
        outcome = self.engine.place(access.request(call, self.engine.settings.pay_within_seconds))
        if isinstance(outcome, domain.Refused):
            raise outcome.refusal
        tracing.relate(outcome.order.traceparent, order_id=outcome.order.id)
        again = {"Idempotency-Replayed": "true"} if isinstance(outcome, domain.Replayed) else {}
        return Answer(order_view(outcome.order), headers={"ETag": freshness.etag(outcome.order), **again})

    @http("GET", "/orders", who=THEIRS, query=ListOrders, returns=Page[OrderView], summary="List orders")
    def orders(self, call: Call[None]) -> Page[OrderView]:
        """A buyer's own, a county's own, or for the platform all; the oldest first."""
        asked: ListOrders = call.query
        query = access.scope(call.principal) | ({"state": asked.state} if asked.state else {})
        found = self.engine.store.orders.page(query, asked.after, asked.limit + 1)
        parcels = self.engine.store.parcels.of_orders(order.parcel_id for order in found)
        views = [order_view(order, parcels.get(order.parcel_id or "")) for order in found]
        return page(views, asked.limit, lambda view: view.id)

    @http("GET", "/orders/<order_id>", who=THEIRS, returns=OrderView, summary="Show an order", refusals=(NotFound,))
    def order(self, call: Call[None], order_id: str) -> Answer:
        """An order, with how far its parcel is."""
        order = access.own_order(self.engine.store, call.principal, order_id)
        parcel = self.engine.store.parcels.of(order)
        return Answer(order_view(order, parcel), headers={"ETag": freshness.etag(order)})

    @http("GET", "/allotments", who=PUBLIC, query=ListAllotments, returns=Page[AllotmentView], summary="What is sold")
    def allotments(self, call: Call[None]) -> Page[AllotmentView]:
        """What is or was for sale, by show, county or purpose."""
        asked: ListAllotments = call.query
        wanted = {"show_id": asked.show_id, "county": asked.county, "purpose": asked.purpose}
        query = {name: value for name, value in wanted.items() if value is not None}
        found = self.engine.store.allotments.page(query, asked.after, asked.limit + 1)
        whole = self.engine.placing.buckets.whole(found)
        return page([allotment_view(one) for one in whole], asked.limit, lambda view: view.id)

    @http(
        "GET", "/allotments/<allotment_id>", who=PUBLIC, returns=AllotmentView, summary="Show one", refusals=(NotFound,)
    )
    def allotment(self, _: Call[None], allotment_id: str) -> Answer:
        """Price, window, limit, and how many remain."""
        found = access.there(self.engine.store.allotments.get(allotment_id))
        return _answer(*self.engine.placing.buckets.whole([found]))

    @http(
        "POST",
        "/allotments/<allotment_id>/close",
        who=COUNTY,
        returns=AllotmentView,
        summary="Take an allotment off the shelf",
        refusals=(Conflict, NotFound, Stale),
    )
    def close(self, call: Call[None], allotment_id: str) -> Answer:
        """Sell no more of it; what remains goes back to stock. Twice is once. Takes `If-Match`."""
        access.own_shelf(self.engine.store, call.principal, allotment_id)
        return _answer(self.engine.allotments.close(allotment_id, call.headers.get("If-Match")))

    @consume(StockAllotted, batch=500)
    def allot(self, events: list[Event]) -> None:
        """Stock was set aside to be sold."""
        self.engine.allotments.allot([event.data for event in events])

    @consume(ItemFeatured)
    def feature(self, event: Event) -> None:
        """A slot is on screen."""
        self.engine.allotments.feature(event)

    @consume(StreamEnded)
    def end_show(self, event: Event) -> None:
        """A show ended."""
        self.engine.allotments.end_show(event.data)

    @consume(HubListed, batch=100)
    def list_hubs(self, events: list[Event]) -> None:
        """A hub is where, and of which kind."""
        self.engine.store.parcels.remember_hubs(
            Hub(
                id=event.data.hub,
                county=event.data.county,
                kind=event.data.kind,
                name_zh=event.data.name_zh,
                sequence=event.sequence,
            )
            for event in events
        )

    @timer(interval=1)
    def tick(self) -> None:
        """Tidy finished batches, say what was missed."""
        try:
            self.engine.tick()
        except MONGODB_AWAY as away:
            _log.warning("nothing tidied, the next tick tries again: %s", away)

    @timer(interval=2)
    def watch(self) -> None:
        """Gauges of what is on screen."""
        try:
            self.engine.watching.look_at_screen()
        except MONGODB_AWAY as away:
            _log.warning("gauges keep what was last known: %s", away)

    @timer(interval=30)
    def look_around(self) -> None:
        """Gauges of parcels, and whether anything was oversold."""
        try:
            self.engine.watching.look_around()
        except MONGODB_AWAY as away:
            _log.warning("gauges keep what was last known: %s", away)

    @timer(interval=2)
    def sweep(self) -> None:
        """Finish what a dead process left, end what nobody paid."""
        try:
            self.engine.sweep()
        except MONGODB_AWAY as away:
            _log.warning("nothing swept, the next sweep tries again: %s", away)


def _answer(allotment: Allotment | None) -> Answer:
    found = access.there(allotment)
    return Answer(allotment_view(found), headers={"ETag": freshness.etag(found)})
