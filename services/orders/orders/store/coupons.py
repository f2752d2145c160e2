"""Coupons at rest."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from orders.model import Coupon
from orders.store.documents import CouponDoc
from orders.store.rows import NEVER, Relays, Rows, document_of


class CouponRows(Rows[Coupon]):
    """The collection of coupons."""

    def __init__(self, relay: Relays) -> None:
        super().__init__(CouponDoc, Coupon, relay)

    def add(self, coupons: Iterable[Coupon]) -> None:
        """Issue those that are new; the others are as they are."""
        self.insert_new([document_of(coupon) for coupon in coupons])

    def of_show(self, show_id: str, after: str | None, limit: int) -> list[Coupon]:
        """A show's, in the order of their codes, after a cursor."""
        query = {"show_id": show_id} | ({"_id": {"$gt": after}} if after else {})
        return self.find(query, limit=limit, sort="_id")

    def holding(self, since_before: datetime) -> list[Coupon]:
        """Those that may hold money for a batch that died."""
        return self.find({"held_since": {"$gt": NEVER, "$lt": since_before}}, limit=500)

    def forget_released(self, code: str, released: Sequence[str]) -> None:
        """The orders owe this no more, so it need not be remembered."""
        self.collection.update_one({"_id": code}, {"$pull": {"released": {"$in": list(released)}}})
