"""The topics on a broker: made as the contracts say where they are missing, and compared with them.

A service makes what it lacks when it joins and changes nothing that is there. Bringing what is there up to date is an
operator's decision: `python -m chassis.topics`. Where an operator makes them too, CREATE_TOPICS=false.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from chassis import brokers
from chassis.engines import BrokerSettings
from contracts.events import EVENTS
from contracts.topics import TOPICS, Topic, dead_letters, replicated


class Difference(NamedTuple):
    """What a topic lacks (`what` is empty: all of it), or where it differs: as it is, and as it should be."""

    topic: str
    what: str = ""
    found: str = ""
    wanted: str = ""

    def __str__(self) -> str:
        differs = f"{self.what} is {self.found}, not {self.wanted}" if self.what else "missing"
        return f"{self.topic}: {differs}"

    @property
    def mendable(self) -> bool:
        """Partitions cannot become fewer, and copies are not moved from here."""
        return self.what != "replicas" and not (self.what == "partitions" and int(self.found) > int(self.wanted))


def of_service(service: str, consumed: Iterable[str]) -> list[str]:
    """Names of the topics a service needs: those it owns and those it consumes."""
    return sorted({event.name for event in EVENTS.values() if event.owner == service} | set(consumed))


def wanted(names: Iterable[str], settings: BrokerSettings) -> list[Topic]:
    """The topics of these events and their dead letters; KAFKA_TOPIC_PARTITIONS is for the former alone."""
    given = settings.kafka_topic_partitions
    topics = [TOPICS[name]._replace(partitions=given or TOPICS[name].partitions) for name in names]
    return [one for topic in topics for one in (topic, dead_letters(topic.name))]


def ensure(settings: BrokerSettings, names: Iterable[str]) -> None:
    """Create what is missing. Raises KafkaError when the broker is away or refuses."""
    with closing(client(settings)) as admin:
        there = set(admin.list_topics())
        create(admin, [topic for topic in wanted(names, settings) if topic.name not in there], settings)


def client(settings: BrokerSettings) -> Any:
    """An admin client, to be closed."""
    brokers.reach(settings)
    return KafkaAdminClient(**brokers.connection(settings), request_timeout_ms=5_000)


def create(admin: Any, topics: Iterable[Topic], settings: BrokerSettings) -> None:
    """Make these, and wait until they are known. That another service or replica was quicker is as good."""
    replicas = settings.kafka_replication_factor
    new = [
        NewTopic(topic.name, topic.partitions, replicas, topic_configs=topic.configs() | replicated(replicas))
        for topic in topics
    ]
    for answer in admin.create_topics(new, raise_errors=False)["topics"] if new else ():
        refused = for_code(answer["error_code"])
        if refused not in (NoError, TopicAlreadyExistsError):
            raise refused(f"{answer['name']} was not created: {answer['error_message']}")
    admin.wait_for_topics([topic.name for topic in new])


def differences(admin: Any, topics: Iterable[Topic], settings: BrokerSettings) -> Iterator[Difference]:
    """Where the broker has these topics not at all or otherwise. What the contracts say nothing of is as it may be."""
    topics = list(topics)
    there = {found["name"]: found["partitions"] for found in admin.describe_topics() if not found["error_code"]}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics if topic.name in there]
    configs = admin.describe_configs(resources, config_filter="all").get("topic", {}) if resources else {}
    for topic in topics:
        if topic.name in there:
            yield from _differing(topic, there[topic.name], configs[topic.name], settings.kafka_replication_factor)
        else:
            yield Difference(topic.name)


def _differing(topic: Topic, partitions: list[Any], configs: Any, replicas: int) -> Iterator[Difference]:
    copies = {len(partition["replica_nodes"]) for partition in partitions}
    # More in-sync copies than there are copies would stop every write: what there are decides.
    should_be = topic.configs() | replicated(min(copies))
    pairs = {
        "partitions": (str(len(partitions)), str(topic.partitions)),
        "replicas": (" and ".join(map(str, sorted(copies))), str(replicas)),
        **{name: (configs[name]["value"] if name in configs else "unset", value) for name, value in should_be.items()},
    }
    for what, (found, should) in pairs.items():
        if sorted(found.split(",")) != sorted(should.split(",")):
            yield Difference(topic.name, what, found, should)


def mend(admin: Any, differing: Iterable[Difference], topics: Iterable[Topic], settings: BrokerSettings) -> None:
    """Create what is missing, set what differs, add partitions."""
    differing = [each for each in differing if each.mendable]
    missing = {each.topic for each in differing if not each.what}
    create(admin, [topic for topic in topics if topic.name in missing], settings)
    grown = {each.topic: int(each.wanted) for each in differing if each.what == "partitions"}
    if grown:
        admin.create_partitions(grown)
    _set(admin, [each for each in differing if each.what and each.what != "partitions"])


def _set(admin: Any, differing: Iterable[Difference]) -> None:
    changed: dict[str, dict[str, str]] = {}
    for each in differing:
        changed.setdefault(each.topic, {})[each.what] = each.wanted
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs) for name, configs in changed.items()]
    answers = admin.alter_configs(resources, raise_on_unknown=False)["topic"] if resources else {}
    for name, said in answers.items():
        if said != "OK":
            raise KafkaError(f"{name} was not changed: {said}")
