"""Membership in a consumer group, where kafka-python has to be watched. It looks into the client; nobody else does."""

from typing import Any

from kafka import KafkaConsumer


def joined(consumer: KafkaConsumer | None) -> bool:
    """A member with nothing left to agree on; one beyond the number of partitions is a healthy member without any."""
    coordinator = _coordinator(consumer)
    if coordinator is None or not coordinator._generation:
        return False
    return not coordinator.rejoining and not coordinator.need_rejoin()


def finish_joining(consumer: KafkaConsumer) -> None:
    """To be called after each poll: makes the client go on with a join that it began and forgot.

    When kafka-python 3.0.12, as leader of the group, joins anew because a topic's partitions became known, and a poll's
    time is up between the broker's answers, it takes the join for done: it has stopped its heartbeats, is thrown out of
    the group, and polls nothing for ever. Apache Kafka lets a first member join before the client knows the partitions,
    so this is how one start in ten went there.
    """
    coordinator = _coordinator(consumer)
    if coordinator is not None and coordinator.rejoining and not coordinator.need_rejoin():
        coordinator.request_rejoin()


def _coordinator(consumer: KafkaConsumer | None) -> Any:
    return getattr(consumer, "_coordinator", None)
