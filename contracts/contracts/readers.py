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

# What each replica of a service reads whole, for itself, and its consumer group does not: no offset of it is committed.
EVERYWHERE: Final[dict[str, frozenset[str]]] = {"notify": frozenset({"order.placed"})}


def shared_out(service: str) -> frozenset[str]:
    """What a service's replicas read among them, as its consumer group: where the group's lag can be seen."""
    return READERS[service] - EVERYWHERE.get(service, frozenset())


def readers_of(event: str) -> list[str]:
    """The services that read an event."""
    return sorted(service for service, events in READERS.items() if event in events)
