"""Peace: all timers of all replicas run until nothing is left to do, and then the audit from outside finds nothing."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace
from tests.unit.orders.elsewhere import read_on
from tests.unit.orders.evening import Evening
from tests.unit.orders.peace import not_answered_once, overdue, passed_over, wait_in_vain
from tests.unit.orders.purses import spent_wrongly
from tests.unit.orders.replicas import Broker, Replica

from chassis.clock import utcnow
from chassis.testing import eventually
from evening.audit.topics import Topics
from orders.model import Order
from orders.settings import OrdersSettings

_MOST_PASSES: Final = 20


def found_at_once(patch: pytest.MonkeyPatch) -> None:
    """Relays find what a dead one left without waiting three seconds."""
    patch.setattr("chassis.relay.utcnow", lambda: utcnow() + timedelta(hours=1))


def patient(settings: OrdersSettings) -> OrdersSettings:
    """Settings of replicas that leave a batch to whoever began it, as they do unless that one has died."""
    return replace(settings, settle_after_seconds=60.0)


def lending(settings: OrdersSettings) -> OrdersSettings:
    """Settings of replicas that lend to a bucket also what is left of little."""
    return replace(settings, bucket_least_units=1)


def at_peace(evening: Evening, broker: Broker, sweeper: Replica, replicas: Sequence[Replica]) -> None:
    """Bring it about; fails with what the audit found when it does not come."""
    for attempt in range(_MOST_PASSES):
        read_on(evening, sweeper)
        sweeper.sweep()
        for replica in (sweeper, *replicas):
            replica.engine.tick()
            replica.publish()
        try:
            orders = _nothing_is_wrong(evening, broker.topics(), sweeper)
        except AssertionError:
            if attempt == _MOST_PASSES - 1:
                raise
            next_millisecond()
        else:
            break
    evening.books.check(sweeper.store)
    evening.learn([order.id for order in orders])


def next_millisecond() -> None:
    """Until batches have other ids: theirs have milliseconds, and no younger one is taken for left behind."""
    begun = int(time.time() * 1000)
    eventually(lambda: int(time.time() * 1000) > begun + 1, every=0.0005)


def _nothing_is_wrong(evening: Evening, topics: Topics, sweeper: Replica) -> list[Order]:
    """All orders."""
    store, books, settings = sweeper.store, evening.books, sweeper.settings
    orders = store.orders.find({})
    assert not (late := overdue(orders, utcnow())), f"have not lapsed: {late}"
    whole = sweeper.engine.placing.buckets.whole(store.allotments.find({}))
    assert not (waiting := wait_in_vain(store, whole)), waiting
    assert not (first := passed_over(store, orders)), first
    assert not (spent := spent_wrongly(store.coupons.find({}), orders)), spent
    assert not (asked := not_answered_once(store, books.lines, orders, topics)), asked
    books.audit(settings.mongodb_uri, settings.mongodb_database, topics)
    return orders
