"""The rules of a show's coupons: an amount off an order, out of a budget in money, once for each buyer. Pure.

A coupon is part of the decision that sells the units. Its money is held in the coupon's own document before the units
are taken, and is used or given back when the orders are there or not: see `couponing.py`. That a buyer uses it once
is kept by a key of their order, which no other order can have.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from chassis.refusals import Conflict, Invalid, NotFound, Refusal
from orders.model import Allotment, Bucket, Change, Coupon, Hold, Line, Order, Owed

_KEY: Final = "coupon:"


def key(code: str, buyer_id: str) -> str:
    """What an order that uses the coupon has, and no second one of its buyer can have."""
    return f"{_KEY}{code}:{buyer_id}"


class Purse:
    """What coupons still give while one batch is decided, request after request."""

    def __init__(self, coupons: Mapping[str, Coupon], known: Iterable[Order]) -> None:
        self._coupons = coupons
        self._left = {code: coupon.left_fen for code, coupon in coupons.items()}
        self._used = {used for order in known for used in order.keys if used.startswith(_KEY)}

    def refuse(self, allotment: Allotment, code: str, buyer_id: str, total_fen: int, now: datetime) -> Refusal | None:
        """Why the coupon cannot be used for this, if it cannot."""
        coupon = self._coupons.get(code)
        if coupon is None or (coupon.show_id, coupon.county) != (allotment.show_id, allotment.county):
            return NotFound("no-such-coupon", "There is no such coupon for this.", coupon_code=code)
        if not coupon.opens_at <= now < coupon.closes_at:
            detail = "The coupon does not hold now."
            return Conflict("coupon-closed", detail, opens_at=coupon.opens_at, closes_at=coupon.closes_at)
        if total_fen < coupon.least_fen:
            detail = f"The coupon is for orders of at least {coupon.least_fen} fen."
            return Conflict("coupon-needs-more", detail, least_fen=coupon.least_fen)
        if key(code, buyer_id) in self._used:
            return Conflict("coupon-used", "You have used this coupon.", coupon_code=code)
        if self._left[code] < discount(coupon, total_fen):
            return Conflict("coupon-spent", "Nothing is left of the coupon's budget.", left_fen=self._left[code])
        return None

    def use(self, code: str | None, buyer_id: str, total_fen: int) -> int:
        """What the coupon takes off, in fen; nothing without one."""
        if code is None:
            return 0
        off = discount(self._coupons[code], total_fen)
        self._left[code] -= off
        self._used.add(key(code, buyer_id))
        return off


def discount(coupon: Coupon, total_fen: int) -> int:
    """What it takes off an order; never more than the order costs."""
    return min(coupon.discount_fen, total_fen)


def issue(coupon: Coupon, now: datetime) -> None:
    """Raises `Invalid` for a coupon that could never be used."""
    if coupon.closes_at <= max(now, coupon.opens_at):
        raise Invalid("bad-window", "The coupon would never hold.", field="closes_at", valid="after opens_at and now")
    if coupon.budget_fen < coupon.discount_fen:
        raise Invalid(
            "budget-too-small", "The budget does not pay one coupon.", field="budget_fen", valid=coupon.discount_fen
        )


def same_or_taken(known: Coupon, wanted: Coupon) -> None:
    """Raises `Conflict` when the code is another coupon's."""
    said = ("show_id", "county", "discount_fen", "least_fen", "budget_fen", "opens_at", "closes_at")
    if any(getattr(known, name) != getattr(wanted, name) for name in said):
        raise Conflict("code-taken", "This code is another coupon's.", coupon_code=known.code)


def hold_id(batch_id: str, source_id: str) -> str:
    """One hold for each document that a batch takes units from."""
    return f"{batch_id}:{source_id}"


def held(lines: Iterable[Line], batch_id: str, source: Allotment | Bucket, at: datetime) -> dict[str, Hold]:
    """What these lines need of each coupon."""
    holds: dict[str, Hold] = {}
    for line in lines:
        if line.coupon_code is not None:
            empty = Hold(batch_id=batch_id, source_id=source.id, source_version=source.version, orders={}, at=at)
            holds.setdefault(line.coupon_code, empty).orders[line.id] = line.discount_fen
    return holds


def hold(coupon: Coupon, wanted: Hold, now: datetime) -> Change | None:
    """Set money aside for a batch that is about to be written, if there is enough."""
    if coupon.left_fen < wanted.amount_fen:
        return None
    fields = {"left_fen": coupon.left_fen - wanted.amount_fen, "held_since": coupon.held_since or now}
    place = f"holds.{hold_id(wanted.batch_id, wanted.source_id)}"
    return Change(id=coupon.code, version=coupon.version, fields={**fields, place: wanted}, at=now)


def after_hold(coupon: Coupon, wanted: Hold) -> Coupon:
    """The coupon once the hold is written."""
    left, since = coupon.left_fen - wanted.amount_fen, coupon.held_since or wanted.at
    return msgspec.structs.replace(coupon, left_fen=left, held_since=since, version=coupon.version + 1)


def conclude(coupon: Coupon, hold_id: str, born: Iterable[str], now: datetime) -> Change | None:
    """These orders use the coupon; what was held for others is left again. Twice is once."""
    found = coupon.holds.get(hold_id)
    if found is None:
        return None
    spent = sum(found.orders[order_id] for order_id in born if order_id in found.orders)
    return Change(
        id=coupon.code,
        version=coupon.version,
        fields={
            f"holds.{hold_id}": None,
            "left_fen": coupon.left_fen + found.amount_fen - spent,
            "used_fen": coupon.used_fen + spent,
            "held_since": min((one.at for key, one in coupon.holds.items() if key != hold_id), default=None),
        },
        at=now,
    )


def give_back(coupon: Coupon, owed: Iterable[Owed], now: datetime) -> Change | None:
    """Orders that used it ended: their money is left again, each once."""
    fresh = [one for one in owed if one.id not in coupon.released]
    if not fresh:
        return None
    amount = sum(one.amount for one in fresh)
    return Change(
        id=coupon.code,
        version=coupon.version,
        fields={"left_fen": coupon.left_fen + amount, "used_fen": coupon.used_fen - amount},
        append={"released": [one.id for one in fresh]},
        at=now,
    )


def left_behind(coupon: Coupon, now: datetime, after: timedelta) -> dict[str, Hold]:
    """Holds whose batch ought to be through by now."""
    return {key: found for key, found in coupon.holds.items() if found.at < now - after}


def owed(order: Order, now: datetime) -> list[Owed]:
    """What an order that ends unpacked owes its coupon."""
    if order.coupon_code is None or not order.discount_fen:
        return []
    return [Owed(id=f"{order.id}:{order.version}:coupon", kind="coupon", amount=order.discount_fen, since=now)]
