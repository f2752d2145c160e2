"""Three replicas of the engine on the real database, against plain Python: whatever is done in whatever order, whoever
is killed at whatever write, whoever acts between a reading and its writing.

After each step what was promised is there and nothing else is; at peace, the audit from outside finds nothing. The
same examples every time; `PROOF_EXAMPLES=2000` looks for others, that many.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from tests.unit.orders.acting import Action, Place
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.drawing import ACTIONS, ALLOT, SHOW
from tests.unit.orders.evening import Evening, Wish
from tests.unit.orders.foreseeing import answer, expected
from tests.unit.orders.killing import Fate, How, fated, mortal_database
from tests.unit.orders.replicas import Broker, Replica
from tests.unit.orders.resting import at_peace, found_at_once, lending, patient

from orders.model import Allotment
from orders.settings import OrdersSettings
from orders.store import OrdersStore

EXAMPLES: Final = int(os.environ.get("PROOF_EXAMPLES", "0"))
REPLICAS: Final = 3

WHO = st.integers(0, REPLICAS - 1)
DEATH = st.builds(Fate, st.integers(1, 6), st.sampled_from(("before", "after"))) | st.builds(
    Fate, st.integers(1, 2), st.just("half")
)
BETWEEN = st.tuples(st.integers(1, 10), st.just("meanwhile")) | st.tuples(st.integers(1, 5), st.just("overtaken"))


class Machine(RuleBasedStateMachine):
    """An evening with replicas that die."""

    def __init__(self, own_settings: OrdersSettings) -> None:
        super().__init__()
        self.settings = own_settings
        self.evening = Evening()
        self.broker = Broker()
        self.provider = Refunds()
        self.patient = False
        self.replicas = [self.born() for _ in range(REPLICAS)]
        self.quiet = True  # nobody died or met another since the last peace
        for document in OrdersStore.documents:
            document._get_collection().delete_many({})

    def born(self) -> Replica:
        settings = patient(self.settings) if self.patient else self.settings
        return Replica(settings, self.broker, self.provider)

    @initialize(first=st.lists(ALLOT, min_size=1, max_size=2) | SHOW, leaves_be=st.booleans())
    def stock(self, first: Sequence[Action], leaves_be: bool) -> None:
        """Replicas take each other's batches for left behind at once, or not before they have long died."""
        self.patient = leaves_be
        self.replicas = [self.born() for _ in range(REPLICAS)]
        for action in first:
            action.run(self.evening, self.replicas[0])

    @rule(who=WHO, action=ACTIONS)
    def done(self, who: int, action: Action) -> None:
        """Undisturbed; and if there was peace, wishes are answered as the simplest book-keeping would."""
        if self.quiet and isinstance(action, Place):
            self.place_at_peace(who, action)
        else:
            action.run(self.evening, self.replicas[who])

    @rule(who=WHO, action=ACTIONS, fate=DEATH)
    def done_and_killed(self, who: int, action: Action, fate: Fate) -> None:
        """Kubernetes puts a new one in the place of the one that died."""
        fate = Fate(fate.at, fate.how)
        with fated(fate):
            action.run(self.evening, self.replicas[who])
        if fate.killed:
            self.replicas[who] = self.born()
            self.quiet = False

    @rule(who=WHO, action=ACTIONS, at=BETWEEN, other=WHO, meanwhile=ACTIONS)
    def done_while_another_acts(
        self, who: int, action: Action, at: tuple[int, How], other: int, meanwhile: Action
    ) -> None:
        """Just before one of its steps, another replica does something from beginning to end."""
        other = other if other != who else (who + 1) % REPLICAS
        fate = Fate(*at, lambda: meanwhile.run(self.evening, self.replicas[other]))
        with fated(fate):
            action.run(self.evening, self.replicas[who])
        self.quiet = self.quiet and not fate.met

    @rule()
    def peace(self) -> None:
        """All timers run for a while. Then nothing is left to do, and the audit finds nothing."""
        at_peace(self.evening, self.broker, Replica(self.settings, self.broker, self.provider), self.replicas)
        self.quiet = True

    @precondition(lambda self: self.quiet)
    @rule(who=WHO, stock=st.integers(0, 3))
    def the_rest_can_be_bought(self, who: int, stock: int) -> None:
        """One more than remains is refused, what remains is sold, then it is sold out: to whomever may still buy."""
        found = self.whole(who, self.evening.allotment(stock))
        buyer = len(self.evening.books.requests) + 100
        for quantity in (found.remaining + 1, found.remaining, 1) if found and not found.least_waiting else ():
            if quantity:
                self.place_at_peace(who, Place((Wish(stock, buyer, quantity, quantity),)))

    @invariant()
    def what_was_promised_is_there(self) -> None:
        self.evening.books.check(self.replicas[0].store)

    def teardown(self) -> None:
        self.peace()

    def whole(self, who: int, key: str) -> Allotment | None:
        """As its buyers see it."""
        found = self.replicas[who].store.allotments.get(key)
        return self.replicas[who].engine.placing.buckets.whole([found])[0] if found else None

    def place_at_peace(self, who: int, action: Place) -> None:
        store, requests = self.replicas[who].store, action.requests(self.evening)
        orders = store.orders.find({})
        keys = {(one.request_key, one.allotment_id) for one in (*requests, *orders)}
        couponed = {request.allotment_id for request in requests if request.coupon_code}
        if len({key for key, _ in keys}) < len(keys) or len(couponed) > 1:
            # One key, or one coupon, for two allotments: one of the two is refused, and whatever comes after it is too.
            action.ask(self.evening, self.replicas[who], requests)
            return
        foreseen: dict[str, str] = {}
        for key in {request.allotment_id for request in requests}:
            found = self.whole(who, key)
            assert found is not None, f"{key} was allotted"
            mine = [request for request in requests if request.allotment_id == key]
            coupons = self.replicas[who].store.coupons.find({})
            foreseen |= zip((one.order_id for one in mine), expected(found, orders, mine, coupons), strict=True)
        outcomes = action.ask(self.evening, self.replicas[who], requests)
        assert [answer(outcome) for outcome in outcomes] == [foreseen[request.order_id] for request in requests]


@pytest.fixture
def new_machine(
    store: OrdersStore, own_settings: OrdersSettings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Machine]:
    """A machine on the empty database."""
    found_at_once(monkeypatch)
    mortal_database(monkeypatch)
    return lambda: Machine(lending(own_settings))


@pytest.mark.timeout(0 if EXAMPLES else 300)  # it ends in a quarter of that; making a failure small takes longer
def test_whatever_happens_nothing_is_oversold_lost_or_done_twice(new_machine: Callable[[], Machine]) -> None:
    run_machine(
        new_machine,
        settings=settings(
            max_examples=EXAMPLES or 50,
            derandomize=not EXAMPLES,
            database=None,
            stateful_step_count=24,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
