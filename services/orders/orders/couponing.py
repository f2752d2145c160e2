"""Coupons on their way through a batch: held before its units are taken, used or given back after. Decides nothing.

A hold says for which batch, and on which version of the document that the batch's units come from. Who finds an old
one makes sure that the batch can no longer be written, by changing that version, and then sees which orders there are:
used is what they used, the rest is left again. What an ended order used comes back as every debt does: `aftercare.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis.clock import utcnow
from orders import batches, coupons
from orders.model import Allotment, Bucket, Change, Coupon, Hold, Line, Order
from orders.settings import OrdersSettings
from orders.settling import Settling
from orders.store import OrdersStore, SourceRows


class Couponing:
    """One for each process."""

    def __init__(
        self,
        store: OrdersStore,
        settling: Settling,
        settings: OrdersSettings,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._store = store
        self._settling = settling
        self._clock = clock
        self._settle_after = timedelta(seconds=settings.settle_after_seconds)

    def issue(self, coupon: Coupon) -> Coupon:
        """Make a coupon; the same again is the same. Raises `Conflict` when its code is another's."""
        known = self._store.coupons.get(coupon.code)
        if known is None:
            coupons.issue(coupon, self._clock())
            self._store.coupons.add([coupon])
            known = self._store.coupons.get(coupon.code) or coupon
        coupons.same_or_taken(known, coupon)
        return known

    def known(self, codes: Iterable[str | None]) -> dict[str, Coupon]:
        """The coupons of these codes."""
        wanted = {code for code in codes if code is not None}
        return {coupon.code: coupon for coupon in self._store.coupons.many(wanted)} if wanted else {}

    def hold(self, batch: str, source: Allotment | Bucket, lines: Sequence[Line], known: dict[str, Coupon]) -> bool:
        """Set aside what the lines need, and say so in `known`.

        False: somebody was faster with a coupon, and nothing is held.
        """
        now = self._clock()
        for code, hold in coupons.held(lines, batch, source, now).items():
            change = coupons.hold(known[code], hold, now)
            if change is None or not self._store.coupons.change(change):
                self.conclude_sale(batch, source, lines)
                return False
            known[code] = coupons.after_hold(known[code], hold)
        return True

    def conclude_sale(self, batch: str, source: Allotment | Bucket, lines: Sequence[Line]) -> None:
        """The lines of the batch came to an end: what orders there are is the truth, whoever made them."""
        with_coupon = [line for line in lines if line.coupon_code]
        born = self._store.orders.existing(line.id for line in with_coupon)
        for code in {line.coupon_code for line in with_coupon if line.coupon_code}:
            self._conclude(code, coupons.hold_id(batch, source.id), born)

    def _conclude(self, code: str, hold_id: str, born: Iterable[str]) -> None:
        self._store.coupons.apply(code, lambda found: coupons.conclude(found, hold_id, born, self._clock()))

    def settle_left_behind(self) -> int:
        """Conclude for batches whose process died; how many."""
        now = self._clock()
        old = [
            (coupon.code, key, hold)
            for coupon in self._store.coupons.holding(now - self._settle_after)
            for key, hold in coupons.left_behind(coupon, now, self._settle_after).items()
        ]
        return sum(self._settle(code, key, hold) for code, key, hold in old)

    def _settle(self, code: str, hold_id: str, hold: Hold) -> bool:
        rows: SourceRows[Any]
        for rows in (self._store.allotments, self._store.buckets):
            source = rows.get(hold.source_id)
            if source is not None and not self._over(rows, source, hold):
                return False
        self._conclude(code, hold_id, self._store.orders.existing(hold.orders))
        return True

    def _over(self, rows: SourceRows[Any], source: Allotment | Bucket, hold: Hold) -> bool:
        """Whether the batch is through, or can never be written: then what orders there are is the truth."""
        if hold.batch_id in source.batches:
            allotment = source if isinstance(source, Allotment) else self._store.allotments.get(source.allotment_id)
            born = {line.id for line in batches.read(source.batches[hold.batch_id]).lines}
            if allotment is not None and not born <= self._store.orders.existing(born):
                self._settling.settle(source, allotment)
                return False  # looked at again by the next sweep
            return True
        if source.version > hold.source_version:
            return True
        return rows.change(Change(id=source.id, version=source.version, at=self._clock()))

    def give_back(self, orders: Sequence[Order]) -> None:
        """What these ended orders used is left again. Each debt is read after its coupon was."""
        for code in {order.coupon_code for order in orders if any(one.kind == "coupon" for one in order.owed)}:
            if code is not None:
                self._give_back(code, [order.id for order in orders if order.coupon_code == code])

    def _give_back(self, code: str, order_ids: Sequence[str]) -> None:
        settled: list[str] = []

        def rule(coupon: Coupon) -> Change | None:
            found = self._store.orders.many(order_ids)
            owed = [one for order in found for one in order.owed if one.kind == "coupon"]
            settled[:] = [one.id for one in owed]
            return coupons.give_back(coupon, owed, self._clock())

        if self._store.coupons.apply(code, rule).noun is not None and settled:
            self._store.orders.clear_owed(order_ids, settled)
            self._store.coupons.forget_released(code, settled)
