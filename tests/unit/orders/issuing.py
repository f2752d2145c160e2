"""Coupons are issued, as data: done like what is in `acting.py`."""

from dataclasses import dataclass
from datetime import timedelta

from tests.integration.shop import COUNTY
from tests.unit.orders.evening import Evening, this_moment, unless_refused
from tests.unit.orders.replicas import Replica

from orders.model import Coupon


@dataclass(frozen=True)
class Issue:
    """A county issues a coupon for the show of the nth slot, or the same again on other terms."""

    slot: int
    budget_fen: int
    least_fen: int = 0
    discount_fen: int = 500

    def run(self, evening: Evening, by: Replica) -> None:
        if not evening.shows:
            return
        show = evening.shows[self.slot % len(evening.shows)]
        now = this_moment()
        coupon = Coupon(
            code=f"OF-{show[-12:].upper()}",
            show_id=show,
            county=COUNTY,
            discount_fen=self.discount_fen,
            least_fen=self.least_fen,
            budget_fen=self.budget_fen,
            left_fen=self.budget_fen,
            opens_at=now - timedelta(minutes=30),
            closes_at=now + timedelta(hours=1),
        )
        evening.books.issuing(coupon)
        if coupon.code not in evening.coupons:
            evening.coupons.append(coupon.code)
        if unless_refused(lambda: by.engine.placing.couponing.issue(coupon)):
            evening.books.promise("issue", coupon.code)
