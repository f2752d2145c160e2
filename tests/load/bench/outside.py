"""The audit from outside, a run at a time: `evening.audit` over what that run alone wrote and said.

After each run: sold + remaining + returned = offered, the orders sum up to what was sold, every acknowledged order
exists, no order twice, and each is on its topic once. When the replicas stop: nothing left to say or to settle.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from bench.plan import Answer
from bench.shop import Shop
from contracts.events import EVENTS, OrderPlaced
from contracts.readers import READERS
from evening.audit import Check, Evidence, Promise, Told, books, databases, facts, selling, topics
from stack.reading import Follower

_SAID_WITHIN: Final = 60.0
_SELLING: Final = (
    selling.no_oversell,
    selling.no_lost_order,
    selling.twice_is_once,
    selling.price,
    facts.order_of_facts,
    facts.dead_letters,
)
# By their indexes, and from a lower bound on: else the embedded database reads every document.
UNSAID: Final = {"outbox.time": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}}
_OWING: Final = {"owed.since": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}}
UNDER_WAY: Final = {"pending": {"$gt": ""}}
_TAKEN: Final = frozenset({200, 201})


class Placed(msgspec.Struct):
    """Of an answered order, what was promised."""

    id: str
    buyer_id: str
    allotment_id: str
    quantity: int


class Auditor:
    """Follows what the replicas of a shop say; judges a run when it is over."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        owned = {event.name for event in EVENTS.values() if event.owner == "orders"}
        dead = {f"{topic}.dlq" for topic in READERS["orders"]}
        self._follower = Follower(shop.engines.kafka, owned | dead)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._follower.close()

    def run(self, began: str, allotments: Sequence[str], answers: Iterable[Answer] = ()) -> list[Check]:
        """Judge what was sold of these allotments by orders whose ids are later than `began`."""
        evidence = self._evidence(_of_run(began, allotments), Told(promises=promises(answers)))
        evidence.topics = self._said(len(evidence.orders))
        return [check(evidence) for check in _SELLING]

    def imported(self, began: str, allotments: Sequence[str], number: int) -> list[Check]:
        """Judge so many orders of another platform, a unit each."""
        evidence = self._evidence(_of_run(began, allotments), Told(imported={"orders": number, "units": number}))
        evidence.topics = self._said(len(evidence.orders))
        return [check(evidence) for check in (*_SELLING, books.imported)]

    def at_rest(self) -> Check:
        """Whether everything in the database was said and settled; it has a while to come to rest."""
        found: list[Check] = []

        def unsettled() -> bool:
            if not self._busy():  # cheaper to ask; but a timer may write in between, so what counts is the check
                found[:] = [facts.outboxes_empty(self._evidence({"orders": {"$or": [UNSAID, _OWING]}}, Told()))]
            return not (found and found[0].ok)

        wait(unsettled)
        return found[0] if found else facts.outboxes_empty(self._evidence({}, Told()))

    def _evidence(self, only: Mapping[str, Any], told: Told) -> Evidence:
        evidence = Evidence(topics=topics.told(()), told=told)
        databases.read(self._shop.engines.mongodb, {"orders": self._shop.database.name}, evidence, only)
        return evidence

    def _said(self, orders: int) -> topics.Topics:
        """What was said since the last time; read on until the run's last order was told of."""
        read: list[Any] = []
        found = topics.told(())

        def lacking() -> str:
            nonlocal found
            read.extend(self._follower.more())
            found = topics.told(read)
            told = len(found.events(OrderPlaced))
            return f"{told} of {orders} orders were told of" if told < orders else ""

        wait(lacking)
        return found

    def _busy(self) -> str:
        self._shop.check()
        database = self._shop.database
        left = {
            "orders hold events to publish": database["orders"].find_one(UNSAID),
            "orders owe something": database["orders"].find_one(_OWING),
            "allotments hold events to publish": database["allotments"].find_one(UNSAID),
            "allotments hold batches": database["allotments"].find_one(UNDER_WAY),
            "buckets hold batches": database["buckets"].find_one(UNDER_WAY),
        }
        return ", ".join(what for what, one in left.items() if one)


def _of_run(began: str, allotments: Sequence[str]) -> dict[str, Any]:
    return {
        "allotments": {"_id": {"$gte": min(allotments), "$lte": max(allotments)}},
        "orders": {"_id": {"$gte": began}},
    }


def promises(answers: Iterable[Answer]) -> list[Promise]:
    """What the buyers were told of."""
    return [_promise(answer) for answer in answers if answer.status in _TAKEN]


def _promise(answer: Answer) -> Promise:
    order = msgspec.json.decode(answer.body, type=Placed)
    return Promise(
        order_id=order.id,
        key=answer.key,
        buyer_id=order.buyer_id,
        allotment_id=order.allotment_id,
        quantity=order.quantity,
    )


def wait(what: Callable[[], object], within: float = _SAID_WITHIN) -> None:
    """Wait until `what` says nothing more, or long enough: the checks will find what is amiss."""
    deadline = time.monotonic() + within
    while what() and time.monotonic() < deadline:
        time.sleep(0.1)
