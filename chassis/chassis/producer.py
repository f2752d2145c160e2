"""The one way to Kafka for what we say: idempotent, acknowledged by all in-sync replicas, in the order given.

Wraps kafka-python once. Raises `KafkaError` when the broker is away: whoever publishes keeps what was not
acknowledged.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress

from kafka import KafkaProducer
from kafka.errors import KafkaError

from chassis.brokers import connection, reach
from chassis.engines import BrokerSettings
from contracts.codec import Headers

Message = tuple[str, bytes | None, bytes | None, Headers]
_log = logging.getLogger(__name__)
_DELIVERY_MS = 10_000


class Producer:
    """A producer that connects when it is first used and is made anew after a failure."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None

    def send(self, messages: Sequence[Message]) -> None:
        """Publish the messages and return when every one is acknowledged; raises KafkaError if one is not."""
        try:
            producer = self._connected()
            waiting = [
                producer.send(topic, key=key, value=value, headers=list(headers))
                for topic, key, value, headers in messages
            ]
            for future in waiting:
                future.get(timeout=_DELIVERY_MS / 1000)
        except KafkaError:
            self.close()
            raise

    def close(self) -> None:
        """Forget the connection; what was not acknowledged is not waited for."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):  # it complains of what it could not send: whoever asked for it was told already
                producer.close(timeout=0)

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            reach(self._settings)
            self._producer = KafkaProducer(
                **connection(self._settings),
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                delivery_timeout_ms=_DELIVERY_MS,
                request_timeout_ms=5_000,
                max_block_ms=5_000,
                metrics_enabled=False,  # the client's own, which nothing here reads and every message would pay for
            )
        return self._producer
