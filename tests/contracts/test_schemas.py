"""The committed JSON Schemas say all that a reader in another language needs, and mean what the codec means."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError

from contracts import generate
from contracts.codec import decode, record, to_message
from contracts.events import EVENTS
from contracts.examples import EXAMPLES
from contracts.schemas import Schema

NOW = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
DATA = generate.ROOT.parent / "deploy" / "data"


def committed(event: str) -> Schema:
    """The schema as a reader finds it in the repository."""
    text = (generate.ROOT / "schemas" / f"{event}.json").read_text(encoding="utf-8")
    schema: Schema = json.loads(text)
    return schema


def reader(event: str) -> Draft202012Validator:
    return Draft202012Validator(committed(event), format_checker=Draft202012Validator.FORMAT_CHECKER)


def plain(event: str) -> dict[str, Any]:
    """The event's example as JSON says it."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(EXAMPLES[event]))
    return found


@pytest.mark.parametrize("event", EVENTS)
def test_a_schema_is_valid_and_stands_alone(event: str) -> None:
    schema = committed(event)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f"/{generate.version(generate.ROOT)}/{event}.json")
    assert all(ref.startswith("#/$defs/") for ref in refs(schema))
    assert schema["title"]
    assert schema["description"]


def refs(node: Any) -> list[str]:
    """Every reference in a document."""
    if isinstance(node, list):
        return [ref for each in node for ref in refs(each)]
    if isinstance(node, dict):
        return [node["$ref"] for word in node if word == "$ref"] + [ref for each in node.values() for ref in refs(each)]
    return []


@pytest.mark.parametrize("event", EVENTS)
def test_every_field_is_described(event: str) -> None:
    schema = committed(event)
    for part in (schema, *schema.get("$defs", {}).values()):
        silent = [name for name, field in part["properties"].items() if not field.get("description")]
        assert silent == []


@pytest.mark.parametrize("event", EVENTS)
def test_money_and_mass_and_time_say_their_unit(event: str) -> None:
    units = {"_fen": "fen", "_g": "grams", "_kg": "kilograms", "_at": "UTC", "_on": "UTC+8", "_days": "Days"}
    for name, field in committed(event)["properties"].items():
        for suffix, unit in units.items():
            assert not name.endswith(suffix) or unit in field["description"], name


@pytest.mark.parametrize("event", EVENTS)
def test_an_example_keeps_to_its_schema(event: str) -> None:
    (example,) = committed(event)["examples"]
    reader(event).validate(example)
    assert example == plain(event)


@pytest.mark.parametrize("event", EVENTS)
def test_an_example_fills_every_field(event: str) -> None:
    schema = committed(event)
    assert set(schema["examples"][0]) == set(schema["properties"])


@pytest.mark.parametrize("event", EVENTS)
def test_an_example_comes_back_from_the_wire(event: str) -> None:
    sent = record(EXAMPLES[event], source=EVENTS[event].owner, sequence=1, time=NOW)
    topic, _, value, headers = to_message(sent)
    reader(event).validate(json.loads(value))
    assert decode(headers, value).data == EXAMPLES[event]
    assert topic == event


@pytest.mark.parametrize(
    ("event", "field", "wrong"),
    [
        ("order.placed", "quantity", 0),
        ("order.placed", "county", "52012"),
        ("order.placed", "placed_at", "yesterday"),
        ("order.placed", "placed_at", "2018-12-03T12:00:00"),
        ("order.placed", "order_id", ""),
        ("order.placed", "channel", "Taobao Live"),
        ("order.placed", "total_fen", "7980"),
        ("order.cancelled", "reason", "weather"),
        ("county.listed", "latitude", 91),
    ],
)
def test_schema_and_codec_refuse_the_same(event: str, field: str, wrong: object) -> None:
    broken = plain(event) | {field: wrong}
    with pytest.raises(ValidationError):
        reader(event).validate(broken)
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.json.decode(json.dumps(broken), type=EVENTS[event].cls)


@pytest.mark.parametrize("event", EVENTS)
def test_a_reader_lets_unknown_fields_pass(event: str) -> None:
    newer = plain(event) | {"field_of_a_later_version": 1}
    reader(event).validate(newer)
    assert msgspec.json.decode(json.dumps(newer), type=EVENTS[event].cls) == EXAMPLES[event]


@pytest.mark.parametrize(
    ("event", "file", "columns"),
    [
        ("county.listed", "counties.csv", {"code": "county"}),
        ("hub.listed", "hubs.csv", {"code": "hub"}),
        ("item.listed", "items.csv", {}),
        ("item.featured", "items.csv", {}),
    ],
)
def test_an_example_is_taken_from_the_real_data(event: str, file: str, columns: dict[str, str]) -> None:
    example = plain(event)
    with Path(DATA / file).open(encoding="utf-8", newline="") as rows:
        told = [{columns.get(name, name): said for name, said in row.items()} for row in csv.DictReader(rows)]
    assert any(alike(row, example) for row in told)


def alike(row: dict[str, str], example: dict[str, Any]) -> bool:
    """Whether the row and the example agree wherever both speak."""
    shared = row.keys() & example.keys()
    return bool(shared) and all(type(example[name])(row[name]) == example[name] for name in shared)
