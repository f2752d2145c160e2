"""Orders at rest: the only Mongo code of the service.

Writes what the rules decided, with its events; decides nothing.
"""

from chassis.mongo import Store
from orders.settings import OrdersSettings
from orders.store.allotments import AllotmentRows, Taking
from orders.store.documents import (
    AllotmentDoc,
    EndedShowDoc,
    HubDoc,
    NextLotsDoc,
    OrderDoc,
    ParcelDoc,
    WaitlistDoc,
    WindowDoc,
)
from orders.store.orders import OrderRows
from orders.store.parcels import ParcelRows
from orders.store.rows import Relays, pause
from orders.store.waitlist import WaitlistRows

__all__ = ["AllotmentDoc", "OrderDoc", "OrdersStore", "ParcelDoc", "Taking", "pause"]


class OrdersStore(Store):
    """The service's documents, a room for each kind."""

    documents = (AllotmentDoc, WindowDoc, EndedShowDoc, OrderDoc, ParcelDoc, HubDoc, WaitlistDoc, NextLotsDoc)

    def __init__(self, relay: Relays, settings: OrdersSettings) -> None:
        super().__init__(relay, settings)  # type: ignore[arg-type]  # a relay is whatever publishes; tests have another
        self.allotments = AllotmentRows(relay)
        self.orders = OrderRows(relay)
        self.parcels = ParcelRows(relay)
        self.waitlist = WaitlistRows(relay)
