"""What is asked and shown of coupons. Reads nouns, writes nothing."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from chassis.http import Paging
from contracts.types import County, CouponCode, Fen, ShowId, Utc
from orders.model import Coupon

_Amount = Annotated[int, Meta(ge=1, le=100_000_00, description="What it takes off an order, in fen.", examples=[500])]
_Least = Annotated[int, Meta(ge=0, description="Least total of an order before the discount, in fen.", examples=[3000])]
_Budget = Annotated[int, Meta(ge=1, le=10**12, description="All that it may take off, in fen.", examples=[500_000])]
_From = Annotated[Utc, Meta(description="From when it holds, UTC.")]
_Until = Annotated[Utc, Meta(description="Until when it holds, UTC.")]


class IssueCoupon(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon for a county's items in one show."""

    coupon_code: CouponCode
    show_id: ShowId
    county: County
    discount_fen: _Amount
    least_fen: _Least = 0
    budget_fen: _Budget
    opens_at: _From
    closes_at: _Until


class ListCoupons(Paging, frozen=True, kw_only=True):
    """Which coupons to list."""

    show_id: ShowId


class CouponView(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon as everyone may see it."""

    coupon_code: CouponCode
    show_id: ShowId
    county: County
    discount_fen: _Amount
    least_fen: _Least
    opens_at: _From
    closes_at: _Until
    available: Annotated[bool, Meta(description="Whether its budget still pays one.")]


class CouponBudget(CouponView, frozen=True, kw_only=True):
    """A coupon as those who pay for it see it: budget = used + held + left."""

    budget_fen: _Budget
    used_fen: Annotated[Fen, Meta(description="What orders that are not cancelled used, in fen.", examples=[125_000])]
    held_fen: Annotated[Fen, Meta(description="Set aside for orders under way, in fen.", examples=[0])]
    left_fen: Annotated[Fen, Meta(description="What may still be used, in fen.", examples=[375_000])]


def coupon(body: IssueCoupon) -> Coupon:
    """The coupon that is to be issued."""
    return Coupon(
        code=body.coupon_code,
        show_id=body.show_id,
        county=body.county,
        discount_fen=body.discount_fen,
        least_fen=body.least_fen,
        budget_fen=body.budget_fen,
        left_fen=body.budget_fen,
        opens_at=_milliseconds(body.opens_at),
        closes_at=_milliseconds(body.closes_at),
    )


def _milliseconds(at: datetime) -> datetime:
    """As it will be read from the database, which keeps no more."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _public(found: Coupon) -> dict[str, object]:
    return {
        "coupon_code": found.code,
        "show_id": found.show_id,
        "county": found.county,
        "discount_fen": found.discount_fen,
        "least_fen": found.least_fen,
        "opens_at": found.opens_at,
        "closes_at": found.closes_at,
        "available": found.left_fen >= found.discount_fen,
    }


def coupon_view(found: Coupon) -> CouponView:
    """A coupon for everyone."""
    return CouponView(**_public(found))  # type: ignore[arg-type]  # the fields of the noun, under their own types


def budget_view(found: Coupon) -> CouponBudget:
    """A coupon for its county."""
    held = sum(hold.amount_fen for hold in found.holds.values())
    return CouponBudget(
        **_public(found),  # type: ignore[arg-type]  # as above
        budget_fen=found.budget_fen,
        used_fen=found.used_fen,
        held_fen=held,
        left_fen=found.left_fen,
    )
