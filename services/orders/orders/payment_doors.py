"""The doors of payments: a buyer pays, a provider reports. Decides nothing."""

import logging

import msgspec

from chassis import metrics
from chassis.auth import Role
from chassis.http import PUBLIC, RAW, Answer, Call, http
from chassis.refusals import Conflict, Invalid, NotFound, PaymentRequired, Stale, Unauthorized
from contracts import metrics as declared
from orders import access, freshness
from orders.engine import Engine
from orders.payments import Forged, Lost, Notification, PaymentProvider
from orders.views import OrderView, PayOrder, ToPay, order_view

_log = logging.getLogger(__name__)


class PaymentDoors:
    """Part of the service; it is never one by itself."""

    engine: Engine

    @http(
        "POST",
        "/orders/<order_id>/pay",
        who={Role.BUYER},
        body=PayOrder,
        returns=OrderView,
        summary="Pay an order",
        refusals=(Conflict, NotFound, PaymentRequired, Stale, Invalid),
    )
    def pay(self, call: Call[PayOrder], order_id: str) -> Answer:
        """Pay the whole amount. Paid already: the same order again. Takes `If-Match`.

        202 and `to_pay` while the buyer has something to do: do it, or ask again.
        """
        order = access.own_order(self.engine.store, call.principal, order_id)
        freshness.require_fresh(order, call.headers.get("If-Match"))
        paying = self.engine.cashier.begin(order, call.body.method, call.body.token)
        view, tag = order_view(paying.order), {"ETag": freshness.etag(paying.order)}
        if paying.pending is None:
            return Answer(view, headers=tag)
        to_pay = ToPay(provider=paying.provider, kind=paying.pending.kind, value=paying.pending.value)
        return Answer(msgspec.structs.replace(view, to_pay=to_pay), status=202, headers=tag)

    @http(
        "POST",
        "/payments/<provider>/webhooks",
        who=PUBLIC,
        body=RAW,
        summary="Hear what a payment provider reports",
        refusals=(NotFound, Unauthorized),
    )
    def hear(self, call: Call[None], provider: str) -> None:
        """Public because providers have no token of ours: the signature over the body is the authentication.

        What is not signed by the provider, or not lately, is 401 and changes nothing. Reported twice is reported once.
        """
        source = self.engine.providers.at_door(provider)
        try:
            said = _believed(source, call)
        except Lost:
            return
        kind = said.kind if said else "other"
        metrics.counter(declared.PAYMENT_NOTIFICATIONS).labels(source.name, kind).inc()
        if said is not None:
            self.engine.cashier.notified(source.name, said)


def _believed(source: PaymentProvider, call: Call[None]) -> Notification | None:
    try:
        return source.webhook({name.lower(): value for name, value in call.headers}, call.text.encode())
    except Forged as forged:
        metrics.counter(declared.PAYMENT_NOTIFICATIONS).labels(source.name, "forged").inc()
        _log.warning("webhook not believed: %s", forged, extra={"provider": source.name})
        raise Unauthorized("bad-signature", "This was not signed by the provider, or not lately.") from forged
