"""An older fact that comes late, replayed from the dead letters, does not undo what is known since; a fact that was
never heard still counts.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from contracts.codec import Event
from contracts.events import Fact, ItemFeatured, StockAllotted, StreamEnded, event_type
from contracts.examples import EXAMPLES
from contracts.ids import new_id
from orders.engine import Engine
from orders.model import Hub

NOW = datetime.now(UTC)


def event(fact: Fact, sequence: int) -> Event:
    kind = event_type(type(fact))
    subject = str(getattr(fact, kind.key))
    return Event(
        id=f"{kind.name}:{subject}:{sequence}",
        type=kind.name,
        source=f"/shanhuo/{kind.owner}",
        subject=subject,
        sequence=sequence,
        time=NOW,
        data=fact,
    )


def example(name: str, **changed: Any) -> Any:
    return msgspec.structs.replace(EXAMPLES[name], **changed)


def listed(item_id: str, lot: str, sequence: int) -> Event:
    (first, *_) = EXAMPLES["item.listed"].lots  # type: ignore[attr-defined]  # its own type
    lots = (msgspec.structs.replace(first, lot=lot, harvested_on=date(2030, 10, 5)),)
    return event(example("item.listed", item_id=item_id, lots=lots), sequence)


@pytest.mark.parametrize("together", [True, False])
def test_an_older_listing_does_not_bring_back_its_lots(engine: Engine, together: bool) -> None:
    item_id = new_id()
    newer, older = listed(item_id, "NEW", 7), listed(item_id, "OLD", 6)
    for batch in [[newer, older]] if together else [[newer], [older]]:
        engine.allotments.list_items(batch)
    assert [lot.lot for lot in engine.store.waitlist.lots(item_id)] == ["NEW"]


def test_an_older_place_of_a_hub_is_not_its_latest(engine: Engine) -> None:
    hub = Hub(id="h1", county="520123", kind="village_point", name_zh="新", sequence=7)
    for told in (hub, msgspec.structs.replace(hub, name_zh="旧", sequence=6)):
        engine.store.parcels.remember_hubs([told])
    assert [hub.name_zh for hub in engine.store.parcels.hubs("520123")] == ["新"]


def featured(stock: StockAllotted, price: int, sequence: int) -> Event:
    fact: ItemFeatured = example(
        "item.featured",
        allotment_id=stock.allotment_id,
        show_id=stock.show_id,
        slot=stock.slot,
        live_price_fen=price,
        opens_at=NOW,
        closes_at=NOW + timedelta(minutes=5),
    )
    return event(fact, sequence)


def slot() -> StockAllotted:
    fact: StockAllotted = example(
        "stock.allotted", allotment_id=new_id(), show_id=new_id(), slot=1, purpose="slot", offered=40
    )
    return fact


def test_an_older_window_does_not_open_again(engine: Engine) -> None:
    stock = slot()
    engine.allotments.allot([stock])
    engine.allotments.feature(featured(stock, 3990, 5))
    engine.allotments.feature(featured(stock, 2990, 4))
    allotment = engine.store.allotments.get(stock.allotment_id)
    assert allotment
    assert (allotment.live_price_fen, allotment.window_sequence) == (3990, 5)


def test_stock_that_is_told_of_after_its_show_ended_goes_back_whole(engine: Engine) -> None:
    stock = slot()
    engine.allotments.feature(featured(stock, 3990, 5))
    ended: StreamEnded = example("stream.ended", show_id=stock.show_id, ended_at=NOW)
    engine.allotments.end_show(ended)
    engine.allotments.allot([stock])
    allotment = engine.store.allotments.get(stock.allotment_id)
    assert allotment
    assert (allotment.state, allotment.returned, allotment.remaining) == ("closed", 40, 0)


def test_stock_that_is_told_of_again_after_it_sold_is_as_it_was(engine: Engine) -> None:
    stock = slot()
    engine.allotments.allot([stock])
    ended: StreamEnded = example("stream.ended", show_id=stock.show_id, ended_at=NOW)
    engine.allotments.end_show(ended)
    before = engine.store.allotments.get(stock.allotment_id)
    engine.allotments.allot([stock])
    engine.allotments.feature(featured(stock, 3990, 1))
    assert engine.store.allotments.get(stock.allotment_id) == before
