"""Declaring routes: what is wrong with one is told when its module is imported."""

from typing import Any

import pytest

from chassis.auth import Role
from chassis.http import PUBLIC, Answer, Call, Page, http, page


def test_a_route_that_does_not_say_who_may_call_it_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match=r"POST /orders: say who"):
        http("POST", "/orders")
    for who in (set(), "buyer", {"buyer"}, [Role.BUYER, "platform"], 5):
        with pytest.raises(TypeError, match=r"POST /orders: say who"):
            http("POST", "/orders", who=who)  # type: ignore[arg-type]  # that is what is tested


def test_a_route_whose_method_takes_other_parameters_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match=r"GET /orders/<order_id>: .*must take \(self, call, order_id\)"):

        @http("GET", "/orders/<order_id>", who=PUBLIC)
        def order(self: Any, call: Call[None], number: str) -> None: ...


def test_a_route_with_an_unheard_of_method_or_a_body_on_a_get_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="FETCH /orders"):
        http("FETCH", "/orders", who=PUBLIC)
    with pytest.raises(TypeError, match="a GET has no body"):
        http("GET", "/orders", who=PUBLIC, body=dict)


def test_a_declared_method_is_still_the_plain_method() -> None:
    class Shop:
        @http("GET", "/orders", who=PUBLIC, returns=str)
        def orders(self, call: Call[None]) -> Answer:
            return Answer(call.request_id)

    assert Shop().orders(Call(request_id="r")) == Answer("r")


def test_the_one_too_many_only_says_that_there_is_a_next_page() -> None:
    assert page([1, 2, 3], 2, str) == Page([1, 2], "2")
    assert page([1, 2], 2, str) == Page([1, 2], None)
    assert page([], 2, str) == Page([], None)
