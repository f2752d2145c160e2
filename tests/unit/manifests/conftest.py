"""Helm, where it is already: building it takes minutes, and is `make charts-check`'s to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from manifests import charts, schemas, tools

Render = Callable[..., list[charts.Manifest]]


@pytest.fixture(scope="session")
def helm() -> Path:
    built = tools.FOLDER / f"helm-{tools.HELM_VERSION}" / "helm"
    if not (shutil.which("helm") or built.exists()):
        pytest.skip("Helm is not here yet: `make charts-check` installs it")
    return tools.helm()


@pytest.fixture
def render(helm: Path, tmp_path: Path) -> Render:
    """What a chart makes of values; Refused when it takes them not."""

    def rendered(chart: str, **values: object) -> list[charts.Manifest]:
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
        found = next(path for path in charts.CHARTS if path.name == chart)
        return charts.template(helm, charts.ValueSet(found, tmp_path / "values.yaml"), schemas.KUBERNETES[0])

    return rendered
