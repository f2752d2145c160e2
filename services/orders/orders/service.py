"""The doors of orders: HTTP routes, events, timers. Decides nothing: says who may come in and whom to ask.

The doors of parcels are in `parcel_doors.py`, those of the waitlist in `waitlist_doors.py`.
"""

import logging
from importlib.metadata import version

from nameko.timer import timer

from chassis.auth import Role
from chassis.http import CSV, PUBLIC, Answer, Call, Page, http, page
from chassis.kafka import consume
from chassis.outages import MONGODB_AWAY
from chassis.refusals import Conflict, Invalid, NotFound, PaymentRequired, Stale
from chassis.rows import RowReport
from contracts.codec import Event
from contracts.events import HubListed, ItemFeatured, StockAllotted, StreamEnded
from orders import access, domain, lifecycle
from orders.engine import Engine, Selling
from orders.model import Hub
from orders.parcel_doors import COUNTY, THEIRS, ParcelDoors
from orders.settings import OrdersSettings
from orders.store import OrdersStore
from orders.views import (
    AllotmentView,
    ListAllotments,
    ListOrders,
    OrderView,
    PayOrder,
    PlaceOrder,
    ReturnGoods,
    allotment_view,
    order_view,
)
from orders.waitlist_doors import WaitlistDoors

_log = logging.getLogger(__name__)


class OrdersService(ParcelDoors, WaitlistDoors):
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
        again = {"Idempotency-Replayed": "true"} if isinstance(outcome, domain.Replayed) else {}
        return Answer(order_view(outcome.order), headers={"ETag": lifecycle.etag(outcome.order), **again})

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
        parcel = self.engine.store.parcels.get(order.parcel_id) if order.parcel_id else None
        return Answer(order_view(order, parcel), headers={"ETag": lifecycle.etag(order)})

    @http(
        "POST",
        "/orders/<order_id>/pay",
        who={Role.BUYER},
        body=PayOrder,
        returns=OrderView,
        summary="Pay an order",
        refusals=(Conflict, NotFound, PaymentRequired),
    )
    def pay(self, call: Call[PayOrder], order_id: str) -> OrderView:
        """Pay the whole amount. Paid already: the same order again."""
        order = access.own_order(self.engine.store, call.principal, order_id)
        return order_view(self.engine.cashier.pay(order, call.body.token))

    @http(
        "POST",
        "/orders/<order_id>/cancel",
        who=THEIRS,
        returns=OrderView,
        summary="Cancel an order that is not packed",
        refusals=(Conflict, NotFound, Stale),
    )
    def cancel(self, call: Call[None], order_id: str) -> Answer:
        """End the order; its units are free again and what was paid goes back. Takes `If-Match`."""
        access.own_order(self.engine.store, call.principal, order_id)
        by: lifecycle.Canceller = "buyer" if access.is_buyer(call.principal) else "county"
        order = access.there(self.engine.aftercare.cancel(order_id, by, call.headers.get("If-Match")))
        return Answer(order_view(order), headers={"ETag": lifecycle.etag(order)})

    @http(
        "POST",
        "/orders/<order_id>/return",
        who=COUNTY,
        body=ReturnGoods,
        returns=OrderView,
        idempotent=True,
        summary="Take goods back",
        refusals=(Conflict, NotFound, Stale, Invalid),
    )
    def take_back(self, call: Call[ReturnGoods], order_id: str) -> Answer:
        """Goods of a paid order came back: refunded, and sold again if `restock`. Takes `If-Match`."""
        access.own_order(self.engine.store, call.principal, order_id)
        found = self.engine.aftercare.give_back(
            order_id,
            return_id=domain.request_key(call.principal.subject, call.idempotency_key or ""),
            quantity=call.body.quantity,
            restock=call.body.restock,
            if_match=call.headers.get("If-Match"),
        )
        order = access.there(found)
        return Answer(order_view(order), headers={"ETag": lifecycle.etag(order)})

    @http("GET", "/allotments", who=PUBLIC, query=ListAllotments, returns=Page[AllotmentView], summary="What is sold")
    def allotments(self, call: Call[None]) -> Page[AllotmentView]:
        """What is or was for sale, by show, county or purpose."""
        asked: ListAllotments = call.query
        wanted = {"show_id": asked.show_id, "county": asked.county, "purpose": asked.purpose}
        query = {name: value for name, value in wanted.items() if value is not None}
        found = self.engine.store.allotments.page(query, asked.after, asked.limit + 1)
        return page([allotment_view(one) for one in found], asked.limit, lambda view: view.id)

    @http(
        "GET", "/allotments/<allotment_id>", who=PUBLIC, returns=AllotmentView, summary="Show one", refusals=(NotFound,)
    )
    def allotment(self, _: Call[None], allotment_id: str) -> AllotmentView:
        """Price, window, limit, and how many remain."""
        return allotment_view(access.there(self.engine.store.allotments.get(allotment_id)))

    @http(
        "POST",
        "/allotments/<allotment_id>/close",
        who=COUNTY,
        returns=AllotmentView,
        summary="Take an allotment off the shelf",
        refusals=(Conflict, NotFound),
    )
    def close(self, call: Call[None], allotment_id: str) -> AllotmentView:
        """Sell no more of it; what remains goes back to stock. Twice is once."""
        access.own_shelf(self.engine.store, call.principal, allotment_id)
        return allotment_view(access.there(self.engine.allotments.close(allotment_id)))

    @http(
        "POST",
        "/channels/<channel>/orders",
        who={Role.PLATFORM},
        body=CSV,
        returns=RowReport,
        summary="Import another platform's orders",
        refusals=(Invalid,),
    )
    def import_orders(self, call: Call[None], channel: str) -> RowReport:
        """Columns: invoice, sku, quantity, placed_at, unit_price (yuan), customer. Imported twice, nothing changes."""
        return self.engine.importing.take_in(access.channel(channel), call.text)

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
    def sweep(self) -> None:
        """Finish what a dead process left, end what nobody paid."""
        try:
            self.engine.sweep()
        except MONGODB_AWAY as away:
            _log.warning("nothing swept, the next sweep tries again: %s", away)
