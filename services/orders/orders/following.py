"""How one order can be followed through many traces: a step of its life is a span of its own, with its ids, linked to
the trace in which it was placed, or its parcel was packed. Does nothing where nothing is traced; decides nothing.
"""

from msgspec.structs import replace

from chassis import tracing
from orders.model import Change, Order, Parcel


def order(name: str, change: Change, order: Order) -> Change:
    """The change of an order that is changed together with many others."""
    with tracing.doing(name, links=[order.traceparent], order_id=order.id) as trace:
        return replace(change, traceparent=trace) if trace else change


def parcel(name: str, change: Change, parcel: Parcel) -> Change:
    """The change of a parcel that is under way."""
    links, order_ids = [parcel.traceparent], parcel.order_ids
    with tracing.doing(name, links=links, parcel_id=parcel.id, order_ids=order_ids) as trace:
        return replace(change, traceparent=trace) if trace else change


def packed(change: Change, parcel: Parcel, orders: list[Order]) -> Change:
    """The packing of a parcel, which remembers it: what happens to it later is linked to it."""
    links, order_ids = [order.traceparent for order in orders], [order.id for order in orders]
    with tracing.doing("pack parcel", links=links, parcel_id=parcel.id, order_ids=order_ids) as trace:
        return replace(change, traceparent=trace, fields={**change.fields, "traceparent": trace}) if trace else change
