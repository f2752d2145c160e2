"""Who takes the money: one small interface, and a room for each provider behind it. `choosing.py` says which are on.

Nothing outside imports a provider's SDK; nothing inside knows of orders' lives, documents or doors.
"""

from orders.payments.choosing import Providers, chosen
from orders.payments.drilled import drilled
from orders.payments.interface import (
    CURRENCY,
    Charge,
    Declined,
    Forged,
    Lost,
    Notification,
    Paid,
    PaymentProvider,
    Pending,
    Purchase,
    Refund,
    RefundRefused,
)
from orders.payments.test import TestProvider

__all__ = [
    "CURRENCY",
    "Charge",
    "Declined",
    "Forged",
    "Lost",
    "Notification",
    "Paid",
    "PaymentProvider",
    "Pending",
    "Providers",
    "Purchase",
    "Refund",
    "RefundRefused",
    "TestProvider",
    "chosen",
    "drilled",
]
