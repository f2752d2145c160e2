"""What was asked of the engine and what it promised, kept in plain Python; what is at rest is held against it.

Everything promised must be there, everything there must have been asked for. Whether what was asked of a process that
was killed has happened, nobody can know: either is right, as long as the sums are. Knows documents by what they must
say, not how they came to say it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.unit.orders.purses import check_coupons

from contracts.events import ChannelOrderReceived, ItemFeatured, StockAllotted
from evening.audit import Evidence, Promise, Told, databases, facts, selling
from evening.audit.topics import Topics
from orders.domain import Accepted, Outcome, Refused, Replayed, Request
from orders.model import Allotment, Coupon, Order
from orders.store import OrdersStore

AUDITED = (
    selling.no_oversell,
    selling.no_lost_order,
    selling.twice_is_once,
    facts.order_of_facts,
    facts.outboxes_empty,
)


class Window(NamedTuple):
    """When an allotment may be sold from, and for how much."""

    opens_at: datetime
    closes_at: datetime
    price_fen: int


ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class Bookkeeper:
    """Holds what is at rest against what was asked and promised."""

    def __init__(self) -> None:
        self.stock: dict[str, StockAllotted] = {}
        self.windows: dict[str, list[Window]] = {}
        self.requests: dict[str, Request] = {}
        self.places: list[Request] = []
        self.issued: list[Coupon] = []
        self.lines: list[ChannelOrderReceived] = []
        self.read = 0
        self.promised: dict[str, str] = {}  # request key: order
        self.asked: set[tuple[str, ...]] = set()
        self.done: set[tuple[str, ...]] = set()

    def allotted(self, fact: StockAllotted) -> None:
        self.stock[fact.allotment_id] = fact
        shelf = [Window(*ALWAYS, fact.price_fen)] if fact.purpose == "shelf" else []
        self.windows[fact.allotment_id] = shelf

    def featured(self, fact: ItemFeatured) -> None:
        self.windows[fact.allotment_id].append(Window(fact.opens_at, fact.closes_at, fact.live_price_fen))

    def request(self, requests: Iterable[Request]) -> None:
        self.requests |= {request.order_id: request for request in requests}

    def answered(self, request: Request, outcome: Outcome) -> None:
        """Whoever was told of an order is told of the same one each time they ask with the same key."""
        if isinstance(outcome, Refused):
            assert outcome.refusal.status in (404, 409, 422), outcome.refusal
            return
        assert isinstance(outcome, Accepted | Replayed)
        order_id = outcome.order.id
        assert self.promised.setdefault(request.request_key, order_id) == order_id, "one key, two orders"
        same = self.requests[order_id]
        assert _wish(same) == _wish(request), "the order of another request"
        assert _wish(same)[:3] == (outcome.order.allotment_id, outcome.order.buyer_id, outcome.order.quantity)

    def joining(self, request: Request) -> None:
        """Somebody is about to ask for a place on the waitlist."""
        self.places.append(request)

    def imported(self, channel: str, rows: Sequence[Any]) -> None:
        """Rows of a file are about to be taken in."""
        for row in rows:
            self.ask("import", channel, row.invoice, str(row.quantity))

    def issuing(self, coupon: Coupon) -> None:
        """A coupon is about to be issued, or one with its code but other terms is asked for."""
        self.issued.append(coupon)

    def told(self, lines: Sequence[ChannelOrderReceived]) -> None:
        """Another platform says what it sold."""
        self.lines += lines
        for line in lines:
            self.ask("import", line.channel, line.external_number, str(line.quantity))

    def read_to(self, offset: int) -> None:
        """The reader of that topic has committed: so many lines are answered."""
        self.read = offset

    def ask(self, *what: str) -> None:
        self.asked.add(what)

    def promise(self, *what: str) -> None:
        self.done.add(what)

    def check(self, store: OrdersStore) -> None:
        """What holds at any moment, whoever was killed in the middle of whatever."""
        orders = {order.id: order for order in store.orders.find({})}
        allotments = {allotment.id: allotment for allotment in store.allotments.find({})}
        for order_id in self.promised.values():
            assert order_id in orders, f"{order_id} was promised and does not exist"
        for order in orders.values():
            self._check_order(order)
        for allotment in allotments.values():
            _check_figures(allotment)
        self._check_limits(orders.values())
        check_coupons(self.issued, self.done, store.coupons.find({}), list(orders.values()))
        self._check_served(orders.values())
        self._check_promises(orders, allotments, {entry.id for entry in store.waitlist.find({})})

    def _check_order(self, order: Order) -> None:
        back = [goods.id for goods in order.returns]
        assert len(set(back)) == len(back), f"the same return twice: {back}"
        assert order.returned_quantity == sum(goods.quantity for goods in order.returns) <= order.quantity
        assert order.refunded_fen <= (order.payment.amount_fen if order.payment else 0)
        if order.imported:
            sold = ("import", order.channel, order.external_number or "", str(order.quantity))
            assert sold in self.asked, f"{order.id} was in no file"
        else:
            self._check_our_own(order, back)
            if request := self.requests.get(order.id):
                self._check_request(order, request)

    def _check_our_own(self, order: Order, back: Sequence[str]) -> None:
        if order.state == "cancelled":
            lapsed = order.cancel_reason == "expired"
            assert lapsed or ("cancel", order.id) in self.asked, f"nobody cancelled {order.id}"
        assert order.payment is None or ("pay", order.id) in self.asked, f"nobody paid {order.id}"
        assert all(("return", order.id, key) in self.asked for key in back), f"nobody returned {order.id}"

    def _check_request(self, order: Order, request: Request) -> None:
        assert self.promised.get(request.request_key, order.id) == order.id, "another order was promised for its key"
        wished = (order.allotment_id, order.buyer_id, order.quantity, order.request_key, order.coupon_code)
        assert _wish(request) == wished
        windows = self.windows[order.allotment_id]
        prices = {one.price_fen for one in windows if one.opens_at <= request.arrived_at < one.closes_at}
        assert order.unit_price_fen in prices, f"{order.id} was sold at {order.unit_price_fen}, it cost {prices}"
        if order.cancel_reason == "expired":
            assert request.pay_by is not None, f"{order.id} had all the time"
            assert request.pay_by <= datetime.now(UTC), f"{order.id} lapsed before its time"

    def _check_served(self, orders: Iterable[Order]) -> None:
        """What nobody requested was placed for somebody who waits, once."""
        placed = (order for order in orders if not order.imported and order.id not in self.requests)
        served = Counter((order.allotment_id, order.buyer_id, order.quantity) for order in placed)
        waited = Counter(_wish(place)[:3] for place in self.places)
        assert served <= waited, f"nobody asked for {served - waited}"

    def _check_limits(self, orders: Iterable[Order]) -> None:
        held: Counter[tuple[str, str]] = Counter()
        for order in orders:
            if order.state != "cancelled" and not order.imported:
                held[order.buyer_id, order.allotment_id] += order.quantity
        for (buyer, allotment_id), units in held.items():
            limit = self.stock[allotment_id].per_buyer_limit
            assert limit is None or units <= limit, f"{buyer} holds {units} of {allotment_id}, {limit} are allowed"

    def _check_promises(
        self, orders: dict[str, Order], allotments: dict[str, Allotment], places: AbstractSet[str]
    ) -> None:
        files = {(order.channel, order.external_number, str(order.quantity)) for order in orders.values()}
        joining = {entry.id for allotment in allotments.values() for entry in allotment.joining}
        holds: dict[str, Callable[..., bool]] = {
            "allot": lambda key: key in allotments,
            "close": lambda key: allotments[key].state == "closed",
            "cancel": lambda key: orders[key].state == "cancelled",
            "pay": lambda key: orders[key].payment is not None,
            "return": lambda key, back: back in [goods.id for goods in orders[key].returns],
            "join": lambda key: key in places or key in joining,
            "issue": lambda _: True,
            "import": lambda *row: row in files or row[2].startswith("-"),
        }
        for kind, *what in self.done:
            assert holds[kind](*what), f"{kind} {what} was answered and has not happened"
        for allotment in allotments.values():
            assert allotment.state == "open" or ("close", allotment.id) in self.asked, "nobody closed it"

    def audit(self, uri: str, database: str, topics: Topics) -> None:
        """What holds at peace, judged from outside by those who judge the demo's evening."""
        promises = [
            Promise(
                order_id=order_id,
                key=key,
                buyer_id=self.requests[order_id].buyer_id,
                allotment_id=self.requests[order_id].allotment_id,
                quantity=self.requests[order_id].quantity,
            )
            for key, order_id in self.promised.items()
        ]
        evidence = Evidence(topics=topics, told=Told(promises=promises))
        databases.read(uri, {"orders": database}, evidence)
        faults = {check.name: check.faults for check in (judge(evidence) for judge in AUDITED) if check.faults}
        assert not faults, faults
        assert not told_too_early(topics)


def _wish(request: Request) -> tuple[str, str, int, str, str | None]:
    return request.allotment_id, request.buyer_id, request.quantity, request.request_key, request.coupon_code


def _check_figures(found: Allotment) -> None:
    assert found.sold + found.remaining + found.returned == found.offered, found
    assert min(found.sold, found.remaining, found.returned) >= 0, found


def told_too_early(topics: Topics) -> list[str]:
    """Events that stood on the one broker before an earlier one of their aggregate, whatever their topics."""
    first: dict[str, dict[int, int]] = defaultdict(dict)
    for message in sorted(topics.said, key=lambda said: said.offset):
        first[message.event.subject].setdefault(message.event.sequence, message.offset)
    lives = {subject: [life[number] for number in sorted(life)] for subject, life in first.items()}
    return [f"{subject}: {life}" for subject, life in lives.items() if life != sorted(life)]
