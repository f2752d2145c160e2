"""Every race of two, every death and every outage of one, at each step: what hypothesis tries at random, here in full.

One replica acts on a small shop; before its nth step another acts from beginning to end, or it is killed there, or the
engines go away, for every n until it comes through. Then there is peace, and the sums are right.

Raced are those who can get into each other's way; with `PROOF_EXAMPLES` set everybody races everybody, and readings
are steps too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import count
from typing import Any, Final

import pytest
from tests.unit.orders.acting import Action, Allot, Cancel, Close, GiveBack, Join, Leave, Pay, Place, Tend
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.elsewhere import Receive, Sold
from tests.unit.orders.evening import Evening, Wish
from tests.unit.orders.issuing import Issue
from tests.unit.orders.killing import Fate, How, fated, mortal_database
from tests.unit.orders.replicas import Broker, Replica
from tests.unit.orders.resting import at_peace, found_at_once, lending, patient

from orders.settings import OrdersSettings
from orders.store import OrdersStore

PLACED, PAID, LATE, WAITED_FOR, WITH_COUPON = range(5)  # the orders of the shop
OPENING: Final = (
    Allot(offered=9, limit=None, slot=None),
    Allot(offered=9, limit=3, slot="now"),
    Place((Wish(stock=0, buyer=0, key=0, quantity=2),)),
    Place((Wish(stock=0, buyer=1, key=1, quantity=2),)),
    Place((Wish(stock=0, buyer=2, key=2, quantity=1, pays_late=True),)),
    Pay(PAID),
    Allot(offered=2, limit=None, slot=None),
    Place((Wish(stock=2, buyer=0, key=11, quantity=2),)),
    Join(Wish(stock=2, buyer=1, key=12, quantity=2)),
    Join(Wish(stock=2, buyer=2, key=13, quantity=1)),
    Allot(offered=9, limit=None, slot="now"),
    Issue(slot=1, budget_fen=1000),
    Place((Wish(stock=3, buyer=6, key=15, quantity=1, coupon=0),)),
    Tend("tick"),
)
SOLD: Final = Sold(1, stock=0, customer=0, quantity=2)
FIRST: Final[dict[str, Action]] = {
    "buys most": Place((Wish(stock=0, buyer=3, key=3, quantity=3),)),
    "buys much at once": Place(
        (
            Wish(stock=0, buyer=4, key=5, quantity=2),
            Wish(stock=1, buyer=4, key=6, quantity=2),
            Wish(stock=1, buyer=5, key=7, quantity=2),
            Wish(stock=0, buyer=5, key=8, quantity=2),
            Wish(stock=0, buyer=5, key=8, quantity=2),
        )
    ),
    "buys with the last coupon": Place((Wish(stock=1, buyer=7, key=16, quantity=1, coupon=0),)),
    "cancels what a coupon was used for": Cancel(WITH_COUPON),
    "reads what others sold": Receive((SOLD, Sold(2, stock=0, customer=1, quantity=99))),
    "pays": Pay(PLACED),
    "cancels what is paid": Cancel(PAID, "county"),
    "gives back": GiveBack(PAID, back=0, quantity=1, restock=True),
    "frees what others wait for": Cancel(WAITED_FOR),
    "waits": Join(Wish(stock=2, buyer=3, key=14, quantity=1)),
    "leaves": Leave(0),
    "closes": Close(0),
    "sweeps": Tend("sweep"),
}
SECOND: Final[dict[str, Action]] = {
    **FIRST,
    "buys the other with the same coupon": Place((Wish(stock=3, buyer=7, key=17, quantity=1, coupon=0),)),
    "buys with the last coupon as well": Place((Wish(stock=3, buyer=0, key=18, quantity=1, coupon=0),)),
    "cancels what is unpaid": Cancel(PLACED),
    "buys up to the limit": Place((Wish(stock=1, buyer=3, key=4, quantity=3),)),
    "buys the same": Place((Wish(stock=0, buyer=3, key=3, quantity=3),)),
    "buys something else with the same key": Place((Wish(stock=1, buyer=3, key=3, quantity=1),)),
    "buys up to the limit with another key": Place((Wish(stock=1, buyer=3, key=9, quantity=3),)),
    "gives back the rest": GiveBack(PAID, back=1, quantity=2, restock=True),
    "closes the slot": Close(1),
    "closes what others wait for": Close(2),
}
RIVALS: Final = {
    "buys most": ("buys much at once", "buys the same", "buys something else with the same key", "closes"),
    "buys much at once": ("buys up to the limit with another key", "closes the slot", "sweeps"),
    "buys with the last coupon": (
        "buys the other with the same coupon",
        "buys with the last coupon as well",
        "cancels what a coupon was used for",
        "closes the slot",
        "sweeps",
    ),
    "cancels what a coupon was used for": ("cancels what a coupon was used for", "buys with the last coupon", "sweeps"),
    "reads what others sold": ("reads what others sold", "buys most", "closes", "sweeps"),
    "pays": ("pays", "cancels what is unpaid", "sweeps"),
    "cancels what is paid": ("cancels what is paid", "gives back", "closes", "sweeps"),
    "gives back": ("gives back", "gives back the rest", "cancels what is paid", "closes"),
    "frees what others wait for": ("frees what others wait for", "waits", "leaves", "closes what others wait for"),
    "waits": ("waits", "frees what others wait for", "leaves", "closes what others wait for", "sweeps"),
    "leaves": ("leaves", "frees what others wait for", "closes what others wait for"),
    "closes": ("closes", "buys most", "cancels what is paid", "reads what others sold", "sweeps"),
    "sweeps": ("sweeps", "buys with the last coupon", "frees what others wait for", "cancels what is paid"),
}
DEEP: Final = bool(os.environ.get("PROOF_EXAMPLES"))
# Before each write: what was read may be true no more. Before each reading as well takes three times as long.
BETWEEN: Final[How] = "meanwhile" if DEEP else "overtaken"
DEATHS: Final[tuple[How, ...]] = ("half", "before", "after")
TAKING: Final = ("buys most", "buys with the last coupon", "reads what others sold")  # leave most to be finished
OUTAGES: Final[tuple[How, ...]] = ("away", "unheard")


class Shop:
    """Two replicas, and what the bookkeeper knows of them. Opened once; each race begins as it was then."""

    def __init__(self, settings: OrdersSettings) -> None:
        self.settings, self.evening, self.broker = settings, Evening(), Broker()
        self.one = self.other = self.born()
        for action in OPENING:
            action.run(self.evening, self.one)
        self.one.publish()
        assert len(self.evening.orders) == 5
        self._then = {one: list(one.find({})) for one in _collections()}, deepcopy((self.evening, self.broker))

    def opened_again(self) -> "Shop":
        documents, known = self._then
        for collection, then in documents.items():
            collection.delete_many({})
            if then:
                collection.insert_many(then)
        self.evening, self.broker = deepcopy(known)
        self.one, self.other = self.born(), self.born()
        return self

    def born(self) -> Replica:
        return Replica(patient(self.settings), self.broker, Refunds())

    def sweeper(self) -> Replica:
        """One that leaves no batch to anybody else."""
        return Replica(self.settings, self.broker, Refunds())

    def end(self) -> None:
        """Nothing is wrong even now, and nothing is left undone in the end."""
        self.evening.books.check(self.one.store)
        at_peace(self.evening, self.broker, self.sweeper(), (self.one, self.other))

    def end_alone(self) -> None:
        """Nor when nobody is there but the one that acted."""
        self.evening.books.check(self.one.store)
        at_peace(self.evening, self.broker, self.one, ())


def _collections() -> list[Any]:
    return [document._get_collection() for document in OrdersStore.documents]


@pytest.fixture
def shop(store: OrdersStore, own_settings: OrdersSettings, monkeypatch: pytest.MonkeyPatch) -> Shop:
    found_at_once(monkeypatch)
    mortal_database(monkeypatch)
    return Shop(lending(own_settings))


@contextmanager
def told(what: str) -> Iterator[None]:
    """A failure says which of all the races it was."""
    try:
        yield
    except AssertionError as wrong:
        wrong.add_note(what)
        raise


@pytest.mark.timeout(1200 if DEEP else 120)  # some hundred little shops, one for each step
@pytest.mark.parametrize("first", FIRST)
def test_one_acts_between_any_two_steps_of_another(shop: Shop, first: str) -> None:
    for second in SECOND if DEEP else RIVALS[first]:
        for at in count(1):
            shop.opened_again()
            fate = Fate(at, BETWEEN, lambda second=second: SECOND[second].run(shop.evening, shop.other))
            with told(f"one {first}, another {second} before step {at}"):
                with fated(fate):
                    FIRST[first].run(shop.evening, shop.one)
                if not fate.met:
                    break
                shop.end()
        assert at > 1, "there was a step to come before"


@pytest.mark.parametrize("first", FIRST)
def test_one_is_killed_at_any_write(shop: Shop, first: str) -> None:
    for how in DEATHS:
        for at in count(1):
            shop.opened_again()
            with told(f"one {first} and is killed {how} write {at}"):
                with fated(Fate(at, how)) as fate:
                    FIRST[first].run(shop.evening, shop.one)
                if not fate.met:
                    break
                shop.one = shop.born()
                shop.end()
        assert at > 1 or how == "half", "there was a write to be killed at"


@pytest.mark.parametrize("first", FIRST)
def test_one_from_which_the_engines_go_away_at_any_step_does_the_rest_when_they_are_back(
    shop: Shop, first: str
) -> None:
    for how in OUTAGES:
        for at in count(1):
            shop.opened_again()
            shop.one = shop.sweeper()
            with told(f"one {first}, and the engines are {how} at step {at}"):
                with fated(Fate(at, how)) as fate:
                    FIRST[first].run(shop.evening, shop.one)
                if not fate.met:
                    break
                shop.end_alone()
        assert at > 1, "there was a step to take"


@pytest.mark.parametrize("first", FIRST if DEEP else TAKING)
def test_who_finishes_for_the_dead_and_is_not_answered_finishes_when_the_engines_are_back(
    shop: Shop, first: str
) -> None:
    for died_at in count(1):
        for at in count(1):
            shop.opened_again()
            with told(f"one {first} and is killed after write {died_at}; who sweeps is not answered at write {at}"):
                with fated(Fate(died_at, "after")) as death:
                    FIRST[first].run(shop.evening, shop.one)
                shop.one = shop.sweeper()
                with fated(Fate(at, "unheard")) as outage:
                    shop.one.sweep()
                shop.end_alone()
            if not outage.met:
                break
        assert at > 1, "there was a write to be left unanswered"
        if not death.met:
            break
    assert died_at > 1, "there was a write to be killed at"
