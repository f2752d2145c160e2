"""Every transition from every state, as docs/orders.md says: its tables are the tests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.unit.orders import builders
from tests.unit.orders.builders import hub, paid_order
from tests.unit.orders.test_placing import exact

from chassis.refusals import Refusal, Stale
from contracts.ids import new_id
from orders import freshness, lifecycle
from orders.engine import Engine
from orders.model import Allotment, Order, Parcel
from orders.store import OrdersStore

DOCUMENT = Path(__file__).parents[3] / "docs/orders.md"
COUNTY = "520123"
PAST = datetime.now(UTC) - timedelta(days=1)
FUTURE = datetime.now(UTC) + timedelta(days=1)


def table(of: str) -> dict[str, dict[str, str]]:
    """What the document says: for each transition, what comes of each state."""
    lines = DOCUMENT.read_text().splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith(f"| the {of} is |"))
    names, *rows = [
        line.strip("| ").split(" | ") for line in takewhile(lambda line: line.startswith("|"), lines[head:])
    ]
    cells = {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in rows[1:]}
    return {name: {state: said[name] for state, said in cells.items()} for name in names[1:]}


class Case(NamedTuple):
    """An order in a state, and the parcel that says so."""

    order: Order
    parcel: Parcel | None


def case(state: str, stock: Allotment) -> Case:
    if state == "placed":
        return Case(builders.order(stock, pay_by=FUTURE), None)
    paid = paid_order(stock, buyer_id=f"b-{state}", pay_by=None)
    if state in ("paid", "cancelled", "returned"):
        back = 2 if state == "returned" else 0
        return Case(msgspec.structs.replace(paid, state=state, returned_quantity=back), None)
    how_far: Any = {"completed": "delivered"}.get(state, state)
    due = PAST if state == "delivered" else None
    parcel = builders.parcel(id=new_id(), order_ids=[paid.id], state=how_far, complete_at=due)
    at_rest: Any = "completed" if state == "completed" else "packed"
    return Case(msgspec.structs.replace(paid, state=at_rest, parcel_id=parcel.id), parcel)


@pytest.fixture
def cases(store: OrdersStore) -> dict[str, Case]:
    """One order in each state, on an allotment that agrees with them."""
    plenty = builders.allotment(offered=100)
    made = {state: case(state, plenty) for state in table("order")["cancel"]}
    selling = sum(one.order.quantity for one in made.values() if one.order.state != "cancelled")
    stock = msgspec.structs.replace(plenty, sold=selling - 2, remaining=102 - selling)
    store.allotments.add([stock])
    store.orders.add([one.order for one in made.values()])
    store.parcels.add([one.parcel for one in made.values() if one.parcel])
    store.parcels.remember_hubs([hub(f"{COUNTY}-C", "county_centre")])
    return made


def give_back(quantity: int) -> Callable[[Engine, Order], object]:
    return lambda engine, order: engine.aftercare.give_back(
        order.id, return_id=new_id(), quantity=quantity, restock=True
    )


def when_over(engine: Engine, order: Order) -> int:
    """Its time to pay, if it had one, was yesterday."""
    dates = {"pay_by": PAST} if order.state == "placed" else {}
    if dates:
        engine.store.orders.collection.update_one({"_id": order.id}, {"$set": dates})
    return engine.aftercare.lapse_due()


ORDERS: dict[str, Callable[[Engine, Order], object]] = {
    "pay": lambda engine, order: engine.cashier.pay(order, "ok"),
    "pack": lambda engine, _: engine.parcels.pack(COUNTY, 100),
    "cancel": lambda engine, order: engine.aftercare.cancel(order.id, "buyer"),
    "return a part": give_back(1),
    "return the rest": give_back(2),
    "confirm receipt": lambda engine, order: engine.completing.confirm(order.id),
    "time to pay is over": when_over,
    "time to send back is over": lambda engine, _: engine.completing.complete_due(),
}


def what_came(store: OrdersStore, before: Order, act: Callable[[], object]) -> str:
    """The state it is in now, *same*, or the refusal."""
    refused = refusal_of(act)
    now = store.orders.get(before.id)
    assert now is not None
    if refused:
        assert (now.version, refused.figures["state"]) == (before.version, seen(store, now))
        return f"{refused.status} {refused.code}"
    return "same" if now.version == before.version else seen(store, now)


def refusal_of(act: Callable[[], object]) -> Refusal | None:
    try:
        act()
    except Refusal as refusal:
        return refusal
    return None


def seen(store: OrdersStore, order: Order) -> str:
    return lifecycle.state_of(order, store.parcels.of(order))


@pytest.mark.parametrize("transition", ORDERS)
def test_an_order_does_from_each_state_what_the_document_says(
    engine: Engine, store: OrdersStore, cases: dict[str, Case], transition: str
) -> None:
    act = ORDERS[transition]
    came = {state: what_came(store, one.order, lambda one=one: act(engine, one.order)) for state, one in cases.items()}
    assert came == table("order")[transition]
    engine.sweep()


def test_the_document_knows_every_transition_and_state() -> None:
    assert list(table("order")) == list(ORDERS)
    assert list(table("parcel")) == list(PARCELS)
    assert len(table("order")["cancel"]) == 8


PARCELS: dict[str, Callable[[Engine, str, str | None], object]] = {
    "ship": lambda engine, key, if_match: engine.parcels.ship(key, "YTO", None, if_match),
    "scan": lambda engine, key, if_match: engine.parcels.scan(key, "520123-V", if_match),
    "deliver": lambda engine, key, if_match: engine.parcels.deliver(key, if_match),
}


@pytest.mark.parametrize("transition", PARCELS)
def test_a_parcel_does_from_each_state_what_the_document_says(
    engine: Engine, store: OrdersStore, transition: str
) -> None:
    came = {}
    for state in table("parcel")[transition]:
        parcel = builders.parcel(state=state, version=3)
        store.parcels.add([parcel])
        with pytest.raises(Stale, match="parcel-changed"):
            PARCELS[transition](engine, parcel.id, '"2"')
        refused = refusal_of(lambda parcel=parcel: PARCELS[transition](engine, parcel.id, freshness.etag(parcel)))
        now = store.parcels.get(parcel.id)
        assert now is not None
        came[state] = "same" if now.version == parcel.version else now.state
        if refused:
            assert (now, refused.figures["state"]) == (store.parcels.get(parcel.id), state)
            came[state] = f"{refused.status} {refused.code}"
    assert came == table("parcel")[transition]


def test_an_allotment_does_from_each_state_what_the_document_says(engine: Engine, store: OrdersStore) -> None:
    came = {}
    for state in ("open", "closed"):
        made = builders.allotment(state=state, version=3, returned=10 if state == "closed" else 0)
        store.allotments.add([made])
        with pytest.raises(Stale, match="allotment-changed"):
            engine.allotments.close(made.id, '"2"')
        closed = engine.allotments.close(made.id, freshness.etag(made))
        assert closed is not None
        came[state] = "same" if closed.version == made.version else closed.state
        exact(store, made.id)
    assert came == table("allotment")["close"]


STALE: dict[str, Callable[[Engine, Order, str], object]] = {
    "cancel": lambda engine, order, tag: engine.aftercare.cancel(order.id, "buyer", tag),
    "return": lambda engine, order, tag: engine.aftercare.give_back(
        order.id, return_id="r", quantity=1, restock=True, if_match=tag
    ),
    "complete": lambda engine, order, tag: engine.completing.confirm(order.id, tag),
}


@pytest.mark.parametrize("transition", STALE)
def test_whatever_the_state_a_stale_edit_of_an_order_is_refused_first(
    engine: Engine, store: OrdersStore, cases: dict[str, Case], transition: str
) -> None:
    for one in cases.values():
        with pytest.raises(Stale, match="order-changed"):
            STALE[transition](engine, one.order, '"99"')
        now = store.orders.get(one.order.id)
        assert now is not None
        assert (now.state, now.version) == (one.order.state, one.order.version)
