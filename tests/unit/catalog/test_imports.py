"""What becomes of the rows of a file: good ones land, bad ones are refused with their number, field and reason."""

from datetime import date
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.catalog.goods import COUNTIES, NOW, XIUWEN, kiwi, numbered

from catalog import domain, imports
from catalog.domain import Item
from catalog.ledger import Ledger, Outcome
from catalog.rows import AllotmentRow, CountyRow, HubRow, ItemRow, LotRow
from chassis.rows import Good, Refused
from contracts.events import Fact, HubListed, ItemListed, StockAllotted

ITEM = ItemRow(
    sku="XW-KIWI-5",
    county="520123",
    kind="produce",
    name_zh="修文猕猴桃",
    name_en="Xiuwen kiwifruit",
    unit="box",
    weight_g=2500,
    price_fen=4980,
    live_price_fen=3990,
    stock=6000,
    origin_village="谷堡镇",
    geographical_indication="修文猕猴桃",
    harvested_on=date(2018, 10, 5),
    shelf_life_days=60,
)
SHELF = AllotmentRow(county="520123", sku="XW-KIWI-5", quantity=10, purpose="shelf")
SLOT = AllotmentRow(county="520123", sku="XW-KIWI-5", quantity=10, purpose="slot", show_id="show", slot=1)
LOT = LotRow(lot="L2", sku="XW-KIWI-5", county="520123", quantity=7, certificate="GB-1")


def items(ledger: Ledger, *rows: ItemRow, office: str | None = None) -> Outcome:
    """Judge rows of an items file."""
    ids = (f"id{n}" for n in count())
    return imports.judge_items(numbered(*rows), ledger, office=office, counties=COUNTIES, new_id=lambda: next(ids))


def allotments(ledger: Ledger, *rows: AllotmentRow, office: str | None = None) -> Outcome:
    """Judge rows of an allotments file."""
    ids = (f"a{n}" for n in count())

    def allot(item: Item, wanted: domain.Wish) -> domain.Allotment:
        return domain.allot(item, wanted, allotment_id=next(ids), now=NOW)

    return imports.judge_allotments(numbered(*rows), ledger, office=office, allot=allot)


def reread(ledger: Ledger) -> Ledger:
    """The ledger as the next import reads it."""
    return Ledger(change.after for change in ledger.changes())


def refused(outcome: Outcome) -> list[tuple[int, str | None]]:
    """Number and field of the refused rows."""
    return [(row.number, row.field) for row in outcome.report().refused]


def test_a_new_item_is_listed_with_its_stock_as_an_opening_lot() -> None:
    """The lot is named by its harvest; the producer is the village's growers."""
    ledger = Ledger([])
    assert items(ledger, ITEM).accepted == {2}
    [(before, item, [told])] = ledger.changes()
    assert before is None
    assert (item.on_hand, item.version, item.lots[0].lot) == (6000, 1, "2018-10-05")
    assert isinstance(told, ItemListed)
    assert (told.producer_name_zh, told.producer_name_en) == ("谷堡镇产户", "Growers of 谷堡镇")


def test_an_item_without_harvest_has_an_opening_lot_all_the_same() -> None:
    """Supplies are not harvested, and come from the county's depot."""
    ledger = Ledger([])
    items(ledger, replace(ITEM, kind="supply", harvested_on=None, origin_village=None))
    [(_, item, _)] = ledger.changes()
    assert item.lots[0].lot == "opening"
    assert item.details.producer_name_zh == "修文县农资站"


def test_the_same_file_again_changes_nothing() -> None:
    """All rows are unchanged, and there is nothing to write or tell."""
    ledger = Ledger([])
    items(ledger, ITEM)
    again = reread(ledger)
    assert items(again, ITEM).unchanged == {2}
    assert again.changes() == []


def test_a_named_producer_is_the_same_in_every_file() -> None:
    """The id follows from county and name."""
    ledger = Ledger([])
    items(ledger, replace(ITEM, producer_name_zh="合作社"), replace(ITEM, sku="B", producer_name_zh="合作社"))
    first, second = (change.after.details for change in ledger.changes())
    assert first.producer_id == second.producer_id
    assert first.producer_name_en == "合作社"


def test_changed_stock_corrects_the_lot_and_is_no_public_news() -> None:
    """The difference is on hand; nothing is listed."""
    ledger = Ledger([])
    items(ledger, ITEM)
    again = reread(ledger)
    assert items(again, replace(ITEM, stock=6500)).accepted == {2}
    [(_, item, facts)] = again.changes()
    assert (item.on_hand, facts) == (6500, ())


def test_stock_cannot_be_corrected_below_what_is_out() -> None:
    """The row is refused with its column and figure."""
    ledger = Ledger([])
    items(ledger, ITEM)
    allotments(ledger, replace(SHELF, quantity=5000))
    outcome = items(ledger, replace(ITEM, stock=4999))
    assert refused(outcome) == [(2, "stock")]
    assert outcome.refused[2].value == "4999"


def test_an_items_file_keeps_what_only_a_lots_file_can_say() -> None:
    """The opening lot's certificate survives the next items file."""
    ledger = Ledger([])
    items(ledger, ITEM)
    imports.judge_lots(numbered(replace(LOT, lot="2018-10-05", quantity=6000)), ledger, office=None)
    items(ledger, ITEM)
    assert ledger.changes()[0].after.lots[0].certificate == "GB-1"


def test_a_live_price_above_the_everyday_price_is_refused() -> None:
    """Equal prices are fine: supplies have them."""
    outcome = items(Ledger([]), replace(ITEM, live_price_fen=4980), replace(ITEM, sku="B", live_price_fen=4981))
    assert outcome.accepted == {2}
    assert refused(outcome) == [(3, "live_price_fen")]


def test_a_row_of_an_unknown_county_is_refused() -> None:
    """A county must be imported before its items."""
    assert refused(items(Ledger([]), replace(ITEM, county="999999"))) == [(2, "county")]


def test_an_office_brings_its_own_rows_only() -> None:
    """The others' are refused one by one; its own land."""
    outcome = items(Ledger([]), ITEM, replace(ITEM, county="522634"), office="520123")
    assert outcome.accepted == {2}
    assert refused(outcome) == [(3, "county")]


def test_a_repeated_sku_is_refused_with_the_number_of_the_first_row() -> None:
    """The first row counts; the same sku in another county is another item."""
    outcome = items(Ledger([]), ITEM, replace(ITEM, county="522634"), ITEM)
    assert outcome.accepted == {2, 3}
    assert outcome.refused[4] == Refused(4, "sku", "repeats row 2", "XW-KIWI-5")


def test_an_unreadable_row_is_reported_among_the_others() -> None:
    """Rows come out in the order of the file."""
    unreadable = Refused(2, "stock", "is empty")
    rows: list[Good[Any] | Refused] = [unreadable, Good(3, replace(ITEM, county="999999"))]
    report = imports.judge_items(rows, Ledger([]), office=None, counties=COUNTIES, new_id=str).report()
    assert (report.rows, report.accepted) == (2, 0)
    assert report.refused[0] is unreadable


def test_a_lot_is_added_to_a_known_item_and_listed() -> None:
    """Its certificate is public; its units are on hand."""
    ledger = Ledger([kiwi(100)])
    outcome = imports.judge_lots(numbered(LOT, replace(LOT, sku="NONE")), ledger, office="520123")
    assert refused(outcome) == [(3, "sku")]
    [(_, item, [told])] = ledger.changes()
    assert item.on_hand == 107
    assert isinstance(told, ItemListed)
    assert told.lots[1].certificate == "GB-1"


def test_two_lots_of_an_item_in_one_file_are_one_change() -> None:
    """One write and one listing for the item."""
    ledger = Ledger([kiwi(100)])
    imports.judge_lots(numbered(LOT, replace(LOT, lot="L3")), ledger, office=None)
    [(_, item, facts)] = ledger.changes()
    assert (item.on_hand, len(facts)) == (114, 1)


def test_a_row_sets_stock_aside_once_for_each_slot_and_once_for_the_shelf() -> None:
    """The same file again changes nothing."""
    ledger = Ledger([kiwi(100)])
    rows = (SHELF, SLOT, replace(SLOT, slot=2))
    assert allotments(ledger, *rows).accepted == {2, 3, 4}
    [(_, item, facts)] = ledger.changes()
    assert item.on_hand == 70
    assert [type(fact) for fact in facts] == [StockAllotted] * 3
    assert allotments(reread(ledger), *rows).unchanged == {2, 3, 4}


def test_a_file_does_not_change_an_allotment() -> None:
    """Another quantity for the same slot is refused, and says what is there."""
    ledger = Ledger([kiwi(100)])
    allotments(ledger, SLOT)
    outcome = allotments(ledger, replace(SLOT, quantity=11))
    assert refused(outcome) == [(2, "quantity")]
    assert "10" in outcome.refused[2].reason


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (replace(SHELF, quantity=101), "quantity"),
        (replace(SHELF, sku="NONE"), "sku"),
        (replace(SHELF, county="522634"), "county"),
        (replace(SLOT, show_id=None), "show_id"),
        (replace(SHELF, slot=1), "slot"),
    ],
)
def test_an_allotment_that_cannot_be_is_refused(row: AllotmentRow, field: str) -> None:
    """Too much, of nothing, of another's, or for no slot."""
    assert refused(allotments(Ledger([kiwi(100)]), row, office="520123")) == [(2, field)]


def test_a_county_is_listed_when_it_is_new_or_changed() -> None:
    """An unchanged one is not told of."""
    told: dict[str, Fact] = {}
    row = CountyRow(
        code="520123",
        name_zh="修文县",
        name_en="Xiuwen",
        province_zh="贵州",
        province_en="Guizhou",
        latitude=26.84,
        longitude=106.6,
        host_title="Magistrate of Xiuwen County",
    )
    outcome = imports.judge_counties(numbered(row, replace(row, code="522634")), {"520123": XIUWEN}, told.__setitem__)
    assert (outcome.unchanged, outcome.accepted) == ({2}, {3})
    assert list(told) == ["522634"]


def test_a_hub_belongs_to_a_known_county_and_stays_there() -> None:
    """An office can neither bring a foreign hub nor take one over by its code."""
    row = HubRow(
        code="H1",
        county="520123",
        kind="village_point",
        name_zh="谷堡镇",
        latitude=26.9,
        longitude=106.5,
        daily_capacity_parcels=9,
    )
    theirs = HubListed(
        hub="H9",
        county="522634",
        kind="village_point",
        name_zh="西江",
        latitude=26.9,
        longitude=106.5,
        daily_capacity_parcels=9,
    )
    told: dict[str, Fact] = {}
    outcome = imports.judge_hubs(
        numbered(row, replace(row, code="H2", county="522634"), replace(row, code="H9"), row),
        {"H9": theirs},
        told.__setitem__,
        office="520123",
        counties=COUNTIES,
    )
    assert list(told) == ["H1"]
    assert refused(outcome) == [(3, "county"), (4, "code"), (5, "code")]


def test_a_later_try_of_a_row_replaces_the_verdict_of_the_earlier() -> None:
    """A row that lost to somebody else is judged again."""
    outcome = Outcome({2, 3}, set(), {})
    outcome.update(Outcome(set(), {2}, {3: Refused(3, "stock", "too late")}))
    report = outcome.report()
    assert (report.rows, report.accepted, report.unchanged, len(report.refused)) == (2, 0, 1, 1)
