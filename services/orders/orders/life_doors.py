"""The doors of an order's life after it was placed: cancelled, sent back, completed. Decides nothing."""

from chassis.auth import Role
from chassis.http import Answer, Call, http
from chassis.refusals import Conflict, Invalid, NotFound, Stale
from orders import access, domain, freshness, lifecycle
from orders.engine import Engine
from orders.model import Order
from orders.parcel_doors import COUNTY, THEIRS
from orders.views import OrderView, ReturnGoods, order_view


class LifeDoors:
    """Part of the service; it is never one by itself."""

    engine: Engine

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
        return self._answer(self.engine.aftercare.cancel(order_id, by, call.headers.get("If-Match")))

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
        return self._answer(found)

    @http(
        "POST",
        "/orders/<order_id>/complete",
        who={Role.BUYER},
        returns=OrderView,
        summary="Confirm the receipt of an order",
        refusals=(Conflict, NotFound, Stale),
    )
    def complete(self, call: Call[None], order_id: str) -> Answer:
        """A delivered order is over; nothing of it can be sent back any more. Twice is once. Takes `If-Match`."""
        access.own_order(self.engine.store, call.principal, order_id)
        return self._answer(self.engine.completing.confirm(order_id, call.headers.get("If-Match")))

    def _answer(self, order: Order | None) -> Answer:
        found = access.there(order)
        view = order_view(found, self.engine.store.parcels.of(found))
        return Answer(view, headers={"ETag": freshness.etag(found)})
