"""The places of a buyer's limit, where units of one allotment are sold from several documents. Pure."""

from collections.abc import Iterable
from typing import Final

from orders.model import Allotment, Order
from orders.requests import Request

_PLACE: Final = "limit:"


def key(allotment_id: str, buyer_id: str, place: int) -> str:
    """One place of a buyer's limit: only one order can have it, whoever decides, wherever its units come from."""
    return f"{_PLACE}{allotment_id}:{buyer_id}:{place}"


def places(allotment: Allotment, request: Request, theirs: Iterable[Order]) -> tuple[int, ...]:
    """The places of its buyer's limit that the order takes, lowest first.

    Needed once the allotment has buckets: then two documents may sell to one buyer at the same time, and only an index
    sees both. Orders from before have no places; as many as they have units are left free for them.
    """
    limit = allotment.per_buyer_limit
    if limit is None or not allotment.loans or request.imported:
        return ()
    known = [(order.quantity, _places_of(order)) for order in theirs]
    used = {place for _, places in known for place in places}
    before = sum(quantity for quantity, places in known if not places)
    free = [place for place in range(1, limit + 1) if place not in used]
    return tuple(free[before : before + request.quantity])


def _places_of(order: Order) -> set[int]:
    return {int(key.rsplit(":", 1)[1]) for key in order.keys if key.startswith(_PLACE)}
