"""Writes what was decided of one or more allotments as a batch: coupons are held, units taken, orders made, coupons
concluded. Decides nothing; who loses a document to somebody faster is told so.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from orders import figures
from orders.buckets import Buckets
from orders.committer import Passed
from orders.couponing import Couponing
from orders.domain import Decision, Request
from orders.model import Allotment, Batch, Bucket, Coupon
from orders.settling import Part, Settling, Void
from orders.store import OrdersStore, SourceRows, Taking


class Sale(NamedTuple):
    """Requests on one allotment, decided against what one document holds. `surely`: nothing is held elsewhere.

    `unborn`: orders that were decided before and are not at rest yet.
    """

    allotment: Allotment
    source: Allotment | Bucket
    requests: list[Request]
    decision: Decision
    coupons: dict[str, Coupon]
    surely: bool
    unborn: frozenset[str] = frozenset()


class Batching:
    """One for each process."""

    def __init__(self, store: OrdersStore, settling: Settling, buckets: Buckets, couponing: Couponing) -> None:
        self._store = store
        self._settling = settling
        self._buckets = buckets
        self._couponing = couponing

    def rows(self, source: Allotment | Bucket) -> SourceRows[Any]:
        """Where such a document lies."""
        return self._store.allotments if isinstance(source, Allotment) else self._store.buckets

    def write(self, sales: Sequence[Sale], passed: Passed) -> tuple[set[str], Void]:
        """Write the decisions: the documents that took theirs, and the orders that could not be.

        `passed` is called when all documents took theirs: whoever reads them now knows of these orders.
        """
        sources = [sale.source.id for sale in sales]
        batch = self._settling.new_batch(sources)
        try:
            held = [
                sale for sale in sales if self._couponing.hold(batch, sale.source, sale.decision.lines, sale.coupons)
            ]
            takings = {sale.source.id: self._taking(sale, batch) for sale in held}
            took = self._take(list(takings.values()))
            self._judge(held, took)
            if len(took) == len(sales):
                passed()
            self._settling.drop([key for key in sources if key not in took], batch)
            parts = [self._part(sale, takings[sale.source.id]) for sale in held if sale.source.id in took]
            void = self._settling.realise(parts)
        except BaseException:
            self._settling.drop(sources, batch)
            raise
        for sale in held:
            self._couponing.conclude_sale(batch, sale.source, sale.decision.lines)
        return took, void

    def _taking(self, sale: Sale, batch: str) -> Taking:
        loan = self._buckets.loan(sale.allotment, sale.decision.units) if sale.source is sale.allotment else 0
        finished = self._settling.finished(self.rows(sale.source), sale.source.id)
        return Taking(sale.source, batch, Batch(lines=sale.decision.lines, loan=loan), finished)

    def _take(self, takings: Sequence[Taking]) -> set[str]:
        took: set[str] = set()
        for rows in (self._store.allotments, self._store.buckets):
            theirs = [taking for taking in takings if self.rows(taking.source) is rows]
            took |= rows.take(theirs) if theirs else set()
        return took

    def _judge(self, sales: Sequence[Sale], took: set[str]) -> None:
        """Whether this process has an allotment's document for itself."""
        for sale in sales:
            if sale.source is sale.allotment and sale.source.id in took:
                self._buckets.won(sale.allotment.id)
                figures.first_order(sale.allotment, sale.decision.lines)
            elif sale.source is sale.allotment:
                self._buckets.lost(sale.allotment.id)
                figures.lost_race()

    def _part(self, sale: Sale, taking: Taking) -> Part:
        if taking.batch.loan:
            self._buckets.opened(sale.allotment.id, taking.batch_id)
            figures.opened_bucket()
        return Part(
            self.rows(sale.source),
            sale.source.id,
            sale.allotment,
            taking.batch_id,
            taking.batch,
            made=sale.decision.orders(),
        )
