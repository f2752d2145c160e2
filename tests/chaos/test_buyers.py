"""What a buyer does not put up with: a refusal that nothing speaks against, and two windows that do not agree."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import httpx
import pytest
from tests.chaos.buyers import Buyer
from tests.chaos.goods import HOME, OTHER, Goods
from tests.chaos.ledger import Ledger

SOLD_OUT = {"code": "sold-out", "remaining": 0}
LIMIT = {"code": "per-buyer-limit", "limit": 9, "already": 9}
NOT_YET = {"code": "window-not-open", "opens_at": "2018-11-11T12:00:00Z"}
LATE = {"code": "too-late-to-cancel", "state": "packed"}


def a_round() -> Goods:
    """One whose allotments are named after what is sold from them."""
    goods = Goods("run", 1)
    goods.show_id = "show"
    plenty, scarce, slot = goods.opening()
    goods.wishes = {"plenty": plenty, "scarce": scarce, "slot": slot, "later": goods.more()}
    return goods


def order(number: str = "1", allotment: str = "plenty") -> httpx.Response:
    known = {"id": number, "buyer_id": "buyer", "allotment_id": allotment, "quantity": 1, "placed_at": "2018"}
    return httpx.Response(201, json=known)


def refusal(status: int = 409, *, code: str, **figures: object) -> httpx.Response:
    said = {"type": f"/problems/{code}", "status": status, **figures}
    return httpx.Response(status, json=said, headers={"content-type": "application/problem+json"})


class Window:
    """Answers orders as it was told to, and cancellations; all else succeeds."""

    def __init__(self, *orders: httpx.Response, cancel: httpx.Response | None = None) -> None:
        self._orders = list(orders)
        self._cancel = cancel or httpx.Response(200, json={})
        self.steps: list[str] = []

    def elsewhere(self, service: str, turn: int) -> None:
        """It has one replica only."""

    async def ask(self, kind: str, *_: object, **__: object) -> httpx.Response:
        self.steps.append(kind)
        if kind == "place":
            return self._orders.pop(0)
        return self._cancel if kind == "cancel" else httpx.Response(200, json={})

    async def tell(self, *_: object, **__: object) -> Any:
        return {"items": [{"created_at": "2019"}]}


class Dice(Random):
    """Throws the same again and again: what is wanted last, one of it, `twice` or not; then these steps."""

    def __init__(self, steps: str, twice: bool) -> None:
        super().__init__(1)
        self._steps, self._twice = steps, twice

    def random(self) -> float:
        return 0.0 if self._twice else 0.99

    def choice(self, seq: Sequence[Any]) -> Any:
        return seq[0]

    def choices(self, *_: object, **__: object) -> list[str]:  # type: ignore[override]
        return [self._steps]


def bought(goods: Goods, allotment: str, *windows: Window, steps: str = "pay") -> Ledger:
    """What is in the ledger after a visit; by one window, or by both."""
    ledger = Ledger()
    goods.open = [allotment]
    both = windows if len(windows) > 1 else (*windows, Window())
    buyer = Buyer("buyer", both, ledger, Dice(steps, twice=len(windows) > 1), think=0.0)  # type: ignore[arg-type]
    asyncio.run(buyer.visit(goods))
    return ledger


@pytest.mark.parametrize(
    ("allotment", "answer"),
    [("scarce", SOLD_OUT), ("later", SOLD_OUT), ("scarce", LIMIT), ("slot", LIMIT | {"limit": 40, "already": 40})],
)
def test_who_comes_too_late_or_has_enough_may_be_refused(allotment: str, answer: dict[str, Any]) -> None:
    ledger = bought(a_round(), allotment, Window(refusal(**answer)))
    assert ledger.rude == []
    assert ledger.manners().told_no == {answer["code"]: 1}


@pytest.mark.parametrize(
    ("allotment", "answer"),
    [
        ("plenty", SOLD_OUT),
        ("plenty", LIMIT),
        ("plenty", {"code": "allotment-closed"}),
        ("slot", SOLD_OUT),
        ("slot", NOT_YET),
        ("later", LIMIT),
        ("scarce", {"code": "coupon-used"}),
        ("scarce", SOLD_OUT | {"remaining": 1}),
        ("scarce", LIMIT | {"already": 8}),
        ("scarce", SOLD_OUT | {"status": 422}),
        ("scarce", {"code": "no-such-allotment", "status": 404}),
    ],
)
def test_a_refusal_that_nothing_speaks_against_is_rude(allotment: str, answer: dict[str, Any]) -> None:
    (told,) = bought(a_round(), allotment, Window(refusal(**answer))).rude
    assert "was refused" in told


def test_a_refusal_must_be_a_problem() -> None:
    assert len(bought(a_round(), "scarce", Window(httpx.Response(409, text="sold-out"))).rude) == 1


def test_a_window_is_not_open_yet_for_a_clock_that_is_slow() -> None:
    goods = a_round()
    goods.clocks_differ = True
    assert bought(goods, "slot", Window(refusal(**NOT_YET))).rude == []
    assert len(bought(goods, "scarce", Window(refusal(**NOT_YET))).rude) == 1


def test_two_windows_with_one_key_are_told_of_one_order() -> None:
    assert bought(a_round(), "plenty", Window(order("1")), Window(order("1"))).rude == []
    (told,) = bought(a_round(), "plenty", Window(order("1")), Window(order("2"))).rude
    assert "was told of more than one order: 1, 2" in told


def test_two_windows_may_be_refused_alike() -> None:
    assert bought(a_round(), "scarce", Window(refusal(**SOLD_OUT)), Window(refusal(**LIMIT))).rude == []


@pytest.mark.parametrize("answer", [SOLD_OUT, LIMIT])
def test_one_window_that_sells_and_one_that_refuses_disagree(answer: dict[str, Any]) -> None:
    """Nothing came back meanwhile: the units were there or they were not."""
    refused = Window(refusal(**answer), order(allotment="scarce"))
    (told,) = bought(a_round(), "scarce", refused, Window(order(allotment="scarce"))).rude
    assert "was sold in one window and refused in the other" in told


def test_units_that_came_back_may_be_sold_in_the_other_window_and_who_asks_again_is_told_so() -> None:
    goods = a_round()
    goods.given_back = {"scarce"}
    refused, sold = Window(refusal(**SOLD_OUT), order(allotment="scarce")), Window(order(allotment="scarce"))
    ledger = bought(goods, "scarce", refused, sold)
    assert ledger.rude == []
    assert refused.steps == ["place", "place", "pay"]
    assert ledger.acknowledged == 1


def test_a_cancelled_order_does_not_explain_why_a_limit_is_reached_in_one_window_only() -> None:
    goods = a_round()
    goods.given_back = {"scarce"}
    refused = Window(refusal(**LIMIT), order(allotment="scarce"))
    assert len(bought(goods, "scarce", Window(order(allotment="scarce")), refused).rude) == 1


@pytest.mark.parametrize("again", [refusal(**SOLD_OUT), order("2", "scarce")])
def test_who_asks_again_with_the_key_of_an_order_must_be_told_that_order(again: httpx.Response) -> None:
    goods = a_round()
    goods.given_back = {"scarce"}
    (told,) = bought(goods, "scarce", Window(refusal(**SOLD_OUT), again), Window(order("1", "scarce"))).rude
    assert "was told of more than one order" in told


@pytest.mark.parametrize(
    ("steps", "allotment", "answer", "rude"),
    [
        ("pay cancel", "plenty", LATE, 0),
        ("pay cancel", "scarce", LATE, 1),  # its county packs nothing
        ("cancel", "plenty", LATE, 1),  # nobody packs what is not paid
        ("pay cancel", "plenty", {"code": "order-completed"}, 1),
    ],
)
def test_only_what_may_be_packed_can_be_too_late_to_cancel(
    steps: str, allotment: str, answer: dict[str, Any], rude: int
) -> None:
    window = Window(order(allotment=allotment), cancel=refusal(**answer))
    assert len(bought(a_round(), allotment, window, steps=steps).rude) == rude


def test_a_cancellation_is_noted_before_it_is_asked_for_so_that_its_units_surprise_nobody() -> None:
    goods = a_round()
    bought(goods, "scarce", Window(order(allotment="scarce")), steps="cancel")
    assert goods.given_back == {"scarce"}


def test_the_slot_and_the_scarce_shelf_are_not_packed_at_home() -> None:
    counties = {name: wish["county"] for name, wish in a_round().wishes.items()}
    assert counties == {"plenty": HOME, "scarce": OTHER, "slot": OTHER, "later": HOME}
