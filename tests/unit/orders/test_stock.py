"""The rules of an allotment besides selling. In every state: sold + remaining + returned = offered."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.orders.builders import NOW, allotment, slot

from chassis.refusals import Conflict
from contracts.events import AllotmentClosed, ItemFeatured, StockAllotted
from orders import stock
from orders.model import Allotment, Change, Owed, Window


def after(before: Allotment, change: Change | None) -> Allotment:
    """The allotment once the change is written."""
    assert change is not None
    known: dict[str, Any] = {name: value for name, value in change.fields.items() if name != "closed_at"}
    released = [*before.released, *change.append.get("released", [])]
    changed = msgspec.structs.replace(before, **known, version=change.new_version, released=released)
    assert changed.sold + changed.remaining + changed.returned == changed.offered
    return changed


def window(**fields: Any) -> Window:
    known: dict[str, Any] = {
        "allotment_id": "a",
        "show_id": "show-1",
        "live_price_fen": 2990,
        "per_buyer_limit": 2,
        "opens_at": NOW + timedelta(hours=1),
        "closes_at": NOW + timedelta(hours=2),
        "sequence": 5,
    }
    return Window(**{**known, **fields})


def owed(name: str, units: int) -> Owed:
    return Owed(id=name, kind="units", amount=units, since=NOW)


def test_featuring_opens_the_window() -> None:
    featured = after(slot(), stock.feature(slot(), window(), NOW))
    assert (featured.live_price_fen, featured.opens_at, featured.per_buyer_limit) == (2990, NOW + timedelta(hours=1), 2)


def test_the_limit_that_came_with_the_stock_stays() -> None:
    kept = slot(per_buyer_limit=3)
    assert after(kept, stock.feature(kept, window(), NOW)).per_buyer_limit == 3


def test_an_older_window_or_the_same_again_changes_nothing() -> None:
    featured = slot(window_sequence=5)
    assert stock.feature(featured, window(sequence=5), NOW) is None
    assert stock.feature(featured, window(sequence=4), NOW) is None


def test_a_closed_allotment_is_not_featured() -> None:
    assert stock.feature(slot(state="closed", returned=10, remaining=0), window(), NOW) is None


def test_closing_sends_back_what_remains_and_says_so() -> None:
    open_one = allotment(sold=4, version=7)
    change = stock.close(open_one, NOW)
    closed = after(open_one, change)
    assert (closed.state, closed.remaining, closed.returned, closed.revision) == ("closed", 0, 6, 1)
    assert change is not None
    [fact] = change.facts
    assert isinstance(fact, AllotmentClosed)
    assert (fact.sold, fact.returned, fact.revision) == (4, 6, 1)


def test_closing_twice_is_closing_once() -> None:
    assert stock.close(allotment(state="closed", returned=10, remaining=0), NOW) is None


def test_released_units_can_be_bought_again_while_it_is_open() -> None:
    sold = allotment(sold=4)
    freed = after(sold, stock.release(sold, [owed("o1:1:units", 1), owed("o2:1:units", 2)], NOW))
    assert (freed.sold, freed.remaining) == (1, 9)


def test_units_are_released_once_however_often_they_are_owed() -> None:
    sold = allotment(sold=4)
    freed = after(sold, stock.release(sold, [owed("o1:1:units", 1)], NOW))
    assert stock.release(freed, [owed("o1:1:units", 1)], NOW) is None


def test_a_late_release_on_a_closed_allotment_is_a_new_revision() -> None:
    closed = allotment(sold=4, returned=6, remaining=0, state="closed", revision=1)
    change = stock.release(closed, [owed("o1:1:units", 3)], NOW)
    freed = after(closed, change)
    assert (freed.sold, freed.returned, freed.revision) == (1, 9, 2)
    assert change is not None
    [fact] = change.facts
    assert isinstance(fact, AllotmentClosed)
    assert (fact.sold, fact.returned, fact.revision) == (1, 9, 2)


def test_every_change_is_a_new_version_with_or_without_events() -> None:
    sold = allotment(sold=4, version=9)
    assert stock.unsell(sold, 1, NOW).new_version == 10
    assert stock.miss(sold, 3, NOW).new_version == 10


def test_only_shelves_are_closed_by_hand() -> None:
    stock.require_shelf(allotment())
    with pytest.raises(Conflict, match="closes-with-its-show"):
        stock.require_shelf(slot())


def test_an_allotment_is_made_of_what_was_set_aside() -> None:
    fact = StockAllotted(
        allotment_id="a",
        item_id="i",
        county="520123",
        sku="S",
        name_zh="茶",
        name_en="tea",
        producer_id="p",
        weight_g=100,
        purpose="shelf",
        offered=7,
        price_fen=100,
        allotted_at=NOW,
    )
    made = stock.from_stock(fact)
    assert (made.offered, made.remaining, made.sold, made.state) == (7, 7, 0, "open")


def test_a_rehearsed_slot_gets_an_allotment_that_says_so() -> None:
    fact = ItemFeatured(
        show_id="r",
        programme="P",
        rehearsal=True,
        slot=1,
        allotment_id="rehearsal-r-1",
        item_id="i",
        county="520123",
        sku="S",
        name_zh="茶",
        name_en="tea",
        producer_id="p",
        weight_g=100,
        price_fen=100,
        live_price_fen=90,
        offered=7,
        per_buyer_limit=None,
        channels=("web",),
        opens_at=NOW,
        closes_at=NOW,
    )
    made = stock.for_rehearsal(fact)
    assert made.rehearsal
    assert after(made, stock.feature(made, stock.window_of(fact, 2), NOW)).live_price_fen == 90
