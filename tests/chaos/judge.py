"""The audit from outside, a round at a time, and of everything at the end: `evening.audit` over what was left behind.

Each round has items, stock and a show of its own, so what is read is bounded by them; what was said is followed on the
topics from where the last round ended. A verdict counts what was lost, oversold and doubled, and what else is wrong.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from kafka import KafkaConsumer
from kafka.errors import KafkaError, KafkaTimeoutError
from tests.chaos.goods import Goods
from tests.chaos.ledger import Ledger
from tests.chaos.rest import NotAtRest

from chassis import reading
from chassis.patience import patience
from contracts.events import EVENTS, OrderDeclined
from evening.audit import Check, Evidence, Told, databases, topics
from evening.audit import judge as weigh
from stack.reading import ends

# What a failed look of a check means for whoever it happened to; all other checks are of form and order.
_LOST: Final = frozenset({"no-lost-order", "notices", "heard", "parcels", "outboxes-empty", "imported", "channel"})
_OVERSOLD: Final = frozenset({"no-oversell", "stock"})
_DOUBLED: Final = frozenset({"twice-is-once"})
_STRAY_SECONDS: Final = 5.0
_READ_WITHIN: Final = 30.0
_READ_ALL_WITHIN: Final = 180.0
_PATIENCE_MS: Final = 10_000
_TRIES: Final = 3
Offsets = dict[Any, int]


class Verdict(NamedTuple):
    """What came of a round. `wrong`: everything that did not hold, in words."""

    acknowledged: int
    lost: int
    oversold: int
    doubled: int
    other: int
    seconds: float
    wrong: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether there is nothing to complain of."""
        return not (self.lost or self.oversold or self.doubled or self.other)


def verdict(evidence: Evidence, checks: Sequence[Check], seconds: float = 0.0) -> Verdict:
    """Add the checks up."""
    failed = Counter[str]()
    for check in checks:
        failed[_kind(check.name)] += int(check.figures["failed"]) or int(not check.ok)
    wrong = tuple(f"{check.name}: {fault}" for check in checks if not check.ok for fault in check.faults or ("?",))
    acknowledged = len({promise.order_id for promise in evidence.told.promises})
    return Verdict(acknowledged, failed["lost"], failed["oversold"], failed["doubled"], failed["other"], seconds, wrong)


def _kind(name: str) -> str:
    kinds = {"lost": _LOST, "oversold": _OVERSOLD, "doubled": _DOUBLED}
    return next((kind for kind, names in kinds.items() if name in names), "other")


class _Following:
    """Reads topics on and on, each time by a client of its own: one that has seen its broker die may never answer."""

    def __init__(self, kafka: str, names: Iterable[str]) -> None:
        self._kafka, self._names = kafka, list(names)
        self._next: Offsets = ends(kafka, self._names)

    def more(self) -> list[Any]:
        """Every message that came since, up to where the broker says that the topics end now."""
        found, self._next = self._tried(self._next, _READ_WITHIN)
        return found

    def all(self) -> list[Any]:
        """Every message that there is, up to there."""
        found, _ = self._tried(dict.fromkeys(self._next, 0), _READ_ALL_WITHIN)
        return found

    def _tried(self, start: Offsets, within: float) -> tuple[list[Any], Offsets]:
        for _ in range(_TRIES):
            with suppress(KafkaError):
                return self._read(start, within * patience())
        raise NotAtRest(f"the judge could not read the topics in {_TRIES} tries")

    def _read(self, start: Offsets, within: float) -> tuple[list[Any], Offsets]:
        consumer = KafkaConsumer(
            bootstrap_servers=[self._kafka], group_id=None, enable_auto_commit=False, fetch_max_wait_ms=50
        )
        found: list[Any] = []
        try:
            # A topic that was not there before, as one of dead letters may be, is read from its beginning.
            start = dict.fromkeys(reading.partitions(consumer, self._names), 0) | start
            consumer.assign(list(start))
            for part, offset in start.items():
                consumer.seek(part, offset)
            there = reading.ends(consumer, list(start), _PATIENCE_MS)
            deadline = time.monotonic() + within
            while any(consumer.position(part) < end for part, end in there.items()):
                if time.monotonic() > deadline:
                    raise KafkaTimeoutError(f"not read within {within:.0f} s")
                for batch in consumer.poll(timeout_ms=100, max_records=5_000).values():
                    found += batch
            return found, {part: consumer.position(part) for part in start}
        finally:
            consumer.close()


class Judge:
    """Follows the topics, and judges rounds."""

    def __init__(self, kafka: str, mongodb: str, names: Mapping[str, str]) -> None:
        self._mongodb, self._names = mongodb, dict(names)
        self._follower = _Following(kafka, [name for topic in EVENTS for name in (topic, f"{topic}.dlq")])
        self._seen: set[str] = set()

    def round(self, goods: Goods, ledger: Ledger, margin: float) -> Verdict:
        """Judge one round that is at rest. `margin`: seconds that a service's clock was wrong at most."""
        began = time.monotonic()
        mine = [promise for promise in ledger.promises if promise.allotment_id in goods.wishes]
        evidence = Evidence(topics=topics.told(self._follower.more()), told=Told(promises=mine))
        evidence.told = Told(promises=mine, imported=self._served(evidence, goods.lines), skew_seconds=margin)
        databases.read(self._mongodb, self._names, evidence, _of(goods, margin))
        self._drop_strangers(evidence)
        return verdict(evidence, weigh(evidence), time.monotonic() - began)

    def whole(self, ledger: Ledger, skew: float) -> Verdict:
        """Judge everything that was ever done."""
        began = time.monotonic()
        evidence = Evidence(topics=topics.told(self._follower.all()), told=Told())
        databases.read(self._mongodb, self._names, evidence)
        served = self._served(evidence, ledger.lines)
        evidence.told = Told(promises=ledger.promises, imported=served, skew_seconds=skew)
        return verdict(evidence, weigh(evidence), time.monotonic() - began)

    def _served(self, evidence: Evidence, lines: Iterable[str]) -> dict[str, int]:
        """How many of the other platform's orders must be here: all that were taken but for those declined."""
        declined = {fact.external_number for fact in evidence.topics.facts(OrderDeclined)}
        return {"orders": len(set(lines) - declined)}

    def _drop_strangers(self, evidence: Evidence) -> None:
        """Leave out notices and parcels of earlier rounds: their ids tell time only as well as the clocks did."""
        here = {message.event.id for message in evidence.topics.said}
        strangers = self._seen - here
        self._seen |= here
        evidence.notices = [notice for notice in evidence.notices if notice.event_id not in strangers]
        orders = {order.order_id for order in evidence.orders}
        evidence.parcels = [parcel for parcel in evidence.parcels if orders.intersection(parcel.order_ids)]


def _of(goods: Goods, margin: float) -> dict[str, Any]:
    """Which documents belong to a round, by the indexes that there are."""
    since = _first_id(goods.since(margin + _STRAY_SECONDS))
    allotments = {"$in": list(goods.wishes)}
    return {
        "orders": {"_id": {"$gte": since}, "allotment_id": allotments},
        "allotments": {"_id": allotments},
        "buckets": {"allotment_id": allotments},
        "items": {"sku": {"$in": goods.skus}},
        "signals": {"sku": {"$in": goods.skus}},
        "parcels": {"_id": {"$gte": since}},
        "notices": {"_id": {"$gte": since}},
        "sales": {"show_id": goods.show_id},
        "samples": {"show_id": goods.show_id},
        "shows": {"_id": goods.show_id},
        "requests": {"at": {"$gte": goods.since(margin + _STRAY_SECONDS)}},
    }


def _first_id(moment: datetime) -> str:
    """Before every id that is made from then on: those of version 7 begin with the time."""
    return str(UUID(int=int(moment.timestamp() * 1000) << 80))
