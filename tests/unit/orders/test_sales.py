"""The rules of what other platforms sold."""

from typing import Any

import msgspec
from tests.unit.orders.builders import NOW, allotment, order, slot

from chassis.refusals import Conflict
from orders import domain, sales
from orders.model import Allotment
from orders.sales import No, Sale


def sale(**fields: Any) -> Sale:
    known: dict[str, Any] = {
        "key": sales.sale_key("uci", "77", "XW-KIWI-5", 1),
        "channel": "uci",
        "external_number": "77",
        "sku": "XW-KIWI-5",
        "buyer_id": "uci:17850",
        "quantity": 6,
        "unit_price_fen": 255,
        "placed_at": NOW,
    }
    return Sale(**{**known, **fields})


def chosen(asked: Sale, *shelves: Allotment, tried: set[str] | None = None) -> Allotment | No | None:
    return sales.plan([asked], shelves, {asked.key: tried or set()})[asked.key]


def test_a_sale_is_served_from_the_oldest_shelf_that_has_enough() -> None:
    little, enough, more = allotment(offered=5), allotment(offered=6), allotment(offered=60)
    assert chosen(sale(), little, enough, more) == enough


def test_sales_that_are_planned_together_count_on_what_the_earlier_ones_leave() -> None:
    first, second = allotment(offered=7), allotment(offered=7)
    asked = [sale(key="a"), sale(key="b")]
    assert sales.plan(asked, [first, second], {}) == {"a": first, "b": second}


def test_where_none_has_enough_the_engine_is_asked_so_that_it_says_what_remains() -> None:
    shelf = allotment(offered=5)
    assert chosen(sale(), shelf) == shelf
    assert chosen(sale(), shelf, tried={shelf.id}) is None


def test_units_lent_to_replicas_count_as_perhaps_enough_and_promised_ones_do_not() -> None:
    lent, other = allotment(offered=5, loans=1), allotment(offered=6)
    assert chosen(sale(), lent, other) == lent
    promised = allotment(offered=6, least_waiting=1)
    assert chosen(sale(), promised, other) == other


def test_a_sku_of_several_counties_needs_a_county() -> None:
    ours, theirs = allotment(offered=10), allotment(offered=10, county="350628")
    no = chosen(sale(), ours, theirs)
    assert isinstance(no, No)
    assert no.reason == "county-missing"
    assert chosen(sale(county="350628"), ours, theirs) == theirs


def reason(no: No | None) -> str | None:
    return no and no.reason


def test_each_way_not_to_be_served_has_its_own_reason() -> None:
    assert reason(sales.unserved(sale(), [])) == "unknown-sku"
    assert reason(sales.unserved(sale(county="350628"), [allotment()])) == "wrong-county"
    assert reason(sales.unserved(sale(), [allotment(state="closed")])) == "allotment-closed"
    assert reason(sales.unserved(sale(), [slot()])) == "not-on-a-shelf"
    assert reason(sales.unserved(sale(), [slot(rehearsal=True)])) == "unknown-sku"


def test_an_allotment_that_is_named_must_be_what_the_sale_says() -> None:
    assert reason(sales.misnamed(sale(), None)) == "no-such-allotment"
    assert reason(sales.misnamed(sale(), allotment(sku="TEA"))) == "wrong-sku"
    assert reason(sales.misnamed(sale(county="350628"), allotment())) == "wrong-county"
    assert reason(sales.misnamed(sale(), slot(rehearsal=True))) == "rehearsal"
    assert reason(sales.misnamed(sale(county="520123"), slot())) is None


def test_a_window_does_not_bind_what_another_platform_sold() -> None:
    for stock in (slot(offered=10), slot(offered=10, opens_at=None, closes_at=None, live_price_fen=None)):
        late = msgspec.structs.replace(stock, closes_at=stock.opens_at)
        asked = sales.request(sale(), late.id, "o1", NOW)
        [outcome] = domain.decide(late, (), [asked]).outcomes
        assert isinstance(outcome, domain.Accepted)
        assert outcome.order.unit_price_fen == 255


def test_a_closed_allotment_is_closed_to_other_platforms_too() -> None:
    closed = slot(offered=10, state="closed")
    [outcome] = domain.decide(closed, (), [sales.request(sale(), closed.id, "o1", NOW)]).outcomes
    assert isinstance(outcome, domain.Refused)
    assert sales.refused(outcome.refusal).reason == "allotment-closed"


def test_the_engines_answer_is_passed_on_with_what_remains() -> None:
    no = sales.refused(Conflict("sold-out", "Only 3 remain.", remaining=3, waitlist="/w"))
    assert no == No("sold-out", "Only 3 remain.", 3)


def test_a_number_says_the_same_only_with_the_same_quantity_price_customer_and_allotment() -> None:
    known = order(allotment(offered=10), quantity=6, unit_price_fen=255, buyer_id="uci:17850")
    assert sales.says_the_same(sale(), known)
    assert sales.says_the_same(sale(allotment_id=known.allotment_id), known)
    for other in ({"quantity": 7}, {"unit_price_fen": 1}, {"buyer_id": "uci:1"}, {"allotment_id": "elsewhere"}):
        assert not sales.says_the_same(sale(**other), known)
