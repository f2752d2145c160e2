"""For tests of services.

Waiting for facts, a connection that ends with the test, and a relay that only remembers. No engine and no service is
known here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import mongoengine
from mongoengine import Document

from chassis.config import Settings
from chassis.mongo import connect, ensure_indexes
from chassis.patience import eventually, patience
from contracts.codec import Record


@contextmanager
def connected(settings: Settings, alias: str, documents: Sequence[type[Document]]) -> Iterator[None]:
    """A service's connection and its collections' indexes, ended whatever happens: the next test has its own."""
    connect(settings, alias)
    try:
        ensure_indexes(documents)
        yield
    finally:
        _disconnect(alias, documents)


def _disconnect(alias: str, documents: Iterable[type[Document]]) -> None:
    """mongoengine knows documents by the names of their classes alone.

    Of two services with one name for a class in one process it would leave one's documents with a closed connection;
    and it keeps the collection of a document's last connection.
    """
    for document in documents:
        document._disconnect()
        document._collection = None
    mongoengine.disconnect(alias)


class FakeRelay:
    """Remembers which documents were said to have events, and the events it was handed; publishes nothing."""

    behind = False

    def __init__(self) -> None:
        self.told: list[tuple[type[Document], str]] = []
        self.sent: list[Record] = []

    def precede(self, document: type[Document], first: Callable[[Sequence[str]], None]) -> None:
        """Nothing is published, so nothing has to come before it."""

    def send(self, boxes: Sequence[Sequence[Record]], then: Callable[[], None]) -> None:
        """As `Relay.send`; published at once."""
        self.sent.extend(item for box in boxes for item in box)
        then()

    def publish(self, document: type[Document], ids: Iterable[str]) -> None:
        """As `Relay.publish`."""
        self.told.extend((document, key) for key in ids)


__all__ = ["FakeRelay", "connected", "eventually", "patience"]
