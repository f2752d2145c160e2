"""The waitlist with a process killed at every one of its steps in turn, and with somebody else acting at every one.

What a buyer or an office was not answered, they ask again, of another replica: twice is once. With `PROOF_EXAMPLES`
set, more act.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import pytest
from tests.integration.shop import on_offer
from tests.unit.orders.builders import allotment
from tests.unit.orders.killing import Fate, fated, mortal_database
from tests.unit.orders.peace import passed_over
from tests.unit.orders.resting import next_millisecond
from tests.unit.orders.test_placing import exact
from tests.unit.orders.test_preorders import NEXT_YEAR
from tests.unit.orders.test_waiting import bought, join

from chassis.refusals import Conflict
from contracts.ids import new_id
from orders import preorders
from orders.engine import Engine
from orders.model import Allotment, Order
from orders.store import OrdersStore

Engines = Callable[[], Engine]
DEEP: Final = bool(os.environ.get("PROOF_EXAMPLES"))
_MOST_STEPS: Final = 400
_ENDS: Final = {"offered", "preordered", "left"}


class Evening:
    """A sold-out shelf with three who wait, and what then happens to it."""

    def __init__(self, engine: Engine, store: OrdersStore) -> None:
        self.store = store
        self.stock: Allotment = allotment(offered=4, item_id=new_id())
        lots = {self.stock.item_id: (1, preorders.lots_of(on_offer(self.stock.item_id, ("NEXT", NEXT_YEAR))))}
        store.waitlist.remember_lots(lots)
        store.allotments.add([self.stock])
        self.orders: list[Order] = [bought(engine, self.stock, buyer=f"s{n}") for n in range(4)]
        for buyer, quantity in (("w0", 1), ("w1", 2), ("w2", 1)):
            join(engine, self.stock, buyer, quantity)

    def happens(self, engine: Engine) -> None:
        """Units come back, somebody joins, somebody leaves, it closes."""
        engine.aftercare.cancel(self.orders[0].id, "buyer")
        self.joins(engine, "w3")
        self.leaves(engine, "w2")
        engine.aftercare.cancel(self.orders[1].id, "buyer")
        engine.aftercare.cancel(self.orders[2].id, "buyer")
        engine.allotments.close(self.stock.id)

    def joins(self, engine: Engine, buyer: str) -> None:
        """If it is not closed or free again by now."""
        try:
            join(engine, self.stock, buyer)
        except Conflict as refusal:
            assert refusal.code in ("allotment-closed", "still-available")  # noqa: PT017  either may be so by now

    def leaves(self, engine: Engine, buyer: str) -> None:
        """If nothing was offered to them by now."""
        for entry in self.store.waitlist.of_buyers(self.stock.id, [buyer]):
            try:
                engine.waiting.leave(entry)
            except Conflict as refusal:
                assert refusal.code == "already-offered"  # noqa: PT017  then they cancel the order

    def settles(self, new_engine: Engines) -> None:
        """Sweeps of another replica, until nothing is left to do."""
        for _ in range(20):
            engine = new_engine()
            engine.sweep()
            engine.tick()
            found = self.store.allotments.get(self.stock.id)
            assert found is not None
            if found.attend_since is None and not found.batches and not found.joining:
                return
            next_millisecond()
        raise AssertionError(f"never at peace: {found}")

    def check(self) -> None:
        """Nothing oversold, each served once, each told once, nobody forgotten."""
        found = exact(self.store, self.stock.id)
        entries = self.store.waitlist.find({"allotment_id": self.stock.id})
        assert {entry.state for entry in entries} <= _ENDS
        assert found.least_waiting == 0
        orders = self.store.orders.find({})
        assert not (first := passed_over(self.store, orders)), first
        waited = [one for one in orders if one.allotment_id == found.id and one.buyer_id.startswith("w")]
        offered = [entry for entry in entries if entry.state == "offered"]
        assert sorted(one.id for one in waited) == sorted(entry.order_id or "" for entry in offered)
        assert self.said("waitlist.offered") == sorted(entry.id for entry in offered)
        ended = [entry for entry in entries if entry.lot]  # also who then gave the pre-order up
        assert self.said("preorder.placed") == sorted(entry.id for entry in ended)
        assert self.missed() == ([sum(entry.quantity for entry in ended)] if ended else [])

    def said(self, kind: str) -> list[str]:
        """The entries that such an event was told of, each as often as it was."""
        rows = self.store.waitlist.collection.find({"allotment_id": self.stock.id})
        return sorted(row["_id"] for row in rows for event in row["outbox"] if event["type"] == kind)

    def missed(self) -> list[int]:
        """Units that were told as waited for in vain."""
        row: dict[str, Any] = self.store.allotments.collection.find_one({"_id": self.stock.id}) or {}
        told = [msgspec.json.decode(event["data"]) for event in row["outbox"] if event["type"] == "demand.missed"]
        return [data["quantity"] for data in told if data["reason"] == "waitlist"]


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    mortal_database(monkeypatch)
    return


@pytest.mark.parametrize("how", ["after", "half"])
def test_killed_at_any_step_everybody_who_waits_is_served_once_or_told_once(
    new_engine: Engines, store: OrdersStore, mortal: None, how: Any
) -> None:
    for step in range(1, _MOST_STEPS):  # after one step is before the next
        evening = Evening(new_engine(), store)
        with fated(Fate(step, how)) as fate:
            evening.happens(new_engine())
        evening.settles(new_engine)
        evening.happens(new_engine())
        evening.settles(new_engine)
        evening.check()
        if not fate.met:
            return
    raise AssertionError("it never ends")


@pytest.mark.parametrize("what", ["cancel", "join", "close", *(["sweep", "leave"] if DEEP else [])])
def test_whatever_another_replica_does_meanwhile_each_is_served_once_or_told_once(
    new_engine: Engines, store: OrdersStore, mortal: None, what: str
) -> None:
    for step in range(1, _MOST_STEPS):
        evening, other = Evening(new_engine(), store), new_engine()
        acts: dict[str, Callable[[], object]] = {
            "sweep": other.sweep,
            "cancel": lambda: other.aftercare.cancel(evening.orders[3].id, "buyer"),  # noqa: B023  acts before the next
            "join": lambda: evening.joins(other, "w4"),  # noqa: B023  acts before the next
            "leave": lambda: evening.leaves(other, "w0"),  # noqa: B023  acts before the next
            "close": lambda: other.allotments.close(evening.stock.id),  # noqa: B023  acts before the next
        }
        with fated(Fate(step, "overtaken", acts[what])) as fate:
            evening.happens(new_engine())
        evening.settles(new_engine)
        evening.check()
        if not fate.met:
            return
    raise AssertionError("it never ends")
