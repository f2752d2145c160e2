"""The doors of coupons: a county issues one for its items in a show, buyers see what there is. Decides nothing."""

from chassis.auth import Role
from chassis.http import PUBLIC, Answer, Call, Page, http, page
from chassis.refusals import Conflict, Forbidden, Invalid, NotFound
from orders import access, freshness
from orders.coupon_views import CouponBudget, CouponView, IssueCoupon, ListCoupons, budget_view, coupon, coupon_view
from orders.engine import Engine
from orders.parcel_doors import COUNTY


class CouponDoors:
    """Part of the service; it is never one by itself."""

    engine: Engine

    @http(
        "POST",
        "/coupons",
        who=COUNTY,
        body=IssueCoupon,
        returns=CouponBudget,
        status=201,
        summary="Issue a coupon",
        refusals=(Conflict, Forbidden, Invalid),
    )
    def issue(self, call: Call[IssueCoupon]) -> Answer:
        """An amount off orders of a county's items in one show, out of a budget, once for each buyer.

        The same again is the same coupon.
        """
        call.principal.require_county(call.body.county)
        issued = self.engine.placing.couponing.issue(coupon(call.body))
        return Answer(budget_view(issued), headers={"ETag": freshness.etag(issued)})

    @http("GET", "/coupons", who=PUBLIC, query=ListCoupons, returns=Page[CouponView], summary="List a show's coupons")
    def coupons(self, call: Call[None]) -> Page[CouponView]:
        """What may be used in a show, and whether there is anything left."""
        asked: ListCoupons = call.query
        found = self.engine.store.coupons.of_show(asked.show_id, asked.after, asked.limit + 1)
        return page([coupon_view(one) for one in found], asked.limit, lambda view: view.coupon_code)

    @http(
        "GET",
        "/coupons/<code>",
        who={Role.COUNTY, Role.PLATFORM},
        returns=CouponBudget,
        summary="Show a coupon's budget",
        refusals=(NotFound,),
    )
    def coupon(self, call: Call[None], code: str) -> Answer:
        """What was used, what is held for orders under way, what is left."""
        found = access.own_coupon(self.engine.store, call.principal, code)
        return Answer(budget_view(found), headers={"ETag": freshness.etag(found)})
