"""The charts, the sets of values that each is checked with, and what Helm makes of them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from manifests.generated import DEPLOY

Manifest = dict[str, Any]

_CHARTS: Final = DEPLOY / "charts"
SERVICES: Final = ("catalog", "broadcast", "orders", "notify")
CHARTS: Final = (
    *(_CHARTS / name for name in (*SERVICES, "dead-letters", "load", "shanhuo")),
    DEPLOY / "platform",
    DEPLOY / "engines" / "kube",
)
# Every kind that a chart may make is known to the schemas; Helm is told of those that are not Kubernetes' own.
_NAMESPACE: Final = "shanhuo"


class Refused(Exception):
    """Helm would not render or accept a chart; the text is Helm's own, without what it says of links."""


class ValueSet(NamedTuple):
    """A chart with one file of values, or with its defaults alone."""

    chart: Path
    values: Path | None

    def __str__(self) -> str:
        return f"{self.chart.name} ({self.values.name.removesuffix('-values.yaml') if self.values else 'defaults'})"


def value_sets() -> Iterator[ValueSet]:
    """Every chart with its defaults and with each file of `ci/`."""
    for chart in CHARTS:
        yield ValueSet(chart, None)
        yield from (ValueSet(chart, values) for values in sorted((chart / "ci").glob("*-values.yaml")))


def lint(helm: Path, one: ValueSet, kubernetes: str) -> None:
    """Raises `Refused` unless Helm's linter has nothing to say."""
    _run(helm, "lint", "--strict", "--quiet", one.chart, *_values(one), "--kube-version", kubernetes)


def template(helm: Path, one: ValueSet, kubernetes: str, *more: str) -> list[Manifest]:
    """The resources that Helm would send to a cluster of that version. Raises `Refused`."""
    said = _run(
        helm, "template", one.chart.name, one.chart, "--namespace", _NAMESPACE, *_values(one), *more,
        "--kube-version", kubernetes,
    )  # fmt: skip
    return [manifest for manifest in yaml.safe_load_all(said) if manifest]


def _values(one: ValueSet) -> list[str | Path]:
    return ["--values", one.values] if one.values else []


def _run(helm: Path, *words: str | Path) -> str:
    ran = subprocess.run([helm, *words], capture_output=True, text=True, check=False)
    if ran.returncode:
        said = [line for line in f"{ran.stdout}\n{ran.stderr}".splitlines() if "found symbolic link" not in line]
        raise Refused("\n".join(line for line in said if line.strip()))
    return ran.stdout
