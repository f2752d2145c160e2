"""MongoDB for a service.

One connection, documents with an outbox, a store handed to the service when the database is there.

Knows no service's documents. Where the database is and what it promises is `databases.py`'s.
"""

import logging
from collections.abc import Iterable
from typing import Any, ClassVar

import eventlet
import mongoengine
from mongoengine import Document, IntField, ListField
from mongoengine.connection import get_connection
from mongoengine.fields import DictField
from nameko.extensions import DependencyProvider
from pymongo.errors import AutoReconnect, PyMongoError

from chassis.config import Settings
from chassis.databases import connection, why_away
from chassis.health import Health
from chassis.outages import is_away, pauses
from chassis.outbox import Outbox, Relay

_log = logging.getLogger(__name__)


class Aggregate(Document):
    """A document whose events ride in it. `version` counts its events and is the sequence of the last one."""

    version = IntField(default=0)
    outbox = ListField(DictField())
    meta: ClassVar[dict[str, Any]] = {"abstract": True, "indexes": ["outbox.time"]}


class Store:
    """A service's documents at rest. A service's own store names its documents and adds its reads and writes."""

    documents: ClassVar[tuple[type[Document], ...]] = ()

    def __init__(self, relay: Relay, settings: Settings) -> None:
        self.relay = relay
        self.settings = settings


def connect(settings: Settings, service: str) -> None:
    """Say where the service's database is, under the service's name as alias. Lazy: nothing is contacted yet."""
    mongoengine.connect(
        db=settings.mongodb_database or service,
        alias=service,
        **connection(settings),
        tz_aware=True,
        uuidRepresentation="standard",
        serverSelectionTimeoutMS=2_000,
        socketTimeoutMS=20_000,
        maxPoolSize=settings.mongodb_pool_size,  # many greenthreads, few connections: each costs the server a thread
        appname=f"shanhuo-{service}",
    )


def ensure_indexes(documents: Iterable[type[Document]]) -> None:
    """Create the collections' indexes where they are missing."""
    for document in documents:
        document.ensure_indexes()


class Away:
    """Stands for the store until the database was reached once.

    Every use is an outage, to be waited out or answered with 503.
    """

    def __getattr__(self, name: str) -> Any:
        raise AutoReconnect("the database has not been reached yet")


class Stored(DependencyProvider):
    """Hands the service its store.

    Creates indexes as soon as the database is there; tells whether it is reachable.
    """

    outbox = Outbox()
    health = Health()

    def __init__(self, store: type[Store]) -> None:
        super().__init__()
        self._store_class = store
        self._store: Store | None = None
        self._away = ""

    def setup(self) -> None:
        self._settings: Settings = self.container.config["settings"]
        self._service = self.container.service_name
        connect(self._settings, self._service)
        documents = self._store_class.documents
        self.outbox.register(document for document in documents if issubclass(document, Aggregate))
        self.health.register("mongodb", self._check)

    def start(self) -> None:
        self.container.spawn_managed_thread(self._prepare, identifier="mongodb.indexes")

    def get_dependency(self, worker_ctx: object) -> Store | Away:  # noqa: ARG002  nameko passes it
        return self._store or Away()

    def _prepare(self) -> None:
        for pause in pauses():
            try:
                ensure_indexes(self._store_class.documents)
                self._store = self._store_class(self.outbox.relay, self._settings)
                return
            except PyMongoError as away:
                if not is_away(away):
                    raise
                self._away = why_away(away)
                _log.warning("mongodb is away: %s", self._away)
                eventlet.sleep(pause)

    def _check(self) -> str | None:
        if self._store is None:
            return f"not reached yet: {self._away}" if self._away else "not reached yet"
        try:
            get_connection(self._service).admin.command("ping")
        except PyMongoError as away:
            if not is_away(away):
                raise
            return f"away: {why_away(away)}"
        return None
