"""An older fact that comes late, replayed from the dead letters, does not undo what is known since; a fact that was
never heard still counts.
"""

import pytest
from msgspec.structs import replace

from broadcast.lineup import LineupRow
from broadcast.store import BroadcastStore

from .stages import XIUWEN, a_listed_county, a_listed_item, an_allotted, an_event, order_facts

ROW = LineupRow(
    slot=1,
    county=XIUWEN,
    sku="KIWI",
    programme="Sweet",
    show="sweet",
    starts_min=0,
    minutes=10,
    allotted=5,
    channels="web",
)


@pytest.mark.parametrize("together", [True, False])
def test_an_older_listing_or_host_is_not_the_latest(empty_store: BroadcastStore, together: bool) -> None:
    items = [an_event(a_listed_item(price_fen=fen), number) for fen, number in ((200, 7), (100, 6))]
    hosts = [
        an_event(replace(a_listed_county(), host_title=title), number) for title, number in (("new", 7), ("old", 6))
    ]
    for batch in (slice(None),) if together else (slice(1), slice(1, None)):
        empty_store.remember_items(items[batch])
        empty_store.remember_hosts(hosts[batch])
    (item,) = empty_store.known([ROW]).items.values()
    assert item.price_fen == 200
    assert empty_store.host_titles([XIUWEN]) == {XIUWEN: "new"}


def test_stock_told_of_again_later_is_as_it_was(empty_store: BroadcastStore) -> None:
    first = an_event(an_allotted("show-1", 1, offered=400))
    assert empty_store.remember_allotments([first]) == {"show-1"}
    before = empty_store.allotments("show-1")
    empty_store.remember_allotments([first, first])
    assert empty_store.allotments("show-1") == before


def test_an_order_that_is_heard_of_after_its_payment_counts_once(empty_store: BroadcastStore) -> None:
    placed, *later = [an_event(fact, number) for number, fact in enumerate(order_facts("o1", "show-1"), start=1)]
    empty_store.count_sales(later)
    assert "placed" not in {row.kind for row in empty_store.sales("show-1")}
    empty_store.count_sales([placed])
    whole = sorted(empty_store.sales("show-1"), key=lambda row: row.kind)
    empty_store.count_sales([placed, *later])
    assert sorted(empty_store.sales("show-1"), key=lambda row: row.kind) == whole
    assert [row.orders for row in whole if row.kind == "placed"] == [1]
