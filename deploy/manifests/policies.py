"""Whether what we deploy is as safe as the field wants it: the Kubernetes policies of checkov, offline."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import yaml

from manifests.charts import Manifest
from manifests.generated import DEPLOY

SETTINGS: Final = DEPLOY / "schemas" / "checkov.yaml"


def complaints(checkov: Path, manifests: Sequence[Manifest], folder: Path) -> Iterator[str]:
    """Each policy that a manifest breaks. The manifests are laid down in a folder, where checkov reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, manifest in enumerate(manifests):
        (folder / f"{number:04}.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    for check in _failed(checkov, folder):
        yield f"{check['resource']}: {check['check_id']} {check['check_name']}"


def _failed(checkov: Path, folder: Path) -> list[dict[str, str]]:
    ran = subprocess.run(
        [checkov, "--directory", folder, "--config-file", SETTINGS], capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(ran.stdout)
    except json.JSONDecodeError:
        raise RuntimeError(f"checkov: {(ran.stderr.strip() or ran.stdout.strip() or 'no word')[-400:]}") from None
    if found["summary"]["passed"] == 0:
        raise RuntimeError(f"checkov looked at nothing in {folder}")
    failed: list[dict[str, str]] = found["results"]["failed_checks"]
    return failed
