"""What each service must be allowed on a Kafka cluster that allows nothing by itself: from what it sends and reads.

Pure: makes the list. A service's user and its consumer group are named after it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from contracts.events import EVENTS
from contracts.readers import READERS
from contracts.topics import DEAD_SUFFIX

_SEND: Final = ("Write", "Describe")
_READ: Final = ("Read", "Describe")
_MAKE: Final = ("Create", "Describe")  # not needed where an operator makes the topics: CREATE_TOPICS=false


class Grant(NamedTuple):
    """A service may do this on a topic or group. Idempotent producers need nothing more since Kafka 3.0."""

    service: str
    operations: tuple[str, ...]
    resource: str
    name: str

    def __str__(self) -> str:
        """As the arguments of Kafka's own `kafka-acls.sh`."""
        operations = " ".join(f"--operation {operation}" for operation in self.operations)
        return f"--add --allow-principal User:{self.service} {operations} --{self.resource} {self.name}"


def grants() -> Iterator[Grant]:
    """All of them, service by service."""
    for service, reads in READERS.items():
        sends = [event.name for event in EVENTS.values() if event.owner == service]
        yield Grant(service, ("Read",), "group", service)
        yield from (Grant(service, _SEND, "topic", name) for name in sends)
        for name in sorted(reads):
            yield Grant(service, _READ, "topic", name)
            yield Grant(service, _SEND, "topic", f"{name}{DEAD_SUFFIX}")
        made = [topic for name in sorted({*sends, *reads}) for topic in (name, f"{name}{DEAD_SUFFIX}")]
        yield from (Grant(service, _MAKE, "topic", name) for name in made)
