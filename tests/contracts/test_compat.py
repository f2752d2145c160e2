"""A change that would break a reader or a replay is told by its event and field; a harmless one is let pass."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import compat, generate
from contracts.__main__ import main
from contracts.schemas import Schema, schemas

NOW = schemas("0.1.0")
OPTIONAL = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}


def changed(event: str, change: Callable[[Schema], Any]) -> list[str]:
    """What is told of one change to an event's schema."""
    new = copy.deepcopy(NOW)
    change(new[event])
    return [str(each) for each in compat.breaks(NOW, new)]


def edit(field: str, **words: Any) -> Callable[[Schema], None]:
    """Sets words of a field's schema; `...` takes a word away."""

    def change(schema: Schema) -> None:
        for word, value in words.items():
            if value is ...:
                del schema["properties"][field][word]
            else:
                schema["properties"][field][word] = value

    return change


def test_nothing_changed_breaks_nothing() -> None:
    assert list(compat.breaks(NOW, schemas("9.9.9"))) == []


def test_a_removed_field_is_named() -> None:
    assert changed("order.placed", lambda schema: schema["properties"].pop("pay_by")) == [
        "order.placed: pay_by: was removed; readers of the earlier version look for it"
    ]


def test_a_renamed_field_is_a_removed_and_a_new_one() -> None:
    def rename(schema: Schema) -> None:
        schema["properties"]["units"] = schema["properties"].pop("quantity")
        schema["required"] = [name.replace("quantity", "units") for name in schema["required"]]

    assert changed("order.placed", rename) == [
        "order.placed: quantity: was removed; readers of the earlier version look for it",
        "order.placed: units: is new and required; earlier events lack it",
    ]


def test_a_new_optional_field_is_welcome() -> None:
    assert changed("order.placed", lambda schema: schema["properties"].update(note=OPTIONAL)) == []


def test_a_new_required_field_is_named() -> None:
    def add(schema: Schema) -> None:
        schema["properties"]["note"] = {"type": "string"}
        schema["required"].append("note")

    assert changed("order.placed", add) == ["order.placed: note: is new and required; earlier events lack it"]


def test_a_field_that_becomes_required_is_named() -> None:
    assert changed("order.placed", lambda schema: schema["required"].append("pay_by")) == [
        "order.placed: pay_by: became required; earlier events may lack it"
    ]


def test_a_field_that_becomes_optional_is_named() -> None:
    assert changed("order.placed", lambda schema: schema["required"].remove("quantity")) == [
        "order.placed: quantity: became optional; readers of the earlier version need it"
    ]


@pytest.mark.parametrize(
    ("event", "field", "words", "told"),
    [
        ("order.placed", "quantity", {"type": "string"}, 'type changed from "integer" to "string"'),
        (
            "order.placed",
            "quantity",
            {"type": ["integer", "null"]},
            'type changed from "integer" to ["integer", "null"]',
        ),
        ("order.placed", "quantity", {"minimum": 2}, "minimum changed from 1 to 2"),
        ("order.placed", "quantity", {"minimum": 0}, "minimum changed from 1 to 0"),
        ("order.placed", "quantity", {"minimum": ...}, "minimum changed from 1 to none"),
        ("order.placed", "quantity", {"maximum": 99}, "maximum changed from none to 99"),
        ("order.placed", "sku", {"maxLength": 32}, "maxLength changed from 64 to 32"),
        ("order.placed", "county", {"pattern": "^[0-9]{4}$"}, 'pattern changed from "^[0-9]{6}$" to "^[0-9]{4}$"'),
        ("order.placed", "placed_at", {"format": "date"}, 'format changed from "date-time" to "date"'),
        ("order.placed", "pay_by", {"default": "2018-12-03T12:00:00Z"}, "default changed from null to"),
        ("order.cancelled", "reason", {"enum": ["buyer", "county", "expired"]}, '"payment_declined"] to ['),
        ("order.cancelled", "reason", {"enum": ["buyer", "county", "expired", "host", "payment_declined"]}, '"host"'),
        ("parcel.packed", "order_ids", {"items": {"type": "integer"}}, "items changed from"),
    ],
)
def test_a_changed_constraint_is_named(event: str, field: str, words: dict[str, Any], told: str) -> None:
    (line,) = changed(event, edit(field, **words))
    assert line.startswith(f"{event}: {field}: ")
    assert told in line


def test_a_changed_constraint_of_a_nullable_field_is_named() -> None:
    def tighten(schema: Schema) -> None:
        schema["properties"]["slot"]["anyOf"][0]["minimum"] = 2

    (line,) = changed("order.placed", tighten)
    assert line.startswith("order.placed: slot: anyOf changed")


def test_a_change_inside_a_list_is_named_by_its_path() -> None:
    def shorten(schema: Schema) -> None:
        schema["$defs"]["Lot"]["properties"]["lot"]["maxLength"] = 8
        del schema["$defs"]["Lot"]["properties"]["certificate"]

    assert changed("item.listed", shorten) == [
        "item.listed: lots[].lot: maxLength changed from 128 to 8",
        "item.listed: lots[].certificate: was removed; readers of the earlier version look for it",
    ]


def test_a_new_required_field_inside_a_list_is_named_by_its_path() -> None:
    def add(schema: Schema) -> None:
        schema["$defs"]["Lot"]["properties"]["grower"] = {"type": "string"}
        schema["$defs"]["Lot"]["required"].append("grower")

    assert changed("item.listed", add) == ["item.listed: lots[].grower: is new and required; earlier events lack it"]


def test_a_new_optional_list_may_hold_objects_with_required_fields() -> None:
    def add(schema: Schema) -> None:
        schema["properties"]["photos"] = {"type": "array", "items": {"$ref": "#/$defs/Photo"}, "default": []}
        schema["$defs"]["Photo"] = {"properties": {"url": {"type": "string"}}, "required": ["url"]}

    assert changed("item.listed", add) == []


def test_words_for_people_may_change() -> None:
    assert changed("order.placed", edit("quantity", description="How many.", examples=[7])) == []


def test_the_order_of_an_enumeration_does_not_matter() -> None:
    enum = NOW["order.cancelled"]["properties"]["reason"]["enum"]
    assert changed("order.cancelled", edit("reason", enum=enum[::-1])) == []


@pytest.mark.parametrize(
    ("word", "value", "told"),
    [
        ("x-key", "buyer_id", 'order.placed: key changed from "order_id" to "buyer_id"'),
        ("x-topic", "orders", 'order.placed: topic changed from "order.placed" to "orders"'),
        ("x-compacted", True, "order.placed: compaction changed from false to true"),
    ],
)
def test_a_changed_place_in_kafka_is_named(word: str, value: object, told: str) -> None:
    assert changed("order.placed", lambda schema: schema.update({word: value})) == [told]


def test_a_removed_event_is_named_and_a_new_one_is_welcome() -> None:
    fewer = {name: schema for name, schema in NOW.items() if name != "demand.missed"}
    told = "demand.missed: was removed; readers wait for it, and replays meet it"
    assert [str(each) for each in compat.breaks(NOW, fewer)] == [told]
    assert list(compat.breaks(fewer, NOW)) == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The contracts folder of a git repository of its own, generated and committed."""
    root = tmp_path / "contracts"
    root.mkdir()
    (root / "pyproject.toml").write_text((generate.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    generate.write(root)
    git(root, "init", "--quiet")
    commit(root)
    return root


def git(root: Path, *words: str) -> None:
    author = ["-c", "user.name=Test", "-c", "user.email=test@shanhuo.example"]
    subprocess.run(["git", "-C", str(root), *author, *words], check=True)


def commit(root: Path) -> None:
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "A version")


def test_without_a_tag_there_is_nothing_to_be_compatible_with(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compat", "--root", str(checkout)]) == 0
    assert capsys.readouterr().out == "no tag contracts-v* yet: nothing to be compatible with\n"


def test_the_last_tagged_version_is_what_counts(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(checkout, "tag", "contracts-v0.2.0")
    schema = checkout / "schemas" / "order.placed.json"
    earlier = json.loads(schema.read_text(encoding="utf-8"))
    earlier["properties"]["gift_note"] = OPTIONAL
    schema.write_text(json.dumps(earlier), encoding="utf-8")
    commit(checkout)
    git(checkout, "tag", "contracts-v0.10.0")

    assert main(["compat", "--root", str(checkout)]) == 1
    assert capsys.readouterr().out == (
        "order.placed: gift_note: was removed; readers of the earlier version look for it\n"
        "1 incompatible change since contracts-v0.10.0\n"
    )
    assert main(["compat", "--root", str(checkout), "--against", "contracts-v0.2.0"]) == 0
    assert capsys.readouterr().out == "no incompatible changes since contracts-v0.2.0\n"


def test_a_revision_that_is_none_is_told_in_one_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compat", "--root", str(checkout), "--against", "nowhere"]) == 2
    assert capsys.readouterr().err == "python -m contracts compat: no such revision: nowhere\n"


def test_a_revision_without_schemas_is_told_in_one_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(checkout, "rm", "--quiet", "-r", "schemas")
    commit(checkout)
    assert main(["compat", "--root", str(checkout), "--against", "HEAD"]) == 2
    assert capsys.readouterr().err == "python -m contracts compat: no schemas were committed at HEAD\n"
