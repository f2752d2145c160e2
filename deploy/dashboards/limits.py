"""How much memory a replica may take, as the charts' values say it: what a dashboard tells is what is enforced."""

from pathlib import Path
from typing import Any, Final

import yaml

from stack.services import NAMES

MEBIBYTE: Final = 2**20
_CHARTS: Final = Path(__file__).parents[1] / "charts"
_UNITS: Final = {"Mi": MEBIBYTE, "Gi": 2**30}


def memory_limits() -> dict[str, int]:
    """The limit of each service, in bytes."""
    return {name: _bytes(_values(name)["resources"]["limits"]["memory"]) for name in NAMES}


def _values(chart: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((_CHARTS / chart / "values.yaml").read_text(encoding="utf-8"))
    return read


def _bytes(written: str) -> int:
    """As Kubernetes writes it: 512Mi."""
    return int(written[:-2]) * _UNITS[written[-2:]]
