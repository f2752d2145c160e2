"""The AsyncAPI 3.0 document of the whole system: a channel for each topic, and who sends and who reads on it.

Pure: makes the document, writes no file. The data of messages are described in the JSON Schemas it points to.
"""

from datetime import timedelta
from typing import Any, Final

import msgspec

from contracts.codec import record, to_message
from contracts.events import EVENTS, EventType
from contracts.examples import EXAMPLES
from contracts.readers import READERS, readers_of
from contracts.topics import DEAD_SUFFIX, TOPICS, Topic, dead_letters

Part = dict[str, Any]
_KAFKA: Final = "0.5.0"
_HEADERS: Final = "#/components/schemas/CloudEventHeaders"
_DEAD: Final = "deadLetters"
_DESCRIPTION: Final = """\
What Shanhuo's services tell one another, over Kafka. A message is a CloudEvents 1.0 event in binary mode: attributes in
`ce_*` headers, data as JSON. It is keyed by the aggregate whose order matters, so that the events of one aggregate stay
in order. A fact published twice has the same `ce_id`: readers may meet it twice and must not count it twice.
Generated from the event types in Python; see the README beside this file.
"""


def document(version: str) -> Part:
    """The AsyncAPI document of this version of the contracts."""
    events = EVENTS.values()
    return {
        "asyncapi": "3.0.0",
        "info": _info(version),
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {identifier(event.name): _channel(event) for event in events} | {_DEAD: _dead_channel()},
        "operations": _operations(),
        "components": {
            "messages": {identifier(event.name): _message(event) for event in events} | {_DEAD: _dead_message()},
            "schemas": {"CloudEventHeaders": _cloud_event(), "DeadLetterHeaders": _dead_letter()},
        },
    }


def identifier(event: str) -> str:
    """`order.placed` as code generators like it: `orderPlaced`."""
    first, *rest = event.split(".")
    return first + "".join(word.capitalize() for word in rest)


def _info(version: str) -> Part:
    return {
        "title": "Shanhuo events",
        "version": version,
        "description": _DESCRIPTION,
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "tags": [{"name": service} for service in READERS],
    }


def _server() -> Part:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "Any Kafka cluster.",
        "variables": {
            "bootstrap": {"default": "localhost:9092", "description": "As in the setting KAFKA_BOOTSTRAP_SERVERS."}
        },
    }


def _channel(event: EventType) -> Part:
    name = identifier(event.name)
    return {
        "address": event.name,
        "description": event.cls.__doc__,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"kafka": {"topic": event.name, **_kept(TOPICS[event.name])}},
    }


def _kept(topic: Topic) -> Part:
    """How a topic is kept. Replicas, and how many of them must have a message, are each cluster's."""
    numbers = {name: int(value) for name, value in topic.configs().items() if name != "cleanup.policy"}
    return {
        "partitions": topic.partitions,
        "topicConfiguration": {"cleanup.policy": topic.policy, **numbers},
        "bindingVersion": _KAFKA,
    }


def _operations() -> Part:
    """What each service sends, what it reads, and where it puts what it could not digest."""
    found: Part = {}
    for service, reads in READERS.items():
        for event in EVENTS.values():
            name = identifier(event.name)
            if event.owner == service:
                found[f"{service}.send.{name}"] = _operation("send", service, name)
            if event.name in reads:
                found[f"{service}.receive.{name}"] = _operation("receive", service, name)
        found[f"{service}.send.{_DEAD}"] = _operation("send", service, _DEAD)
    for event in EVENTS.values():
        if event.owner not in READERS:  # said by others; a service of ours reads it
            name = identifier(event.name)
            found[f"{event.owner}.send.{name}"] = _operation("send", event.owner, name)
    return found


def _operation(action: str, service: str, name: str) -> Part:
    group = {"bindings": {"kafka": {"groupId": {"type": "string", "enum": [service]}, "bindingVersion": _KAFKA}}}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "tags": [{"name": service}],
        **(group if action == "receive" else {}),
    }


def _message(event: EventType) -> Part:
    return {
        "name": event.name,
        "title": event.cls.__name__,
        "summary": event.cls.__doc__,
        "contentType": "application/json",
        "headers": {
            "allOf": [
                {"$ref": _HEADERS},
                {
                    "type": "object",
                    "properties": {
                        "ce_type": {"const": event.name},
                        "ce_source": {"const": f"/shanhuo/{event.owner}"},
                    },
                },
            ]
        },
        "payload": {"$ref": f"./schemas/{event.name}.json"},
        "tags": [{"name": service} for service in readers_of(event.name)],
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The data's `{event.key}`, UTF-8."},
                "bindingVersion": _KAFKA,
            }
        },
        "examples": [_example(event)],
    }


def _example(event: EventType) -> Part:
    """A whole message, made by the codec itself."""
    data = EXAMPLES[event.name]
    instants = [getattr(data, name) for name in data.__struct_fields__ if name.endswith("_at")]
    listed = EXAMPLES["stream.started"].started_at - timedelta(days=14)  # type: ignore[attr-defined]  # its own type
    sent = record(data, source=event.owner, sequence=1, time=max(instants, default=listed))
    _, _, value, headers = to_message(sent)
    return {
        "name": identifier(event.name),
        "headers": {name: content.decode() for name, content in headers},
        "payload": msgspec.json.decode(value),
    }


def _cloud_event() -> Part:
    said = {
        "ce_specversion": {"const": "1.0", "description": "Version of CloudEvents."},
        "ce_id": _text("Type, subject and sequence; the same fact published twice has the same id."),
        "ce_source": _text("The service that published it."),
        "ce_type": _text("The event's name, which is also its topic."),
        "ce_subject": _text("Id of the aggregate that counts the sequence; mostly the key."),
        "ce_time": _text("When the state changed, RFC 3339, UTC, to the millisecond.") | {"format": "date-time"},
        "ce_sequence": _text(
            "Number of the event in its aggregate, from 1, without gaps; ten digits, so that it sorts."
        )
        | {"pattern": "^[0-9]{10,18}$"},
        "ce_partitionkey": _text("The message's key."),
        "content-type": {"const": "application/json", "description": "Media type of the data."},
    }
    traced = {
        "ce_traceparent": _text(
            "W3C Trace Context of its publishing, as in the Distributed Tracing extension; left out when nobody traces."
        )
        | {"pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$"},
        "traceparent": _text("The same, for readers that know only Kafka."),
    }
    replayed = {"replay_group": _text("Of a dead letter sent once more: the only consumer group that handles it.")}
    return {
        "type": "object",
        "description": "Attributes of CloudEvents 1.0 as Kafka headers, UTF-8, in binary mode.",
        "required": list(said),
        "properties": said | traced | replayed,
    }


def _dead_letter() -> Part:
    said = {
        "dlq_reason": _text("What was wrong with it, the exception's words."),
        "dlq_group": _text("The consumer group that could not digest it."),
        "dlq_topic": _text("The topic it came from."),
        "dlq_partition": _text("The partition it came from."),
        "dlq_offset": _text("The offset it had there."),
        "dlq_attempts": _text("How often it was tried."),
    }
    since = {
        "dlq_kind": _text("`undecodable`, or the name of the exception."),
        "dlq_time": _text("When it was set aside, RFC 3339, UTC.") | {"format": "date-time"},
        "dlq_key": _text("The message's own key; left out when it had none."),
        "dlq_replays": _text("How often it had been replayed before; left out when never."),
        "dlq_value": _text("Why the letter has no value: the message had `none`, or was `too-large`.")
        | {"enum": ["none", "too-large"]},
    }
    return {
        "type": "object",
        "description": "Beside the message's own headers. A message without them and without a value ends the letter.",
        "required": list(said),
        "properties": said | since,
    }


def _dead_channel() -> Part:
    return {
        "address": f"{{topic}}{DEAD_SUFFIX}",
        "description": "What a consumer group could not digest, as it came, with the reason. No service reads it.",
        "parameters": {"topic": {"enum": sorted(EVENTS), "description": "The topic the message came from."}},
        "messages": {_DEAD: {"$ref": f"#/components/messages/{_DEAD}"}},
        "bindings": {"kafka": _kept(dead_letters("{topic}"))},
    }


def _dead_message() -> Part:
    return {
        "name": _DEAD,
        "title": "Dead letter",
        "summary": "A message that could not be decoded or kept failing; value and headers as it came.",
        "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
        "payload": {"description": "Whatever came."},
        "bindings": {
            "kafka": {
                "key": {
                    "type": "string",
                    "description": "The letter's id: `<group>/<partition>/<offset>`.",
                },
                "bindingVersion": _KAFKA,
            }
        },
    }


def _text(description: str) -> Part:
    return {"type": "string", "description": description}
