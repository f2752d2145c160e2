"""Every event that the services tell one another, and the one source of their schemas.

Each is a fact in the past tense; its topic carries its name. `EVENTS` says for each who may publish it, by which field
it is keyed (the aggregate whose order matters) and whether only the last one of a key is kept. Schemas, AsyncAPI and
the table of events are generated from here. The facts themselves are in `facts/`.
"""

from typing import Final, NamedTuple

from contracts.facts.allotments import AllotmentClosed, DemandMissed
from contracts.facts.broadcast import AudienceSampled, ItemFeatured, StreamEnded, StreamStarted
from contracts.facts.catalog import CountyListed, HubListed, ItemListed, Lot, StockAllotted
from contracts.facts.channels import ChannelOrderReceived, OrderDeclined
from contracts.facts.fact import Fact
from contracts.facts.orders import OrderCancelled, OrderCompleted, OrderFact, OrderPaid, OrderPlaced, OrderReturned
from contracts.facts.parcels import ParcelDelivered, ParcelFact, ParcelPacked, ParcelScanned, ParcelShipped
from contracts.facts.waitlist import PreorderPlaced, WaitlistOffered

__all__ = [
    "EVENTS",
    "AllotmentClosed",
    "AudienceSampled",
    "ChannelOrderReceived",
    "CountyListed",
    "DemandMissed",
    "EventType",
    "Fact",
    "HubListed",
    "ItemFeatured",
    "ItemListed",
    "Lot",
    "OrderCancelled",
    "OrderCompleted",
    "OrderDeclined",
    "OrderFact",
    "OrderPaid",
    "OrderPlaced",
    "OrderReturned",
    "ParcelDelivered",
    "ParcelFact",
    "ParcelPacked",
    "ParcelScanned",
    "ParcelShipped",
    "PreorderPlaced",
    "StockAllotted",
    "StreamEnded",
    "StreamStarted",
    "WaitlistOffered",
    "event_type",
]


class EventType(NamedTuple):
    """An event's place in the system. Its topic is its name.

    Its owner publishes it: a service of ours, or `channels`, the platforms that sell for us.
    """

    name: str
    cls: type[Fact]
    key: str
    owner: str
    compacted: bool = False


_ALL: Final = (
    EventType("county.listed", CountyListed, "county", "catalog", compacted=True),
    EventType("hub.listed", HubListed, "hub", "catalog", compacted=True),
    EventType("item.listed", ItemListed, "item_id", "catalog", compacted=True),
    EventType("stock.allotted", StockAllotted, "allotment_id", "catalog"),
    EventType("stream.started", StreamStarted, "show_id", "broadcast"),
    EventType("item.featured", ItemFeatured, "show_id", "broadcast"),
    EventType("stream.ended", StreamEnded, "show_id", "broadcast"),
    EventType("audience.sampled", AudienceSampled, "show_id", "broadcast"),
    EventType("order.placed", OrderPlaced, "order_id", "orders"),
    EventType("order.paid", OrderPaid, "order_id", "orders"),
    EventType("order.cancelled", OrderCancelled, "order_id", "orders"),
    EventType("order.returned", OrderReturned, "order_id", "orders"),
    EventType("order.completed", OrderCompleted, "order_id", "orders"),
    EventType("channel.order.received", ChannelOrderReceived, "sku", "channels"),
    EventType("order.declined", OrderDeclined, "order_id", "orders"),
    EventType("waitlist.offered", WaitlistOffered, "entry_id", "orders"),
    EventType("preorder.placed", PreorderPlaced, "preorder_id", "orders"),
    EventType("allotment.closed", AllotmentClosed, "allotment_id", "orders"),
    EventType("parcel.packed", ParcelPacked, "parcel_id", "orders"),
    EventType("parcel.shipped", ParcelShipped, "parcel_id", "orders"),
    EventType("parcel.scanned", ParcelScanned, "parcel_id", "orders"),
    EventType("parcel.delivered", ParcelDelivered, "parcel_id", "orders"),
    EventType("demand.missed", DemandMissed, "item_id", "orders"),
)
EVENTS: Final[dict[str, EventType]] = {event.name: event for event in _ALL}
_BY_CLASS: Final[dict[type[Fact], EventType]] = {event.cls: event for event in _ALL}


def event_type(cls: type[Fact]) -> EventType:
    """The registry's entry of an event class; KeyError for a class that is no event."""
    return _BY_CLASS[cls]
