"""What our pages give to be typed, and what the platform has that it is typed for. Judges nothing."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from manifests import kafka
from manifests.charts import SERVICES

ROOT: Final = Path(__file__).parents[3]
RUNBOOKS: Final = sorted((ROOT / "docs/runbooks").glob("*.md"))
INDEX: Final = ROOT / "docs/runbooks/README.md"
OPERATIONS: Final = ROOT / "docs/operations.md"
PAGES: Final = sorted(
    [
        ROOT / "README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("deploy/**/README.md"),
        *ROOT.glob("services/*/README.md"),
    ]
)
RUNNING: Final = {*SERVICES, "dead-letters"}  # each a chart, a Deployment, a pod's label and a Kafka user
USERS: Final = {user["name"]: user["acls"] for user in kafka.users()}
TOPICS: Final = [topic["name"] for topic in kafka.topics()]
_BLOCK: Final = re.compile(r"^ *```(?:sh|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_ANY_BLOCK: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def values(chart: str) -> dict[str, Any]:
    """A chart's values, as they are when nobody says otherwise."""
    found: dict[str, Any] = read(f"deploy/charts/{chart}/values.yaml")
    return found


PLATFORM: Final = read("deploy/platform/values.yaml")
KAFKA: Final = PLATFORM["kafka"]["name"]
MONGODB: Final = PLATFORM["mongodb"]["name"]


def blocks(page: Path) -> list[str]:
    """Its blocks of shell."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[str]:
    """What it gives to be typed: lines of shells, and words in code between."""
    for block in blocks(page):
        yield from (line.strip().removeprefix("$ ") for line in re.sub(r"\\\n\s*", "", block).splitlines())
    for words in re.findall(r"`([^`]+)`", _ANY_BLOCK.sub("", page.read_text(encoding="utf-8"))):
        yield " ".join(words.replace("\\|", "|").split())


def those(pages: Sequence[Path], pattern: str | re.Pattern[str]) -> list[Any]:
    """Each of their commands in which the pattern is found, to test by."""
    found = [(page, one) for page in pages for one in commands(page) if re.search(pattern, one)]
    assert found
    return [pytest.param(one, id=f"{page.name}: {one}"[:90]) for page, one in found]
