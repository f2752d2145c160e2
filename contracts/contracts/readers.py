"""Which service reads which events: what AsyncAPI's receive operations say, and who is asked before an event changes.

A service's own doors decide what it reads; a test compares them with this list, so that neither drifts from the other.
"""

from typing import Final

READERS: Final[dict[str, frozenset[str]]] = {
    "catalog": frozenset({"allotment.closed", "demand.missed"}),
    "broadcast": frozenset(
        {
            "county.listed",
            "item.listed",
            "order.cancelled",
            "order.paid",
            "order.placed",
            "order.returned",
            "stock.allotted",
        }
    ),
    "orders": frozenset(
        {"channel.order.received", "hub.listed", "item.featured", "item.listed", "stock.allotted", "stream.ended"}
    ),
    "notify": frozenset(
        {
            "allotment.closed",
            "item.featured",
            "order.cancelled",
            "order.paid",
            "order.placed",
            "order.returned",
            "parcel.delivered",
            "parcel.shipped",
            "preorder.placed",
            "stream.ended",
            "stream.started",
            "waitlist.offered",
        }
    ),
}


def readers_of(event: str) -> list[str]:
    """The services that read an event."""
    return sorted(service for service, events in READERS.items() if event in events)
