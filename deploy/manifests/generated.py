"""The files of charts that are made from the contracts and the services' settings: written, or compared."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from contracts.generate import difference
from manifests import kafka, settings

DEPLOY: Final = Path(__file__).resolve().parents[1]
_HEAD: Final = "# Generated from the contracts by `make manifests`; change those instead.\n"


def rendered() -> dict[str, str]:
    """Every generated file, by its path below deploy/."""
    kept = {"topics": kafka.topics(), "users": kafka.users()}
    told = {f"charts/{chart}/settings.txt": "\n".join(names) + "\n" for chart, names in settings.names()}
    return {f"platform/generated/{name}.yaml": _yaml(items) for name, items in kept.items()} | told


def write(folder: Path = DEPLOY) -> list[str]:
    """Make the files as they should be; the paths of those that changed."""
    wanted = rendered()
    changed = [path for path, _ in drift(folder)]
    for path in changed:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(wanted[path], encoding="utf-8")
    return changed


def drift(folder: Path = DEPLOY) -> Iterator[tuple[str, str]]:
    """Each file that is not what would be generated, with the beginning of the difference."""
    for path, wanted in rendered().items():
        file = folder / path
        found = file.read_text(encoding="utf-8") if file.exists() else ""
        if found != wanted:
            yield path, difference(path, found, wanted)


def _yaml(items: list[dict[str, object]]) -> str:
    return _HEAD + yaml.safe_dump(items, sort_keys=False, default_flow_style=None, width=120)
