"""What is told of allotments, on a real database: in any order, and everything twice."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from tests.integration.shop import Featured, on_screen, set_aside, show_over

from contracts.codec import Event
from contracts.ids import new_id
from orders.engine import Engine
from orders.store import OrdersStore


def featured(slot: Featured, sequence: int = 2, **fields: Any) -> Event:
    return Event(
        id=new_id(),
        type="item.featured",
        source="/shanhuo/broadcast",
        subject=slot.show_id,
        sequence=sequence,
        time=datetime.now(UTC),
        data=on_screen(slot, **fields),
    )


def stock_of(slot: Featured) -> Any:
    return set_aside(allotment_id=slot.allotment_id, purpose="slot", show_id=slot.show_id, slot=1)


@pytest.mark.parametrize("order", list(permutations(("allot", "feature", "feature again", "end"))))
def test_facts_in_whatever_order_and_twice_come_to_the_same(
    engine: Engine, store: OrdersStore, order: tuple[str, ...]
) -> None:
    slot = Featured(new_id(), new_id())
    tell = {
        "allot": lambda: engine.allotments.allot([stock_of(slot)]),
        "feature": lambda: engine.allotments.feature(featured(slot)),
        "feature again": lambda: engine.allotments.feature(featured(slot, 3, live_price_fen=2990)),
        "end": lambda: engine.allotments.end_show(show_over(slot.show_id)),
    }
    for name in order:
        tell[name]()
        tell[name]()
    found = store.allotments.get(slot.allotment_id)
    assert found is not None
    assert (found.state, found.returned, found.remaining, found.revision) == ("closed", 10, 0, 1)
    document = store.allotments.collection.find_one({"_id": found.id})
    assert document is not None
    assert [event["type"] for event in document["outbox"]] == ["allotment.closed"]


def test_the_later_window_counts_whichever_comes_last(engine: Engine, store: OrdersStore) -> None:
    slot = Featured(new_id(), new_id())
    engine.allotments.feature(featured(slot, 5, live_price_fen=2990))
    engine.allotments.allot([stock_of(slot)])
    engine.allotments.feature(featured(slot, 4, live_price_fen=1))
    found = store.allotments.get(slot.allotment_id)
    assert found is not None
    assert (found.live_price_fen, found.window_sequence) == (2990, 5)


def test_a_rehearsed_slot_needs_no_stock(engine: Engine, store: OrdersStore) -> None:
    slot = Featured(new_id(), "rehearsal-1")
    engine.allotments.feature(featured(slot, rehearsal=True, offered=7, opens_at=datetime.now(UTC) - timedelta(1)))
    found = store.allotments.get("rehearsal-1")
    assert found is not None
    assert (found.rehearsal, found.offered, found.live_price_fen) == (True, 7, 3990)


def test_a_closed_shelf_stays_closed_when_its_stock_is_told_of_again(engine: Engine, store: OrdersStore) -> None:
    fact = set_aside()
    engine.allotments.allot([fact])
    engine.allotments.close(fact.allotment_id)
    engine.allotments.allot([fact])
    found = store.allotments.get(fact.allotment_id)
    assert found is not None
    assert (found.state, found.returned) == ("closed", 10)
