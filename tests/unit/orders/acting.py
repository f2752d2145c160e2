"""What may be done to the engine, as data: drawn by hypothesis, done by any replica, told to the bookkeeper.

Numbers stand for things that exist when it is done: the nth allotment, the nth order, counted round and round.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, Protocol

from msgspec import structs
from tests.integration.shop import Featured, on_screen, set_aside, show_over
from tests.unit.orders.evening import Evening, Wish, request_of, this_moment, unless_refused
from tests.unit.orders.replicas import Replica

from contracts.codec import Event
from contracts.ids import new_id
from orders.domain import Outcome, Request
from orders.waitlist import entry_key

When = Literal["before", "now", "after"]
_MINUTES = {"before": (-20, -10), "now": (-5, 10), "after": (10, 20)}


@dataclass(frozen=True)
class Allot:
    """Stock is set aside: on the shelf, or for a slot that may be sold from when it is on screen."""

    offered: int
    limit: int | None
    slot: When | None

    def run(self, evening: Evening, by: Replica) -> None:
        fact = set_aside(offered=self.offered, per_buyer_limit=self.limit, sku=f"SKU-{len(evening.stock)}")
        if self.slot:
            show = evening.show()
            fact = set_aside(offered=self.offered, per_buyer_limit=self.limit, purpose="slot", show_id=show, slot=1)
        evening.stock.append(fact.allotment_id)
        evening.books.allotted(fact)
        if fact.show_id in evening.ended:
            evening.books.ask("close", fact.allotment_id)
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
class Place:
    """Wishes that come together; a single one comes by the door of single ones."""

    wishes: tuple[Wish, ...]

    def requests(self, evening: Evening) -> list[Request]:
        now = this_moment()
        return [request_of(evening, wish, now) for wish in self.wishes if evening.stock]

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


@dataclass(frozen=True)
class Join:
    """Somebody who came too late waits."""

    wish: Wish

    def run(self, evening: Evening, by: Replica) -> None:
        if not evening.stock:
            return
        request = request_of(evening, replace(self.wish, coupon=None), this_moment())
        place = structs.replace(request, request_key=entry_key(request.buyer_id, f"key-{self.wish.key}"))
        evening.books.joining(place)
        joined: list[str] = []
        if unless_refused(lambda: joined.append(by.engine.joining.join(place).entry.id)):
            evening.books.promise("join", joined[0])
            evening.places += joined


@dataclass(frozen=True)
class Leave:
    """Somebody gives up waiting, if it is not too late."""

    place: int

    def run(self, evening: Evening, by: Replica) -> None:
        place = evening.places[self.place % len(evening.places)] if evening.places else ""
        if entry := by.store.waitlist.get(place):
            unless_refused(lambda: by.engine.waiting.leave(entry))


@dataclass(frozen=True)
class Contend:
    """A replica finds that others are faster with an allotment, again and again: its next order opens a bucket."""

    stock: int

    def run(self, evening: Evening, by: Replica) -> None:
        for _ in range(4):
            by.engine.placing.buckets.lost(evening.allotment(self.stock))


@dataclass(frozen=True)
class Close:
    """It is sold no more: a shelf by its county, a slot by its show's end."""

    stock: int

    def run(self, evening: Evening, by: Replica) -> None:
        key = evening.allotment(self.stock)
        if not key:
            return
        show_id = evening.books.stock[key].show_id
        keys = [one for one in evening.stock if show_id and evening.books.stock[one].show_id == show_id] or [key]
        for one in keys:
            evening.books.ask("close", one)
        if show_id is None:
            by.engine.allotments.close(key)
        else:
            evening.ended.add(show_id)
            by.engine.allotments.end_show(show_over(show_id))
        for one in keys:
            if ("allot", one) in evening.books.done:
                evening.books.promise("close", one)


@dataclass(frozen=True)
class Tend:
    """What every process does by itself, all the time."""

    what: Literal["tick", "sweep", "publish"]

    def run(self, _: Evening, by: Replica) -> None:
        {"tick": by.engine.tick, "sweep": by.sweep, "publish": by.publish}[self.what]()


class Action(Protocol):
    """Something that may be done."""

    def run(self, evening: Evening, by: Replica, /) -> None: ...
