"""Tells when the house is at rest, from outside: nothing unpublished, nothing unread, nobody left to pay.

Looks at the engines only; used to wait for facts instead of seconds.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import pymongo
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from chassis.patience import patience
from contracts.events import EVENTS
from contracts.readers import READERS, shared_out

# What a service's group must have read before an evening is over.
LISTENS: Final[Mapping[str, frozenset[str]]] = {service: shared_out(service) for service in READERS}
_EVERY: Final = 0.25
_POLL_MS: Final = 150
_DRAIN_MS: Final = 50
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NotAtRest(Exception):
    """The house did not come to rest in time; the text says what was still going on."""


class Watch:
    """Looks at the engines. `groups` and `databases` name each service's consumer group and database."""

    def __init__(
        self, kafka: str, mongodb_uri: str, *, groups: Mapping[str, str], databases: Mapping[str, str]
    ) -> None:
        servers = kafka.split(",")
        self._groups = dict(groups)
        self._admin = KafkaAdminClient(bootstrap_servers=servers)
        self._consumer = KafkaConsumer(
            bootstrap_servers=servers, group_id=None, enable_auto_commit=False, fetch_max_wait_ms=50
        )
        self._mongo = pymongo.MongoClient[dict[str, Any]](mongodb_uri, tz_aware=True)
        self._databases = dict(databases)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
        self._admin.close()
        self._mongo.close()

    def unread(self, service: str, *topics: str) -> dict[str, int]:
        """How many messages the service has still to read, by topic; of all that it listens to, if none is named."""
        committed = self._admin.list_group_offsets({self._groups[service]: None}).get(self._groups[service], {})
        heard = set(topics) or {part.topic for part in committed} | LISTENS[service]
        lag: dict[str, int] = {}
        for part, end in self._ends(heard).items():
            done = committed[part].offset if part in committed else 0
            lag[part.topic] = lag.get(part.topic, 0) + max(0, end - done)
        return {topic: number for topic, number in sorted(lag.items()) if number}

    def unpublished(self, service: str) -> bool:
        """Whether documents of a service hold events still to be published, by the index that the sweep uses."""
        database = self._mongo[self._databases[service]]
        names = [name for name in database.list_collection_names() if not name.startswith("system.")]
        return any(database[name].find_one({"outbox.time": {"$gt": _NEVER}}, {"_id": 1}) for name in names)

    def unsettled(self) -> str:
        """Orders to be paid or to lapse, what they owe, decisions not yet carried out, parcels left half packed."""
        database = self._mongo[self._databases["orders"]]
        left = {
            "orders are still to be paid or to lapse": ("orders", {"state": "placed", "pay_by": {"$gt": _NEVER}}),
            "orders still owe something": ("orders", {"owed.since": {"$gt": _NEVER}}),
            "allotments are still being sold from": ("allotments", {"pending": {"$gt": ""}}),
            "parcels are still being packed": ("parcels", {"state": "packing", "begun_at": {"$gt": _NEVER}}),
        }
        return ", ".join(what for what, (name, query) in left.items() if database[name].find_one(query, {"_id": 1}))

    def lacks(self, service: str, collection: str, number: int, query: Mapping[str, Any]) -> str:
        """What a service has still to learn: empty when so many documents match."""
        there = self._mongo[self._databases[service]][collection].count_documents(query)
        return f"{service} knows {there:,} of {number:,} {collection}" if there < number else ""

    def busy(self) -> str:
        """What is still going on; empty when the house is at rest.

        Things move on while one looks: what is unsettled becomes an event to publish, that one to read, and whoever
        reads it may have to settle something. So what is cheap to ask is asked before and after what takes longer.
        """
        return self._unfinished() or self._behind() or self._unfinished()

    def _unfinished(self) -> str:
        """What a service has still to do by itself."""
        late = (f"{service} has events to publish" for service in self._databases if self.unpublished(service))
        return self.unsettled() or next(late, "")

    def _behind(self) -> str:
        """Who has still to read what."""
        for service in self._databases:
            if unread := self.unread(service):
                return f"{service} has still to read {unread}"
        return ""

    def _ends(self, topics: set[str]) -> dict[Any, int]:
        """Where the topics really end: the embedded broker says where the last batch begins, so that is read again."""
        there = topics & set(EVENTS) & self._consumer.topics()
        parts = [
            TopicPartition(topic, number)
            for topic in there
            for number in self._consumer.partitions_for_topic(topic) or ()
        ]
        self._consumer.assign(parts)
        for part, end in self._consumer.end_offsets(parts).items() if parts else ():
            self._consumer.seek(part, end)
        while self._consumer.poll(timeout_ms=_POLL_MS):
            pass
        return {part: self._consumer.position(part) for part in parts}


async def until(what: Callable[[], str], *, within: float, times: int = 1) -> None:
    """Wait until `what` says nothing more, `times` times running; raises `NotAtRest` with the last that it said.

    `within`: seconds, of a machine as fast as `patience` says.
    """
    within *= patience()
    deadline, quiet = time.monotonic() + within, 0
    while quiet < times:
        said = await asyncio.to_thread(what)
        quiet = 0 if said else quiet + 1
        if said and time.monotonic() > deadline:
            raise NotAtRest(f"after {within:.0f} s: {said}")
        if quiet < times:
            await asyncio.sleep(_EVERY)
