"""What the operators' own definitions say of their resources: taken out of the CRDs into deploy/schemas, told strictly.

A cluster drops a field that it does not know without a word; here it is an error.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from manifests.generated import DEPLOY

FOLDER: Final = DEPLOY / "schemas"
Schema = dict[str, Any]


def take(definitions: Iterable[Path], folder: Path = FOLDER) -> list[Path]:
    """Write the schema of each kind that the files define, in the version that is stored; the paths written."""
    folder.mkdir(exist_ok=True)
    written = []
    for path in definitions:
        for definition in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            name, schema = _taken(definition)
            written.append(folder / name)
            written[-1].write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
    return written


def _taken(definition: Schema) -> tuple[str, Schema]:
    spec = definition["spec"]
    (version,) = (each for each in spec["versions"] if each["storage"])
    schema = _bare(version["schema"]["openAPIV3Schema"])
    schema["properties"].pop("status", None)
    return _file(f"{spec['group']}/{version['name']}", spec["names"]["kind"]), schema


def _file(api_version: str, kind: str) -> str:
    return f"{api_version.replace('/', '_')}_{kind}.json"


def _bare(part: Any) -> Any:
    """Without the prose: nine tenths of it."""
    if isinstance(part, dict):
        return {name: _bare(value) for name, value in part.items() if name != "description" or isinstance(value, dict)}
    return [_bare(each) for each in part] if isinstance(part, list) else part


def schema_of(api_version: str, kind: str, folder: Path = FOLDER) -> Schema | None:
    """The schema of a kind, strictly; None where there is none here."""
    path = folder / _file(api_version, kind)
    if not path.is_file():
        return None
    strict: Schema = _strict(json.loads(path.read_text(encoding="utf-8")), top=True)
    return strict


def _strict(part: Any, *, top: bool = False) -> Any:
    if isinstance(part, list):
        return [_strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    told = {name: _strict(value) for name, value in part.items()}
    if isinstance(part.get("properties"), dict) and _closed(part):
        # What every resource has, whatever its definition says.
        always: Schema = {name: {} for name in ("apiVersion", "kind", "metadata")} if top else {}
        told["properties"] = always | told["properties"]
        told["additionalProperties"] = False
    return told


def _closed(part: Schema) -> bool:
    return "additionalProperties" not in part and not part.get("x-kubernetes-preserve-unknown-fields")


def kinds(folder: Path = FOLDER) -> Iterator[tuple[str, str]]:
    """The version and kind of each resource that there is a schema of."""
    for path in sorted(folder.glob("*_*_*.json")):
        group, version, kind = path.stem.split("_")
        yield f"{group}/{version}", kind
