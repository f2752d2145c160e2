"""Coupons, as they are at rest. No rule."""

from datetime import datetime

import msgspec


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon's money set aside for a batch: for which orders, and on which state of which document."""

    batch_id: str
    source_id: str
    source_version: int
    orders: dict[str, int]
    at: datetime

    @property
    def amount_fen(self) -> int:
        """All of it."""
        return sum(self.orders.values())


class Coupon(msgspec.Struct, frozen=True, kw_only=True):
    """An amount off orders of one show and county, once for each buyer.

    Always, at rest: left + held + used = budget.
    """

    code: str = msgspec.field(name="_id")
    show_id: str
    county: str
    discount_fen: int
    least_fen: int
    budget_fen: int
    left_fen: int
    used_fen: int = 0
    opens_at: datetime
    closes_at: datetime
    holds: dict[str, Hold] = {}
    held_since: datetime | None = None
    released: list[str] = []
    version: int = 0
