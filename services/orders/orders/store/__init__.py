"""Orders at rest: the only Mongo code of the service.

Writes what the rules decided, with its events; decides nothing.
"""

from chassis.mongo import Store
from orders.settings import OrdersSettings
from orders.store.allotments import AllotmentRows
from orders.store.buckets import BucketRows
from orders.store.coupons import CouponRows
from orders.store.declined import DeclinedRows
from orders.store.documents import (
    AllotmentDoc,
    BucketDoc,
    CouponDoc,
    DeclinedDoc,
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
from orders.store.rows import Applied, Relays, pause, records_of
from orders.store.taking import SourceRows, Taking
from orders.store.waitlist import WaitlistRows

__all__ = [
    "AllotmentDoc",
    "Applied",
    "BucketDoc",
    "OrderDoc",
    "OrdersStore",
    "ParcelDoc",
    "SourceRows",
    "Taking",
    "WaitlistDoc",
    "pause",
    "records_of",
]


class OrdersStore(Store):
    """The service's documents, a room for each kind."""

    documents = (
        AllotmentDoc,
        BucketDoc,
        CouponDoc,
        WindowDoc,
        EndedShowDoc,
        OrderDoc,
        ParcelDoc,
        DeclinedDoc,
        HubDoc,
        WaitlistDoc,
        NextLotsDoc,
    )

    def __init__(self, relay: Relays, settings: OrdersSettings) -> None:
        super().__init__(relay, settings)  # type: ignore[arg-type]  # a relay is whatever publishes; tests have another
        self.allotments = AllotmentRows(relay)
        self.buckets = BucketRows(relay)
        self.coupons = CouponRows(relay)
        self.orders = OrderRows(relay)
        self.parcels = ParcelRows(relay)
        self.declined = DeclinedRows(relay)
        self.waitlist = WaitlistRows(relay)
