"""What holds of coupons at any moment, and what more of them at peace: written as simply as it can be."""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from orders.model import Coupon, Order


def check_coupons(
    issued: Iterable[Coupon], done: AbstractSet[tuple[str, ...]], coupons: Iterable[Coupon], orders: Sequence[Order]
) -> None:
    """A coupon's money is somewhere, it takes off what it says, and no buyer has two orders with it."""
    known = {coupon.code: coupon for coupon in coupons}
    terms = {_terms(coupon) for coupon in issued}
    for coupon in known.values():
        assert coupon.left_fen + _held(coupon) + coupon.used_fen == coupon.budget_fen, coupon
        assert min(coupon.left_fen, _held(coupon)) >= 0, coupon
        assert _terms(coupon) in terms, f"nobody issued {coupon}"
    for order in orders:
        whole = order.quantity * order.unit_price_fen
        off = min(known[order.coupon_code].discount_fen, whole) if order.coupon_code else 0
        assert (order.discount_fen, order.total_fen) == (off, whole - off), order
    uses = Counter((order.coupon_code, order.buyer_id) for order in orders if order.coupon_code and _live(order))
    assert all(times == 1 for times in uses.values()), f"used twice: {uses}"
    for kind, *what in done:
        assert kind != "issue" or what[0] in known, f"{what} was issued and does not exist"


def spent_wrongly(coupons: Iterable[Coupon], orders: Iterable[Order]) -> list[str]:
    """Coupons that at peace hold money for nobody, or were used for more or less than their live orders say."""
    used = Counter[str]()
    for order in orders:
        if order.coupon_code and _live(order):
            used[order.coupon_code] += order.discount_fen
    return [
        f"{coupon}, live orders used {used[coupon.code]}"
        for coupon in coupons
        if coupon.holds or coupon.held_since or coupon.used_fen != used[coupon.code]
    ]


def _live(order: Order) -> bool:
    return order.state != "cancelled"


def _held(coupon: Coupon) -> int:
    return sum(hold.amount_fen for hold in coupon.holds.values())


def _terms(coupon: Coupon) -> tuple[object, ...]:
    times = coupon.opens_at, coupon.closes_at
    return coupon.code, coupon.show_id, coupon.discount_fen, coupon.least_fen, coupon.budget_fen, *times
