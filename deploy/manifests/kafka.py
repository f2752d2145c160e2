"""Topics and users of a Kafka cluster as the platform's chart wants them, from the contracts. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from contracts.acls import grants
from contracts.events import EVENTS
from contracts.topics import TOPICS, Topic, dead_letters

_DEAD_LETTERS: Final = "dead-letters"


def topics() -> list[dict[str, Any]]:
    """Every topic, each followed by that of its dead letters. How many copies there are is the cluster's to say."""
    return [_topic(one) for name in EVENTS for one in (TOPICS[name], dead_letters(name))]


def _topic(topic: Topic) -> dict[str, Any]:
    return {"name": topic.name, "partitions": topic.partitions, "config": topic.configs()}


def users() -> list[dict[str, Any]]:
    """Every user with what it may do: a service what the contracts grant it, the desk for dead letters its work."""
    services: dict[str, list[dict[str, Any]]] = {}
    for grant in grants():
        # Topics are made by their operator here, so nobody else makes any.
        if "Create" not in grant.operations:
            acl = {"type": grant.resource, "name": grant.name, "operations": list(grant.operations)}
            services.setdefault(grant.service, []).append(acl)
    desk = {_DEAD_LETTERS: list(_desk())}
    return [{"name": name, "acls": acls} for name, acls in (services | desk).items()]


def _desk() -> Iterator[dict[str, Any]]:
    """What `chassis.deadletters` does: it reads letters, ends them, and puts their events back where they came from.

    And `chassis.topics check`, which looks at every topic and changes none: who looks after letters has no other desk.
    """
    look = ["Describe", "DescribeConfigs"]
    for name in EVENTS:
        yield {"type": "topic", "name": name, "operations": ["Write", *look]}
        yield {"type": "topic", "name": dead_letters(name).name, "operations": ["Read", "Write", *look]}
