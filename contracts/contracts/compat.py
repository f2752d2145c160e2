"""Says what in the schemas of events would break a reader or a replay, compared with an earlier version of them.

Full compatibility: a service not yet deployed anew reads new events, and a new one replays old events that Kafka kept.
Readers refuse what breaks a constraint, so a loosened constraint breaks old readers as a tightened one breaks replays:
a field that exists stays as it is. What may come is an optional field with a default, and a new event.
Compares documents; of git it knows only how to read them at a revision.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

Schema = dict[str, Any]
TAGS: Final = "contracts-v*"
_SAID: Final = frozenset(
    {"title", "description", "examples", "$ref", "$defs", "properties", "items", "required", "anyOf"}
)
_PLACE: Final = {"x-topic": "topic", "x-key": "key", "x-compacted": "compaction"}


class NotThere(Exception):
    """There is no such revision, or no git to ask."""


class Break(NamedTuple):
    """One incompatible change: of which event, in which field (empty: the event as a whole), and what changed."""

    event: str
    field: str
    change: str

    def __str__(self) -> str:
        where = f"{self.event}: {self.field}" if self.field else self.event
        return f"{where}: {self.change}"


class Field(NamedTuple):
    """What readers hold a field to."""

    required: bool
    constraints: dict[str, Any]


def breaks(old: dict[str, Schema], new: dict[str, Schema]) -> Iterator[Break]:
    """Every incompatible change between two versions of the schemas, given by the events' names."""
    for event, before in old.items():
        if event not in new:
            yield Break(event, "", "was removed; readers wait for it, and replays meet it")
            continue
        for word, name in _PLACE.items():
            if before.get(word) != new[event].get(word):
                yield Break(event, "", f"{name} changed from {_shown(before, word)} to {_shown(new[event], word)}")
        yield from _field_breaks(event, dict(fields(before)), dict(fields(new[event])))


def _field_breaks(event: str, old: dict[str, Field], new: dict[str, Field]) -> Iterator[Break]:
    for path, before in old.items():
        if path not in new:
            yield Break(event, path, "was removed; readers of the earlier version look for it")
            continue
        after = new[path]
        if before.required and not after.required:
            yield Break(event, path, "became optional; readers of the earlier version need it")
        if after.required and not before.required:
            yield Break(event, path, "became required; earlier events may lack it")
        yield from (Break(event, path, change) for change in _changes(before.constraints, after.constraints))
    for path, added in new.items():
        if path not in old and added.required and not _inside_new(path, old):
            yield Break(event, path, "is new and required; earlier events lack it")


def _inside_new(path: str, old: dict[str, Field]) -> bool:
    """Whether the field belongs to an object that is new itself: then it is that object which may be left out."""
    parent = path.rpartition(".")[0].rstrip("[]")
    return bool(parent) and parent not in old


def _changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for word in sorted(old.keys() | new.keys()):
        if old.get(word, ...) != new.get(word, ...):
            yield f"{word} changed from {_shown(old, word)} to {_shown(new, word)}"


def _shown(words: dict[str, Any], word: str) -> str:
    return json.dumps(words[word], ensure_ascii=False) if word in words else "none"


def fields(schema: Schema) -> Iterator[tuple[str, Field]]:
    """Every field of an event by its path, `lots[].harvested_on`, with all that readers hold it to."""
    return _inside(schema, schema.get("$defs", {}), "")


def _inside(node: Schema, definitions: dict[str, Schema], prefix: str) -> Iterator[tuple[str, Field]]:
    for name, field in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, Field(name in node.get("required", ()), _constraints(field))
        for item, below in _objects(field, definitions, path):
            yield from _inside(below, definitions, f"{item}.")


def _objects(node: Schema, definitions: dict[str, Schema], path: str) -> Iterator[tuple[str, Schema]]:
    """The objects that a field holds: itself, its items', its branches'."""
    if "$ref" in node:
        yield path, definitions[node["$ref"].rpartition("/")[2]]
    for branch in node.get("anyOf", ()):
        yield from _objects(branch, definitions, path)
    if "items" in node:
        yield from _objects(node["items"], definitions, f"{path}[]")


def _constraints(node: Schema) -> dict[str, Any]:
    """Everything but words for people; the fields of nested objects are compared by their own paths."""
    found = {word: value for word, value in node.items() if word not in _SAID}
    if "enum" in found:
        found["enum"] = sorted(found["enum"])
    if "items" in node:
        found["items"] = _constraints(node["items"])
    if "anyOf" in node:
        found["anyOf"] = sorted((_constraints(branch) for branch in node["anyOf"]), key=_ordered)
    if "$ref" in node:
        found["type"] = "object"
    return found


def _ordered(words: dict[str, Any]) -> str:
    return json.dumps(words, sort_keys=True)


def last_tag(root: Path) -> str | None:
    """The last version of the contracts that was tagged, if one ever was."""
    tags = _git(root, "tag", "--list", TAGS, "--merged", "HEAD", "--sort=-version:refname").split()
    return tags[0] if tags else None


def at(root: Path, revision: str) -> dict[str, Schema]:
    """The schemas as they were committed at a revision, by event."""
    _git(root, "rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}", wrong=f"no such revision: {revision}")
    missing = f"no schemas were committed at {revision}"
    listed = _git(root, "ls-tree", "--name-only", f"{revision}:./schemas", wrong=missing).split()
    return {
        path.removesuffix(".json"): json.loads(_git(root, "show", f"{revision}:./schemas/{path}"))
        for path in listed
        if path.endswith(".json")
    }


def _git(root: Path, *words: str, wrong: str = "") -> str:
    """What git answers. `wrong` says in our words what its refusal means."""
    try:
        ran = subprocess.run(  # noqa: S603 - git with words of our own
            ["git", "-C", str(root), *words],  # noqa: S607 - wherever git is installed
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as missing:
        raise NotThere("git is not installed") from missing
    if ran.returncode:
        raise NotThere(wrong or ran.stderr.strip().partition("\n")[0])
    return ran.stdout
