"""What the orders service must be told, beyond what every service needs."""

from typing import Annotated

from msgspec import Meta

from chassis.config import Count, Seconds
from orders.payments.settings import PaymentSettings


class OrdersSettings(PaymentSettings, frozen=True, kw_only=True):
    """Settings of orders besides those of payments; the variable of a field is its name in upper case."""

    pay_within_seconds: Annotated[int, Meta(ge=1, description="Time a buyer has to pay before the order lapses.")] = 900
    offer_within_seconds: Annotated[int, Meta(ge=1, description="Time to pay what the waitlist offered.")] = 600
    settle_after_seconds: Seconds = 2.0
    complete_after_days: Annotated[float, Meta(ge=0, description="Time to send delivered goods back.")] = 7.0
    placing_batch: Count = 256
    placing_lanes: Annotated[int, Meta(ge=1, description="Group commits of one process that run side by side.")] = 2
    import_chunk_rows: Count = 4_000
    bucket_least_units: Annotated[int, Meta(ge=0, description="Least stock of which some is lent; 0: none.")] = 256
    sold_out_memory_seconds: Seconds = 0.5
