"""The rules of selling: which of many requests an allotment can serve. Pure: no Mongo, no Kafka, no clock, no nameko.

Requests on one allotment are decided together, in their order, and become one write (see `placing.py`). What happens to
an order after it was placed is `lifecycle.py`; what happens to an allotment besides selling is `stock.py`.

The instant that counts for a price window is the request's arrival at our door, by our clock: a buyer does not lose a
price by our queue.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from chassis.refusals import Conflict, Invalid, Refusal
from contracts.events import Fact
from orders import announcing, coupons
from orders.model import Allotment, Coupon, Line, Order, Payment

MOST_PER_ORDER = 999
CHANNEL_PROVIDER = "channel"
_PLACE: Final = "limit:"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants `quantity` units of an allotment. `order_id` is the id that the order gets if it is taken."""

    order_id: str
    allotment_id: str
    buyer_id: str
    quantity: int
    channel: str
    request_key: str
    arrived_at: datetime
    placed_at: datetime
    pay_by: datetime | None = None
    unit_price_fen: int | None = None
    external_number: str | None = None
    imported: bool = False
    waited: bool = False  # comes from the waitlist, so the units promised to it are its own
    coupon_code: str | None = None


class Accepted(NamedTuple):
    """The request becomes this order as soon as it is written."""

    order: Order


class Replayed(NamedTuple):
    """The same request was taken before; this is its order."""

    order: Order


class Refused(NamedTuple):
    """The request is answered with no; `missed` counts the units that were wanted and could not be served."""

    refusal: Refusal
    missed: int = 0


Outcome = Accepted | Replayed | Refused


class Decision(NamedTuple):
    """One outcome for each request, in their order, and the lines to write."""

    outcomes: list[Outcome]
    lines: list[Line]

    @property
    def units(self) -> int:
        """Units that the decision sells."""
        return sum(line.quantity for line in self.lines)


def request_key(buyer_id: str, idempotency_key: str) -> str:
    """What makes a request the same request: its buyer and the key its sender chose."""
    return hashlib.sha256(f"{buyer_id}:{idempotency_key}".encode()).hexdigest()


def keys_of(request: Request) -> list[str]:
    """The keys of orders that matter to the request: its own, and that of the coupon it would use."""
    coupon = [coupons.key(request.coupon_code, request.buyer_id)] if request.coupon_code else []
    return [request.request_key, *coupon]


def order_of(allotment: Allotment, line: Line) -> Order:
    """The order that a decided line means: the same whether who decided makes it, or who finishes for them."""
    total = line.unit_price_fen * line.quantity - line.discount_fen
    payment = None
    if line.imported:
        payment = Payment(
            provider=CHANNEL_PROVIDER,
            payment_id=f"{line.channel}:{line.external_number}",
            amount_fen=total,
            paid_at=line.placed_at,
        )
    return Order(
        id=line.id,
        buyer_id=line.buyer_id,
        allotment_id=allotment.id,
        item_id=allotment.item_id,
        county=allotment.county,
        sku=allotment.sku,
        name_zh=allotment.name_zh,
        name_en=allotment.name_en,
        producer_id=allotment.producer_id,
        channel=line.channel,
        rehearsal=allotment.rehearsal,
        imported=line.imported,
        show_id=allotment.show_id,
        slot=allotment.slot,
        quantity=line.quantity,
        unit_price_fen=line.unit_price_fen,
        total_fen=total,
        weight_g=allotment.weight_g * line.quantity,
        keys=_keys(allotment, line),
        external_number=line.external_number,
        coupon_code=line.coupon_code,
        discount_fen=line.discount_fen,
        placed_at=line.placed_at,
        pay_by=line.pay_by,
        state="paid" if line.imported else "placed",
        payment=payment,
        version=2 if line.imported else 1,
    )


def _keys(allotment: Allotment, line: Line) -> list[str]:
    places = [limit_key(allotment.id, line.buyer_id, place) for place in line.places]
    coupon = [coupons.key(line.coupon_code, line.buyer_id)] if line.coupon_code else []
    return [line.request_key, *places, *coupon]


def first_facts(order: Order) -> tuple[Fact, ...]:
    """What is said of a new order; what another platform sold is already paid there."""
    if order.imported and order.payment:
        return announcing.placed(order), announcing.paid(order, order.payment)
    return (announcing.placed(order),)


def limit_key(allotment_id: str, buyer_id: str, place: int) -> str:
    """One place of a buyer's limit: only one order can have it, whoever decides, wherever its units come from."""
    return f"{_PLACE}{allotment_id}:{buyer_id}:{place}"


def decide(
    allotment: Allotment, taken: Sequence[Order], requests: Sequence[Request], known_coupons: Mapping[str, Coupon] = {}
) -> Decision:
    """Decide all requests in their order.

    `taken`: the orders known so far, decided or at rest, that have the requests' keys or, where the allotment has a
    limit, their buyers.
    """
    by_key: dict[str, Order] = {}
    held: defaultdict[str, list[Order]] = defaultdict(list)
    for order in {order.id: order for order in taken}.values():
        by_key[order.request_key] = order
        if order.allotment_id == allotment.id and order.state != "cancelled":
            held[order.buyer_id].append(order)
    remaining, purse = allotment.remaining, coupons.Purse(known_coupons, taken)
    outcomes: list[Outcome] = []
    lines: list[Line] = []
    for request in requests:
        known = by_key.get(request.request_key)
        if known:
            outcomes.append(replay(known, request))
            continue
        theirs = held.get(request.buyer_id, ())
        already = sum(order.quantity for order in theirs)
        if refused := _refuse(allotment, remaining, already, request) or _no_coupon(allotment, purse, request):
            outcomes.append(refused)
            continue
        line = _line(allotment, request, theirs, purse)
        order = by_key[request.request_key] = order_of(allotment, line)
        if allotment.per_buyer_limit is not None:
            held[request.buyer_id].append(order)
        remaining -= request.quantity
        outcomes.append(Accepted(order))
        lines.append(line)
    return Decision(outcomes, lines)


def replay(known: Order, request: Request) -> Outcome:
    asked = (request.allotment_id, request.quantity, request.channel, request.buyer_id, request.coupon_code)
    if asked == (known.allotment_id, known.quantity, known.channel, known.buyer_id, known.coupon_code):
        return Replayed(known)
    return Refused(key_reused())


def key_reused() -> Refusal:
    """The same idempotency key came with another request."""
    return Invalid(
        "idempotency-key-reused",
        "This idempotency key was used for another request.",
        field="Idempotency-Key",
        valid="a new key for each new request",
    )


def _refuse(allotment: Allotment, remaining: int, already: int, request: Request) -> Refused | None:
    return (
        _not_for_sale(allotment, request)
        or _over_limit(allotment, already, request)
        or _sold_out(allotment, remaining, request)
    )


def _not_for_sale(allotment: Allotment, request: Request) -> Refused | None:
    if allotment.state == "closed":
        return Refused(Conflict("allotment-closed", "This is not sold any more."))
    if allotment.purpose == "shelf" or request.imported:  # another platform sold at its own price, in its own time
        return None
    if allotment.opens_at is None or allotment.closes_at is None or request.arrived_at < allotment.opens_at:
        return Refused(Conflict("window-not-open", "The live price does not hold yet.", opens_at=allotment.opens_at))
    if request.arrived_at >= allotment.closes_at:
        return Refused(Conflict("window-closed", "The live price holds no more.", closes_at=allotment.closes_at))
    return None


def _over_limit(allotment: Allotment, already: int, request: Request) -> Refused | None:
    limit = allotment.per_buyer_limit
    if limit is None or request.imported or already + request.quantity <= limit:
        return None
    return Refused(
        Conflict(
            "per-buyer-limit", f"At most {limit} for each buyer; you have {already}.", limit=limit, already=already
        )
    )


def _sold_out(allotment: Allotment, remaining: int, request: Request) -> Refused | None:
    free = remaining if request.waited else free_units(allotment, remaining)
    if request.quantity <= free:
        return None
    detail = f"Only {free} remain." if free else "Sold out."
    missed = 0 if allotment.rehearsal else request.quantity - free
    return Refused(Conflict("sold-out", detail, remaining=free, waitlist=waitlist_address(allotment.id)), missed)


def free_units(allotment: Allotment, remaining: int) -> int:
    """What anybody may buy: nothing while what remains would serve somebody who waits, for it is promised to them."""
    return 0 if 0 < allotment.least_waiting <= remaining else remaining


def waitlist_address(allotment_id: str) -> str:
    """Where a buyer who came too late may wait."""
    return f"/allotments/{allotment_id}/waitlist"


def _no_coupon(allotment: Allotment, purse: coupons.Purse, request: Request) -> Refused | None:
    if request.coupon_code is None:
        return None
    total = _unit_price(allotment, request) * request.quantity
    refusal = purse.refuse(allotment, request.coupon_code, request.buyer_id, total, request.arrived_at)
    return Refused(refusal) if refusal else None


def _unit_price(allotment: Allotment, request: Request) -> int:
    return request.unit_price_fen if request.unit_price_fen is not None else price_fen(allotment)


def _line(allotment: Allotment, request: Request, theirs: Iterable[Order], purse: coupons.Purse) -> Line:
    price = _unit_price(allotment, request)
    return Line(
        id=request.order_id,
        buyer_id=request.buyer_id,
        quantity=request.quantity,
        channel=request.channel,
        request_key=request.request_key,
        unit_price_fen=price,
        placed_at=request.placed_at,
        recorded_at=request.arrived_at,
        pay_by=request.pay_by,
        imported=request.imported,
        external_number=request.external_number,
        places=_places(allotment, request, theirs),
        coupon_code=request.coupon_code,
        discount_fen=purse.use(request.coupon_code, request.buyer_id, price * request.quantity),
    )


def _places(allotment: Allotment, request: Request, theirs: Iterable[Order]) -> tuple[int, ...]:
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


def price_fen(allotment: Allotment) -> int:
    """What a unit costs: the live price for a slot that was featured, the everyday price on the shelf."""
    if allotment.purpose == "slot" and allotment.live_price_fen is not None:
        return allotment.live_price_fen
    return allotment.price_fen
