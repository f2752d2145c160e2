"""Which refusals fit which shelf: what an order or its cancellation may be answered with, and why not. Pure.

A refusal that nothing speaks against is a fault of the house, though nothing is lost by it.
"""

from collections.abc import Mapping
from typing import Any, Final

import httpx
from tests.chaos.goods import HOME, Goods

SOLD_OUT: Final = "sold-out"
LIMIT: Final = "per-buyer-limit"
NOT_YET: Final = "window-not-open"
TOO_LATE: Final = "too-late-to-cancel"
_PREFIX: Final = "/problems/"


def refused_wrongly(goods: Goods, wanted: Mapping[str, Any], answer: httpx.Response) -> str:
    """Why this order may not be refused like this; empty when it may."""
    code, figures = problem(answer)
    if answer.status_code != httpx.codes.CONFLICT or code not in _may_be(goods, wanted["allotment_id"]):
        return f"nothing speaks against it: {answer.status_code} {answer.text[:300]}"
    quantity = wanted["quantity"]
    if code == SOLD_OUT and figures.get("remaining", quantity) >= quantity:
        return f"{quantity} are wanted and there: {answer.text[:300]}"
    if code == LIMIT and figures.get("already", 0) + quantity <= figures.get("limit", quantity):
        return f"{quantity} more are allowed: {answer.text[:300]}"
    return ""


def may_differ(goods: Goods, allotment_id: str, code: str) -> bool:
    """Whether one of two windows may rightly hear this refusal while the other one, with the same key, gets its order.

    A refusal keeps no key. So the same request succeeds when units came back meanwhile, of an order that was cancelled,
    or at a replica whose clock says that the window is open. How many a buyer holds is the same for both.
    """
    return (code == SOLD_OUT and allotment_id in goods.given_back) or (code == NOT_YET and goods.clocks_differ)


def kept_rightly(goods: Goods, allotment_id: str, paid: bool, answer: httpx.Response) -> bool:
    """Whether an order may be too far to be cancelled: only what is paid is packed, and only at home."""
    code, _ = problem(answer)
    packed = paid and goods.wishes[allotment_id]["county"] == HOME
    return packed and answer.status_code == httpx.codes.CONFLICT and code == TOO_LATE


def problem(answer: httpx.Response) -> tuple[str, Mapping[str, Any]]:
    """The code of a refusal and its figures; no code where the answer is no problem."""
    if answer.headers.get("content-type", "").partition(";")[0] != "application/problem+json":
        return "", {}
    said: Mapping[str, Any] = answer.json()
    return str(said.get("type", "")).removeprefix(_PREFIX), said


def _may_be(goods: Goods, allotment_id: str) -> set[str]:
    """Plenty is there for everybody. A slot has more than all buyers may have of it, and its window is open."""
    wish = goods.wishes[allotment_id]
    fits = {SOLD_OUT} if wish["sku"] in (goods.scarce, goods.later) else set()
    fits |= {LIMIT} if wish.get("per_buyer_limit") else set()
    return fits | ({NOT_YET} if wish["purpose"] == "slot" and goods.clocks_differ else set())
