"""Peace: all timers of all replicas run until nothing is left to do, and then the audit from outside finds nothing."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pytest
from tests.unit.orders.acting import Evening
from tests.unit.orders.bookkeeper import overdue
from tests.unit.orders.replicas import Broker, Replica

from chassis.clock import utcnow
from orders.settings import OrdersSettings

_MOST_PASSES: Final = 20


def found_at_once(patch: pytest.MonkeyPatch) -> None:
    """Relays find what a dead one left without waiting three seconds."""
    patch.setattr("chassis.relay.utcnow", lambda: utcnow() + timedelta(hours=1))


def at_peace(settings: OrdersSettings, evening: Evening, broker: Broker, replicas: Sequence[Replica]) -> None:
    """Bring it about; fails with what the audit found when it does not come."""
    for attempt in range(_MOST_PASSES):
        replicas[attempt % len(replicas)].sweep()
        for replica in replicas:
            replica.engine.tick()
            replica.publish()
        orders = replicas[0].store.orders.find({})
        try:
            assert not (late := overdue(orders, utcnow())), f"have not lapsed: {late}"
            evening.books.audit(settings.mongodb_uri, settings.mongodb_database, broker.topics())
        except AssertionError:
            if attempt == _MOST_PASSES - 1:
                raise
            time.sleep(0.002)  # ids of batches have milliseconds, and no younger one is taken for left behind
        else:
            break
    evening.books.check(replicas[0].store)
    evening.learn([order.id for order in orders])
