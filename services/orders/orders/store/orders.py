"""Orders at rest."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from contracts.codec import Record, to_document
from orders.model import Order
from orders.store.documents import OrderDoc
from orders.store.rows import GIVEN_UP, NEVER, Relays, Rows, document_of, pieces

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class OrderRows(Rows[Order]):
    """The collection of orders."""

    def __init__(self, relay: Relays) -> None:
        super().__init__(OrderDoc, Order, relay)

    def add(
        self,
        orders: Collection[Order],
        born: Mapping[str, str] = _NONE,
        boxes: Mapping[str, Sequence[Record]] = _NONE,
    ) -> set[str]:
        """Insert new orders; those already there are as they are.

        `born`: where the batch lies that decided them. `boxes`: the events that they are to carry themselves.
        Returns the ids that are not there afterwards: another order has one of their keys.
        """
        documents = [document_of(order) | _born(born, order.id) | _outbox(boxes.get(order.id)) for order in orders]
        if self.insert_new(documents):
            return set()
        ids = {order.id for order in orders}
        return ids - self.existing(ids)

    def give_up(self, order_ids: Iterable[str]) -> None:
        """Let these never be orders, whoever still means to make them; those that are orders already stay so.

        An id is given once: to the order or to the word that there is none. Keys may become free again, ids do not.
        """
        self.insert_new([{"_id": key, GIVEN_UP: True, "keys": [f"{GIVEN_UP}:{key}"]} for key in order_ids])

    def born(self, order_ids: Iterable[str]) -> dict[str, str]:
        """Where the batches lie, or lay, that decided these orders."""
        found = (self.collection.find({"_id": {"$in": piece}}, {"born": 1}) for piece in pieces(order_ids))
        return {row["_id"]: row["born"] for rows in found for row in rows if "born" in row}

    def by_keys(self, keys: Iterable[str]) -> list[Order]:
        """Orders that these requests became."""
        return [order for piece in pieces(keys) for order in self.find({"keys": {"$in": piece}})]

    def of_buyers(self, allotment_id: str, buyers: Iterable[str]) -> list[Order]:
        """What these buyers ordered from an allotment."""
        ordered = ({"allotment_id": allotment_id, "buyer_id": {"$in": piece}} for piece in pieces(buyers))
        return [order for query in ordered for order in self.find(query)]

    def of_customers(self, buyers: Iterable[str], skus: Iterable[str]) -> list[Order]:
        """What these buyers ordered of these goods, from whatever allotment."""
        goods = list(skus)
        ordered = ({"buyer_id": {"$in": piece}, "sku": {"$in": goods}} for piece in pieces(buyers))
        return [order for query in ordered for order in self.find(query)]

    def due(self, now: datetime, limit: int) -> list[Order]:
        """Unpaid orders whose time to pay is over."""
        return self.find({"pay_by": {"$lte": now}, "state": "placed"}, limit=limit)

    def owing(self, since_before: datetime, limit: int) -> list[Order]:
        """Orders that have owed something for a while: whoever changed them did not get to settle it."""
        return self.find({"owed.since": {"$gt": NEVER, "$lt": since_before}}, limit=limit)

    def clear_owed(self, order_ids: Iterable[str], owed_ids: Sequence[str]) -> None:
        """These debts were settled."""
        for piece in pieces(order_ids):
            self.collection.update_many({"_id": {"$in": piece}}, {"$pull": {"owed": {"id": {"$in": list(owed_ids)}}}})

    def postpone(self, order_id: str, owed_ids: Iterable[str], until: datetime) -> None:
        """Leave these debts for later. What was settled meanwhile is not owed again: only what is there is touched."""
        for owed in owed_ids:
            self.collection.update_one({"_id": order_id, "owed.id": owed}, {"$set": {"owed.$.since": until}})

    def to_pack(self, county: str, limit: int) -> list[Order]:
        """Paid orders of a county that are in no parcel, oldest first."""
        query = {"county": county, "state": "paid", "rehearsal": False}
        return self.find(query, limit=limit, sort="_id")

    def page(self, query: Mapping[str, Any], after: str | None, limit: int) -> list[Order]:
        """Those that match, in the order of their ids, after a cursor."""
        there = {**query, GIVEN_UP: None, **({"_id": {"$gt": after}} if after else {})}
        return self.find(there, limit=limit, sort="_id")


def _born(born: Mapping[str, str], order_id: str) -> dict[str, str]:
    return {"born": born[order_id]} if order_id in born else {}


def _outbox(box: Sequence[Record] | None) -> dict[str, Any]:
    return {"outbox": [to_document(item) for item in box]} if box else {}
