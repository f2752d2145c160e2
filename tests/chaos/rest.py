"""Tells when the town is at rest and who has still to read what: `evening.idle`, quick, for a broker that says ends."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from pymongo.errors import PyMongoError

from chassis import reading
from contracts.events import EVENTS
from evening.idle import LISTENS, Watch

_EVERY: Final = 0.15
_PATIENCE_MS: Final = 5_000


class NotAtRest(Exception):
    """Something was still going on when time was up; the text says what."""


class Rest(Watch):
    """Looks at the engines directly."""

    def __init__(self, kafka: str, mongodb_uri: str, names: Mapping[str, str]) -> None:
        super().__init__(kafka, mongodb_uri, groups=names, databases=names)
        self._kafka = kafka

    def _ends(self, topics: set[str]) -> dict[Any, int]:
        """Apache Kafka says where a topic ends; nothing has to be read again."""
        parts = [
            TopicPartition(topic, number)
            for topic in topics & set(EVENTS)
            for number in self._consumer.partitions_for_topic(topic) or ()
        ]
        return reading.ends(self._consumer, parts, _PATIENCE_MS)

    def renew(self) -> None:
        """Ask by new clients: one that has seen its broker die may never answer again."""
        how: dict[str, Any] = {"bootstrap_servers": self._kafka, "request_timeout_ms": _PATIENCE_MS}
        how |= {"bootstrap_timeout_ms": _PATIENCE_MS}
        new_admin = KafkaAdminClient(**how)  # the old ones stay where there are no new ones
        try:
            new = KafkaConsumer(**how, group_id=None, enable_auto_commit=False, fetch_max_wait_ms=50)
        except BaseException:
            new_admin.close()
            raise
        old, self._consumer, self._admin = (self._consumer, self._admin), new, new_admin
        for one in old:
            with suppress(KafkaError, RuntimeError):
                one.close()

    def said(self) -> dict[Any, int]:
        """Where all topics end now."""
        return self._ends({topic for topics in LISTENS.values() for topic in topics})

    def behind(self, ends: dict[Any, int]) -> str:
        """Who has not yet read up to these ends."""
        for service, topics in LISTENS.items():
            group = self._groups[service]
            committed = self._admin.list_group_offsets({group: None}).get(group, {})
            for part, end in ends.items():
                if part.topic in topics and end > (committed[part].offset if part in committed else 0):
                    return f"{service} has not read {part.topic} {part.partition} up to {end}"
        return ""

    def describe(self) -> str:
        """Who is a member of which group, what each was given, and what is unread: for whoever looks into a failure."""
        lines = []
        ends = self.said()
        for service, group in self._groups.items():
            told = self._admin.describe_groups([group])
            lines.append(f"{service}: {told}")
            committed = self._admin.list_group_offsets({group: None}).get(group, {})
            for part, end in sorted(ends.items()):
                done = committed[part].offset if part in committed else 0
                if part.topic in LISTENS[service] and done < end:
                    lines.append(f"  {part.topic} {part.partition}: read up to {done} of {end}")
        return "\n".join(lines)


def until(what: Callable[[], str], within: float, times: int = 1, renew: Callable[[], object] = lambda: None) -> None:
    """Wait until `what` says nothing more, so many times running; an engine that is away is one more reason to wait."""
    deadline, quiet = time.monotonic() + within, 0
    while quiet < times:
        try:
            said = what()
        except (KafkaError, PyMongoError) as away:
            said = f"{type(away).__name__}: {away}"
            with suppress(KafkaError):
                renew()
        quiet = 0 if said else quiet + 1
        if said and time.monotonic() > deadline:
            raise NotAtRest(f"after {within:.0f} s: {said}")
        if quiet < times:
            time.sleep(_EVERY)
