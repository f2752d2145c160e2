"""Makes the topics a service publishes or consumes where they do not exist, with their dead letters beside them.

Where an operator owns the topics, CREATE_TOPICS=false leaves them alone.
"""

from collections.abc import Iterable
from contextlib import suppress

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import TopicAlreadyExistsError

from chassis.config import Settings
from contracts.events import EVENTS


def of_service(service: str, consumed: Iterable[str]) -> list[str]:
    """Names of the topics a service needs: those it owns and those it consumes."""
    return sorted({event.name for event in EVENTS.values() if event.owner == service} | set(consumed))


def ensure(settings: Settings, names: Iterable[str]) -> None:
    """Create what is missing. Raises KafkaError when the broker is away or refuses."""
    admin = KafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap_servers.split(","),
        request_timeout_ms=5_000,
    )
    try:
        there = set(admin.list_topics())
        for name in names:
            for topic in (_topic(name, settings), _dead_letters(name, settings)):
                if topic.name not in there:
                    _create(admin, topic)
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, topic: NewTopic) -> None:
    with suppress(TopicAlreadyExistsError):  # another service or replica was quicker
        admin.create_topics([topic])


def _topic(name: str, settings: Settings) -> NewTopic:
    policy = {"cleanup.policy": "compact"} if EVENTS[name].compacted else {}
    return NewTopic(
        name=name,
        num_partitions=settings.kafka_topic_partitions,
        replication_factor=settings.kafka_replication_factor,
        topic_configs=policy,
    )


def _dead_letters(name: str, settings: Settings) -> NewTopic:
    return NewTopic(
        name=f"{name}.dlq",
        num_partitions=1,
        replication_factor=settings.kafka_replication_factor,
    )
