"""The committed AsyncAPI document is valid and tells of every event who sends it, who reads it and how it travels.

`asyncapi-3.0.0.schema.json` is the AsyncAPI Initiative's own schema, unchanged: npm package @asyncapi/specs 6.11.1,
Apache-2.0.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from contracts import generate
from contracts.asyncapi import identifier
from contracts.events import EVENTS
from contracts.readers import READERS
from contracts.topics import TOPICS

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as a reader finds it in the repository."""
    found: dict[str, Any] = yaml.safe_load((generate.ROOT / "asyncapi.yaml").read_text(encoding="utf-8"))
    return found


def test_the_document_keeps_to_asyncapi_3(document: dict[str, Any]) -> None:
    official = json.loads((HERE / "asyncapi-3.0.0.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(official).validate(document)


def test_the_version_is_that_of_the_contracts(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == generate.version(generate.ROOT)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for ref in references(document):
        file, _, inside = ref.partition("#")
        assert not file or (generate.ROOT / file).is_file(), ref
        node = document
        for step in inside.split("/")[1:]:
            node = node[step]


def references(node: Any) -> list[str]:
    """Every reference in a document."""
    if isinstance(node, list):
        return [ref for each in node for ref in references(each)]
    if isinstance(node, dict):
        return [node["$ref"] for word in node if word == "$ref"] + [
            ref for each in node.values() for ref in references(each)
        ]
    return []


@pytest.mark.parametrize("event", EVENTS)
def test_a_channel_tells_its_topic_and_how_it_is_kept(document: dict[str, Any], event: str) -> None:
    channel = document["channels"][identifier(event)]
    kafka = channel["bindings"]["kafka"]
    assert channel["address"] == kafka["topic"] == event
    assert kafka["partitions"] == TOPICS[event].partitions
    assert kafka["topicConfiguration"]["cleanup.policy"] == ["compact" if EVENTS[event].compacted else "delete"]
    assert EVENTS[event].compacted or kafka["topicConfiguration"]["retention.ms"] >= 7 * 24 * 3600 * 1000


def test_the_channel_of_dead_letters_tells_how_they_are_kept(document: dict[str, Any]) -> None:
    channel = document["channels"]["deadLetters"]
    kafka = channel["bindings"]["kafka"]
    assert channel["address"] == "{topic}.dlq"
    assert (kafka["partitions"], kafka["topicConfiguration"]["cleanup.policy"]) == (1, ["compact", "delete"])


@pytest.mark.parametrize("event", EVENTS)
def test_a_message_tells_its_key_and_its_headers(document: dict[str, Any], event: str) -> None:
    message = document["components"]["messages"][identifier(event)]
    shared = document["components"]["schemas"]["CloudEventHeaders"]
    own = message["headers"]["allOf"][1]
    (example,) = message["examples"]
    jsonschema.validate(example["headers"], {"allOf": [shared, own]})
    assert EVENTS[event].key in message["bindings"]["kafka"]["key"]["description"]
    assert example["headers"]["ce_partitionkey"] == example["payload"][EVENTS[event].key]
    assert set(shared["required"]) == set(example["headers"])


@pytest.mark.parametrize("service", READERS)
def test_a_service_sends_what_it_owns_and_receives_what_it_reads(document: dict[str, Any], service: str) -> None:
    told = {name for name in document["operations"] if name.startswith(f"{service}.")}
    sends = {f"{service}.send.{identifier(event.name)}" for event in EVENTS.values() if event.owner == service}
    receives = {f"{service}.receive.{identifier(event)}" for event in READERS[service]}
    assert told == sends | receives | {f"{service}.send.deadLetters"}
