"""What is wrong at peace that the audit from outside does not know of: who waits in vain or was passed over, and what
another platform was not answered."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from contracts.events import ChannelOrderReceived, OrderDeclined
from evening.audit.topics import Topics
from orders import declining
from orders.model import Allotment, Entry, Order
from orders.store import OrdersStore
from orders.waitlist import QUEUED

_OUT_OF_TURN = ("left", "passed", "preordered")  # gave up, may not buy any more, or has a turn for another lot


def overdue(orders: Iterable[Order], now: datetime) -> list[str]:
    """Orders whose time to pay is over and that have not lapsed."""
    late = now - timedelta(milliseconds=1)
    return [order.id for order in orders if order.state == "placed" and order.pay_by and order.pay_by <= late]


def wait_in_vain(store: OrdersStore, whole: Iterable[Allotment]) -> list[str]:
    """Those who still wait for what is free or sold no more, at peace."""
    known = {allotment.id: allotment for allotment in whole}
    return [
        f"{entry.buyer_id} is {entry.state} for {entry.quantity} of {known[entry.allotment_id]}"
        for entry in store.waitlist.find({"state": {"$in": list(QUEUED)}})
        if entry.quantity <= known[entry.allotment_id].remaining or known[entry.allotment_id].state == "closed"
    ]


def passed_over(store: OrdersStore, orders: Iterable[Order]) -> list[str]:
    """Those who were served later than somebody who joined later and wanted no less, or not at all."""
    placed_at = {order.id: order.placed_at for order in orders}
    entries = [entry for entry in store.waitlist.find({}) if entry.state not in _OUT_OF_TURN]
    served = [(entry, placed_at[entry.order_id]) for entry in entries if entry.order_id]
    return [
        f"{entry} came before {later}"
        for later, at in served
        for entry in entries
        if _came_first(entry, later) and (entry.order_id is None or placed_at[entry.order_id] > at)
    ]


def _came_first(entry: Entry, other: Entry) -> bool:
    """It had its turn, and whatever was enough for the other was enough for it."""
    return (entry.allotment_id, True, True) == (
        other.allotment_id,
        entry.ticket < other.ticket,
        entry.quantity <= other.quantity,
    )


def not_answered_once(
    store: OrdersStore, lines: Sequence[ChannelOrderReceived], orders: Iterable[Order], topics: Topics
) -> list[str]:
    """Lines of other platforms that became neither an order nor a decline, or both; declines told of not once."""
    by_key = {order.request_key: order for order in orders}
    declined = set(store.declined.ids({}))
    ids = [(line, declining.sale_of(line).key, declining.decline_id(declining.sale_of(line))) for line in lines]
    wrong = [
        f"{line}: {by_key.get(key)}, declined: {no in declined}"
        for line, key, no in ids
        if _became(line, by_key.get(key)) == (no in declined)
    ]
    said = Counter(fact.order_id for fact in topics.facts(OrderDeclined))
    if len(said) != len(declined) or said.total() != len(said):
        wrong.append(f"{len(declined)} were declined, told was {said}")
    return wrong + [f"nobody sold what {no} declines" for no in declined - {no for _, _, no in ids}]


def _became(line: ChannelOrderReceived, order: Order | None) -> bool:
    """Whether the order under the line's number is what the line says."""
    return order is not None and (line.quantity, line.unit_price_fen, f"{line.channel}:{line.customer}", True) == (
        order.quantity,
        order.unit_price_fen,
        order.buyer_id,
        line.allotment_id in (None, order.allotment_id),
    )
