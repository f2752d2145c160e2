"""What became of requests, round after round."""

from tests.unit.orders.builders import allotment, order, request

from orders.answers import Answers
from orders.domain import Accepted


def test_a_request_whose_order_is_void_is_decided_again_under_a_new_id_and_answered_under_its_own() -> None:
    stock, answers = allotment(), Answers()
    asked, other = request(stock), request(stock)
    [again, same] = answers.left([asked, other], {asked.order_id: None})
    assert again.order_id != asked.order_id
    assert (again.request_key, again.quantity) == (asked.request_key, asked.quantity)
    assert same is other
    [once_more] = answers.left([again], {again.order_id: None})
    outcome = Accepted(order(stock))
    answers.give(once_more, outcome)
    assert answers.to(asked) is outcome
    assert answers.left([asked, again, once_more], {}) == []
