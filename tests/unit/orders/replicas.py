"""Replicas of orders in one process, as real as they can be without HTTP: each has its store, its engine and its relay.

The broker is a list. Everything else, the database above all, is what the service itself uses.
"""

from collections.abc import Sequence
from typing import Any

from tests.unit.orders.killing import step

from chassis.mongo import Aggregate
from chassis.producer import Message
from chassis.relay import Relay
from contracts.codec import decode
from evening.audit.topics import Said, Topics
from orders.engine import Engine
from orders.settings import OrdersSettings
from orders.store import OrdersStore


class Broker:
    """Keeps every message in the order in which it came."""

    def __init__(self) -> None:
        self.said: list[Said] = []

    def send(self, messages: Sequence[Message]) -> None:
        """All of them, or the first half of them if the sender is killed in between."""
        few = len(messages) // 2
        step("send", lambda: self._keep(messages), (lambda: self._keep(messages[:few])) if few else None)

    def _keep(self, messages: Sequence[Message]) -> None:
        for topic, key, value, headers in messages:
            event = decode(headers, value)
            self.said.append(Said(topic, 0, len(self.said), (key or b"").decode(), event, value or b""))

    def topics(self) -> Topics:
        """As the audit reads them."""
        return Topics(sorted(self.said, key=lambda said: (said.topic, said.offset)))


class Replica:
    """One process of the service."""

    def __init__(self, settings: OrdersSettings, broker: Broker, provider: Any) -> None:
        self.settings = settings
        self.relay = Relay("orders", broker)
        self.store = OrdersStore(self.relay, settings)
        self.engine = Engine(self.store, settings, provider)

    def publish(self) -> None:
        """What its outbox threads do all the time: send what is waiting, then remove what was sent."""
        self.relay.run_once()
        self.relay.mark()

    def sweep(self) -> None:
        """What its timers do: finish what was left half done, find events that nobody published."""
        self.engine.sweep()
        self.relay.sweep(document for document in OrdersStore.documents if issubclass(document, Aggregate))
