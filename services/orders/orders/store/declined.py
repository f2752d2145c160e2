"""Declined orders of other platforms at rest, each with the event that says so."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from orders.model import Declined
from orders.store.documents import DeclinedDoc
from orders.store.rows import Relays, Rows, outbox_of, pieces


class DeclinedRows(Rows[Declined]):
    """The collection of what was declined."""

    def __init__(self, relay: Relays) -> None:
        super().__init__(DeclinedDoc, Declined, relay)

    def add(self, declined: Sequence[Declined]) -> None:
        """Insert those that are new, each with its event; those already there were said before."""
        if not declined:
            return
        self.insert_new([_document(one) for one in declined])
        self._relay.publish(DeclinedDoc, [one.id for one in declined])

    def of_numbers(self, number_keys: Iterable[str]) -> dict[str, set[str]]:
        """What was declined of these numbers: the ids, by number."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for piece in pieces(number_keys):
            for row in self.collection.find({"number_key": {"$in": piece}}, {"number_key": 1}):
                found[row["number_key"]].add(row["_id"])
        return dict(found)


def _document(one: Declined) -> dict[str, object]:
    return {
        "_id": one.id,
        "number_key": one.number_key,
        "declined_at": one.declined_at,
        "version": 1,
        "outbox": outbox_of(one.said.order_id, (one.said,), 1, one.declined_at),
    }
