"""What may be done to the engine, as data: drawn by hypothesis, done by any replica, told to the bookkeeper.

Numbers stand for things that exist when it is done: the nth allotment, the nth order, counted round and round.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from hypothesis import strategies as st
from tests.integration.shop import Featured, on_screen, set_aside, show_over
from tests.unit.orders.bookkeeper import Bookkeeper
from tests.unit.orders.replicas import Replica

from chassis.refusals import Refusal
from contracts.codec import Event
from contracts.ids import new_id
from orders.domain import Outcome, Request, request_key

When = Literal["before", "now", "after"]
_MINUTES = {"before": (-20, -10), "now": (-5, 10), "after": (10, 20)}
CHANNEL, HEADER, PAST = "elsewhere", "invoice,sku,quantity,placed_at,unit_price,customer", "2018-12-03T12:00:00Z"
ANSWERS = (402, 404, 409, 412, 422)


def this_moment() -> datetime:
    """As a document gives it back: BSON keeps milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Evening:
    """What there is so far to do something with."""

    def __init__(self) -> None:
        self.books = Bookkeeper()
        self.stock: list[str] = []
        self.orders: list[str] = []

    def allotment(self, n: int) -> str:
        return self.stock[n % len(self.stock)] if self.stock else ""

    def order(self, n: int) -> str:
        return self.orders[n % len(self.orders)] if self.orders else ""

    def learn(self, order_ids: Sequence[str]) -> None:
        self.orders += [key for key in order_ids if key not in self.orders]


def unless_refused(do: Callable[[], object]) -> bool:
    """Whether it was done. A refusal is an answer; that the engine is busy or broken is none here."""
    try:
        do()
    except Refusal as no:
        if no.status not in ANSWERS:
            raise
        return False
    return True


@dataclass(frozen=True)
class Allot:
    """Stock is set aside: on the shelf, or for a slot that may be sold from when it is on screen."""

    offered: int
    limit: int | None
    slot: When | None

    def run(self, evening: Evening, by: Replica) -> None:
        fact = set_aside(offered=self.offered, per_buyer_limit=self.limit, sku=f"SKU-{len(evening.stock)}")
        if self.slot:
            fact = set_aside(offered=self.offered, per_buyer_limit=self.limit, purpose="slot", show_id=new_id(), slot=1)
        evening.stock.append(fact.allotment_id)
        evening.books.allotted(fact)
        by.engine.allotments.allot([fact])
        evening.books.promise("allot", fact.allotment_id)
        if self.slot:
            Feature(len(evening.stock) - 1, self.slot, 3990).run(evening, by)


@dataclass(frozen=True)
class Feature:
    """A slot is on screen, perhaps again and at another price."""

    stock: int
    when: When
    price_fen: int

    def run(self, evening: Evening, by: Replica) -> None:
        stock = evening.books.stock.get(evening.allotment(self.stock))
        if stock is None or stock.show_id is None:
            return
        now, (opens, closes) = this_moment(), _MINUTES[self.when]
        fact = on_screen(
            Featured(stock.show_id, stock.allotment_id),
            live_price_fen=self.price_fen,
            per_buyer_limit=stock.per_buyer_limit,
            offered=stock.offered,
            opens_at=now + timedelta(minutes=opens),
            closes_at=now + timedelta(minutes=closes),
        )
        evening.books.featured(fact)
        sequence = 1 + len(evening.books.windows[stock.allotment_id])
        event = Event(new_id(), "item.featured", "/shanhuo/broadcast", stock.show_id, sequence, now, fact)
        by.engine.allotments.feature(event)


@dataclass(frozen=True)
class Wish:
    """Somebody wants something. Few buyers and keys, so that they meet."""

    stock: int
    buyer: int
    key: int
    quantity: int
    pays_late: bool = False


@dataclass(frozen=True)
class Place:
    """Wishes that come together; a single one comes by the door of single ones."""

    wishes: tuple[Wish, ...]

    def requests(self, evening: Evening) -> list[Request]:
        now = this_moment()
        return [_request(evening, wish, now) for wish in self.wishes if evening.stock]

    def run(self, evening: Evening, by: Replica) -> None:
        self.ask(evening, by, self.requests(evening))

    def ask(self, evening: Evening, by: Replica, requests: list[Request]) -> list[Outcome]:
        evening.books.request(requests)
        one = len(requests) == 1
        outcomes = [by.engine.place(requests[0])] if one else by.engine.placing.place(requests)
        for request, outcome in zip(requests, outcomes, strict=True):
            evening.books.answered(request, outcome)
        evening.learn(list(evening.books.promised.values()))
        return outcomes


def _request(evening: Evening, wish: Wish, now: datetime) -> Request:
    buyer = f"buyer-{wish.buyer}"
    return Request(
        order_id=new_id(),
        allotment_id=evening.allotment(wish.stock),
        buyer_id=buyer,
        quantity=wish.quantity,
        channel="web",
        request_key=request_key(buyer, f"key-{wish.key}"),
        arrived_at=now,
        placed_at=now,
        pay_by=now if wish.pays_late else now + timedelta(hours=1),
    )


@dataclass(frozen=True)
class Pay:
    """An order is paid, or its payment declined."""

    order: int
    token: Literal["ok", "declined"] = "ok"

    def run(self, evening: Evening, by: Replica) -> None:
        order = by.store.orders.get(evening.order(self.order))
        if order is None:
            return
        if self.token == "ok":
            evening.books.ask("pay", order.id)
        if unless_refused(lambda: by.engine.cashier.pay(order, self.token)):
            evening.books.promise("pay", order.id)


@dataclass(frozen=True)
class Cancel:
    """An order ends."""

    order: int
    who: Literal["buyer", "county"] = "buyer"

    def run(self, evening: Evening, by: Replica) -> None:
        key = evening.order(self.order)
        evening.books.ask("cancel", key)
        if key and unless_refused(lambda: by.engine.aftercare.cancel(key, self.who)):
            evening.books.promise("cancel", key)


@dataclass(frozen=True)
class GiveBack:
    """Goods come back, or the same return is reported again."""

    order: int
    back: int
    quantity: int
    restock: bool

    def run(self, evening: Evening, by: Replica) -> None:
        key, back = evening.order(self.order), f"return-{self.back}"
        evening.books.ask("return", key, back)

        def give_back() -> Any:
            return by.engine.aftercare.give_back(key, return_id=back, quantity=self.quantity, restock=self.restock)

        if key and unless_refused(give_back):
            evening.books.promise("return", key, back)


class Row(NamedTuple):
    """A line of another platform's invoice; fewer than none came back."""

    invoice: str
    stock: int
    customer: int
    quantity: int


@dataclass(frozen=True)
class Import:
    """Another platform's file is taken in."""

    rows: tuple[Row, ...]

    def run(self, evening: Evening, by: Replica) -> None:
        rows = [row for row in self.rows if evening.stock]
        evening.books.imported(CHANNEL, rows)
        text = [f"{row.invoice},{self._sku(evening, row)},{row.quantity},{PAST},9.9,{row.customer}" for row in rows]
        report = by.engine.importing.take_in(CHANNEL, "\n".join((HEADER, *text)))
        refused = {row.number for row in report.refused}
        for number, row in enumerate(rows, start=2):  # the header is line 1
            if number not in refused:
                evening.books.promise("import", CHANNEL, row.invoice, str(row.quantity))

    def _sku(self, evening: Evening, row: Row) -> str:
        return evening.books.stock[evening.allotment(row.stock)].sku


@dataclass(frozen=True)
class Close:
    """It is sold no more: a shelf by its county, a slot by its show's end."""

    stock: int

    def run(self, evening: Evening, by: Replica) -> None:
        key = evening.allotment(self.stock)
        if not key:
            return
        evening.books.ask("close", key)
        show_id = evening.books.stock[key].show_id
        if show_id is None:
            by.engine.allotments.close(key)
        else:
            by.engine.allotments.end_show(show_over(show_id))
        if ("allot", key) in evening.books.done:
            evening.books.promise("close", key)


@dataclass(frozen=True)
class Tend:
    """What every process does by itself, all the time."""

    what: Literal["tick", "sweep", "publish"]

    def run(self, _: Evening, by: Replica) -> None:
        {"tick": by.engine.tick, "sweep": by.sweep, "publish": by.publish}[self.what]()


Action = Allot | Feature | Place | Pay | Cancel | GiveBack | Import | Close | Tend

FEW = st.integers(0, 3)
ORDER = st.integers(0, 7)
WHEN = st.sampled_from(("now", "now", "before", "after"))
ALLOT = st.builds(
    Allot,
    st.integers(1, 12),
    st.sampled_from((None, None, 2, 4)),
    st.sampled_from((None, None, "now", "now", "before", "after")),
)
KEY = st.integers(0, 3) | st.integers(4, 999)  # a known one, or hardly
WISH = st.builds(Wish, FEW, FEW, KEY, st.integers(1, 5), st.sampled_from((False, False, False, True)))
PLACE = st.builds(Place, st.lists(WISH, min_size=1, max_size=8).map(tuple))
CHANGE = (
    st.builds(Pay, ORDER, st.sampled_from(("ok", "ok", "declined")))
    | st.builds(Cancel, ORDER, st.sampled_from(("buyer", "county")))
    | st.builds(GiveBack, ORDER, FEW, st.integers(1, 3), st.booleans())
)
INVOICE = st.integers(1, 6)
SOLD = st.builds(lambda n, *row: Row(str(n), *row), INVOICE, FEW, FEW, st.integers(1, 4))
BACK = st.builds(lambda n, *row: Row(f"C{n}", *row), INVOICE, FEW, FEW, st.integers(-3, -1))
IMPORT = st.builds(Import, st.lists(SOLD | SOLD | BACK, min_size=1, max_size=5).map(tuple))
STOCK = ALLOT | st.builds(Feature, FEW, WHEN, st.sampled_from((2990, 3490))) | st.builds(Close, FEW)
TEND = st.builds(Tend, st.sampled_from(("tick", "sweep", "publish")))
ACTIONS = PLACE | CHANGE | PLACE | CHANGE | PLACE | STOCK | TEND | IMPORT
