"""The catalog's rules: stock adds up whatever happens, and nothing is set aside twice or from nothing."""

import contextlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.catalog.goods import DETAILS, NOW, closed, kiwi, wish

from catalog import domain
from catalog.domain import Contradiction, Item, Lot
from chassis.refusals import Conflict, Invalid
from contracts.events import ItemListed


def allot(item: Item, allotment_id: str, **wanted: Any) -> Item:
    """The item after an allotment was made from it."""
    return domain.with_allotment(item, domain.allot(item, wish(**wanted), allotment_id=allotment_id, now=NOW))


def test_an_allotment_takes_its_units_from_what_is_on_hand() -> None:
    """100 on hand, 40 set aside: 60 on hand."""
    item = allot(kiwi(100), "a1", quantity=40)
    assert item.on_hand == 60
    assert domain.balance(item) == 0


def test_more_than_is_on_hand_cannot_be_set_aside_and_the_answer_says_how_many_are() -> None:
    """The refusal carries the figures that a county needs to ask again."""
    with pytest.raises(Conflict) as refused:
        allot(kiwi(5), "a1", quantity=6)
    assert refused.value.code == "insufficient-stock"
    assert refused.value.figures == {"on_hand": 5, "asked": 6}


def test_the_last_unit_on_hand_can_be_set_aside() -> None:
    """The boundary belongs to the county."""
    assert allot(kiwi(5), "a1", quantity=5).on_hand == 0


def test_a_slot_gets_its_stock_once() -> None:
    """A second allotment for the same slot names the first."""
    placement = domain.placement_in("slot", "show", 1)
    item = allot(kiwi(), "a1", purpose="slot", show_id="show", slot=1, placement=placement)
    with pytest.raises(Conflict) as refused:
        allot(item, "a2", purpose="slot", show_id="show", slot=1, placement=placement)
    assert refused.value.code == "slot-already-allotted"
    assert refused.value.figures["allotment_id"] == "a1"


@pytest.mark.parametrize(
    ("purpose", "show_id", "slot", "field"),
    [
        ("slot", None, 1, "show_id"),
        ("slot", "show", None, "slot"),
        ("shelf", "show", None, "show_id"),
        ("shelf", None, 1, "slot"),
    ],
)
def test_a_slot_has_a_show_and_a_number_and_the_shelf_neither(
    purpose: Any, show_id: str | None, slot: int | None, field: str
) -> None:
    """The refusal names the field that is missing or too many."""
    with pytest.raises(Invalid) as refused:
        domain.placement_in(purpose, show_id, slot)
    assert refused.value.field == field


def test_a_slot_sells_at_the_live_price_and_the_shelf_at_the_everyday_price_unless_told() -> None:
    """39.90 in the show, 49.80 on the shelf, or what was said."""
    item = kiwi()
    prices = [
        domain.allot(item, wanted, allotment_id="a", now=NOW).price_fen
        for wanted in (wish(purpose="slot"), wish(), wish(price_fen=4200))
    ]
    assert prices == [3990, 4980, 4200]


def test_what_was_not_sold_comes_back() -> None:
    """40 offered, 25 sold: 15 are on hand again."""
    item = allot(kiwi(100), "a1", quantity=40)
    item = domain.take_back(item, closed(item.allotments[0], sold=25))
    assert item.on_hand == 75
    assert (item.allotments[0].sold, item.allotments[0].returned) == (25, 15)
    assert not item.allotments[0].open


def test_a_close_told_twice_counts_once() -> None:
    """The same revision changes nothing."""
    item = allot(kiwi(), "a1", quantity=40)
    told = closed(item.allotments[0], sold=25)
    once = domain.take_back(item, told)
    assert domain.take_back(once, told) == once


def test_a_later_revision_replaces_the_earlier_and_an_earlier_one_changes_nothing() -> None:
    """Closes are cumulative: a late cancellation frees one more, whichever copy comes when."""
    item = allot(kiwi(100), "a1", quantity=40)
    first, second = (closed(item.allotments[0], sold=sold, revision=n) for n, sold in ((1, 25), (2, 24)))
    item = domain.take_back(domain.take_back(item, second), first)
    assert (item.on_hand, item.allotments[0].returned) == (76, 16)


def test_a_close_whose_figures_do_not_add_up_is_set_aside() -> None:
    """Sold and returned make what was offered, or something is wrong."""
    item = allot(kiwi(), "a1", quantity=40)
    with pytest.raises(Contradiction, match=r"30 .* 20 .* 40"):
        domain.take_back(item, closed(item.allotments[0], sold=30, returned=20))


def test_stock_that_is_out_again_cannot_turn_out_to_have_been_sold() -> None:
    """A correction downwards finds nothing on hand: a person must look."""
    item = allot(kiwi(10), "a1", quantity=10)
    first = item.allotments[0]
    item = allot(domain.take_back(item, closed(first, sold=0)), "a2", quantity=10)
    with pytest.raises(Contradiction):
        domain.take_back(item, closed(first, sold=5, revision=2))


def test_a_lot_can_be_corrected_down_to_what_is_out_but_no_further() -> None:
    """60 of 100 are set aside: the lot may have been 60, not 59."""
    item = allot(kiwi(100), "a1", quantity=60)
    assert domain.receive(item, replace(item.lots[0], quantity=60)).on_hand == 0
    with pytest.raises(Conflict, match="1 more units"):
        domain.receive(item, replace(item.lots[0], quantity=59))


def test_an_item_is_listed_anew_when_the_public_sees_something_new() -> None:
    """A new price is news; the sequence counts on."""
    item = kiwi()
    before, after, facts = domain.change(item, replace(item, details=replace(DETAILS, price_fen=5000)))
    assert before is item
    assert after.version == item.version + 1
    assert [type(fact) for fact in facts] == [ItemListed]


def test_stock_is_not_public() -> None:
    """More of a lot is no news to anybody outside."""
    item = kiwi(100)
    assert domain.change(item, domain.receive(item, replace(item.lots[0], quantity=200))).facts == ()


def test_an_item_is_listed_with_where_it_comes_from() -> None:
    """Village, harvest and certificate of every lot, without its quantity."""
    lot = Lot(lot="L2", quantity=5, origin_village="六屯镇", harvested_on=date(2018, 10, 20), certificate="GB-1")
    told = domain.listed(domain.receive(kiwi(), lot))
    assert [lot.lot for lot in told.lots] == ["2018-10-05", "L2"]
    assert told.lots[1].origin_village == "六屯镇"
    assert "quantity" not in told.lots[1].__struct_fields__


units = st.integers(0, 50)
steps = st.one_of(
    st.tuples(st.just("receive"), st.integers(0, 2), units),
    st.tuples(st.just("allot"), st.integers(0, 9), st.integers(1, 30)),
    st.tuples(st.just("close"), st.integers(0, 9), units),
)


@given(st.lists(steps, max_size=40))
def test_stock_adds_up_after_any_sequence_of_lots_allotments_and_closes(taken: list[tuple[str, int, int]]) -> None:
    """sum(lots) = on hand + allotted − returned, and never less than nothing on hand, refused steps included."""
    item = kiwi(20)
    for number, (step, which, quantity) in enumerate(taken, start=1):
        with contextlib.suppress(Conflict, Contradiction):
            item = _taken(item, step, which, quantity, number)
        assert domain.balance(item) == 0
        assert item.on_hand >= 0
        assert all(made.open or made.sold + made.returned == made.offered for made in item.allotments)


def _taken(item: Item, step: str, which: int, quantity: int, number: int) -> Item:
    if step == "receive":
        return domain.receive(item, Lot(lot=f"lot {which}", quantity=quantity))
    if step == "allot":
        return allot(item, f"a{number}", quantity=quantity)
    if not item.allotments:
        return item
    made = item.allotments[which % len(item.allotments)]
    sold = min(quantity, made.offered)
    return domain.take_back(item, closed(made, sold=sold, revision=number))
