"""What there is so far in an evening of made-up goods, and what somebody may wish for in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.unit.orders.bookkeeper import Bookkeeper

from chassis.refusals import Refusal
from contracts.ids import new_id
from orders.domain import Request, request_key

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
        self.places: list[str] = []
        self.shows: list[str] = []  # of each slot, in their order
        self.ended: set[str] = set()
        self.coupons: list[str] = []
        self.reading = False

    def allotment(self, n: int) -> str:
        return self.stock[n % len(self.stock)] if self.stock else ""

    def order(self, n: int) -> str:
        return self.orders[n % len(self.orders)] if self.orders else ""

    def show(self) -> str:
        """The show of the next slot: each has two."""
        self.shows.append(self.shows[-1] if len(self.shows) % 2 else new_id())
        return self.shows[-1]

    def coupon(self, n: int | None) -> str | None:
        """The code of the nth coupon; nobody's while there is none."""
        if n is None:
            return None
        return self.coupons[n % len(self.coupons)] if self.coupons else "NOBODYS"

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
class Wish:
    """Somebody wants something. Few buyers and keys, so that they meet."""

    stock: int
    buyer: int
    key: int
    quantity: int
    pays_late: bool = False
    coupon: int | None = None


def request_of(evening: Evening, wish: Wish, now: datetime) -> Request:
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
        coupon_code=evening.coupon(wish.coupon),
    )
