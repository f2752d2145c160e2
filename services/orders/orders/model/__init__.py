"""The nouns of orders, as they are at rest: field names are the documents' own. No rule, no clock, no database."""

from orders.model.allotments import Allotment, Bucket, Entry, EntryState, NextLot, Window
from orders.model.changes import Change, Owed
from orders.model.coupons import Coupon, Hold
from orders.model.orders import Astray, Batch, Declined, Line, Order, OrderState, Payment, Return
from orders.model.parcels import Hub, Parcel, ParcelState, Scan

__all__ = [
    "Allotment",
    "Astray",
    "Batch",
    "Bucket",
    "Change",
    "Coupon",
    "Declined",
    "Entry",
    "EntryState",
    "Hold",
    "Hub",
    "Line",
    "NextLot",
    "Order",
    "OrderState",
    "Owed",
    "Parcel",
    "ParcelState",
    "Payment",
    "Return",
    "Scan",
    "Window",
]
