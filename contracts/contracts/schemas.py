"""The JSON Schema (2020-12) of every event, made from its type: what a reader in any language validates against.

Pure: makes documents, writes no files. What JSON Schema has no word for (topic, key, owner) stands in `x-` annotations.
"""

from typing import Any, Final

import msgspec

from contracts.events import EVENTS, EventType
from contracts.examples import EXAMPLES

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# A name of ours to tell schemas apart, not an address to fetch from: .example is reserved for that (RFC 2606).
NAMESPACE: Final = "https://shanhuo.example/contracts"


def schemas(version: str) -> dict[str, Schema]:
    """The schema of every event, by the event's name; `version` is that of the contracts."""
    return {name: schema(event, version) for name, event in EVENTS.items()}


def schema(event: EventType, version: str) -> Schema:
    """One event's schema, complete in itself."""
    _, components = msgspec.json.schema_components([event.cls], ref_template="#/$defs/{name}")
    definitions = _plain(components)
    body = _described(definitions.pop(event.cls.__name__))
    nested = {name: _described(definition) for name, definition in sorted(definitions.items())}
    return {
        "$schema": DIALECT,
        "$id": f"{NAMESPACE}/{version}/{event.name}.json",
        **body,
        "examples": [_plain(EXAMPLES[event.name])],
        **({"$defs": nested} if nested else {}),
        "x-topic": event.name,
        "x-key": event.key,
        "x-owner": event.owner,
        "x-compacted": event.compacted,
    }


def _plain(value: object) -> Any:
    """What JSON makes of it: a schema just made and one read from a file are then the same, lists and tuples too."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _described(definition: Schema) -> Schema:
    """The definition with each field's description and examples beside its name, also where the field may be null."""
    fields = {name: _lifted(field) for name, field in definition["properties"].items()}
    return definition | {"properties": fields}


def _lifted(field: Schema) -> Schema:
    """`X | None` keeps what is said of X one level down, where no reader looks for it."""
    lifted: Schema = {}
    for branch in field.get("anyOf", ()):
        for word in ("description", "examples"):
            if said := branch.pop(word, None):
                lifted[word] = said
    return lifted | field
