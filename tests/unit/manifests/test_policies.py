"""The policies see what they are there to see: a chart that lost its care would not pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.manifests.conftest import Render

from manifests import policies, tools

CARELESS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda pod: pod["securityContext"].update(runAsNonRoot=False, runAsUser=0), "root"),
    (lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"), "capabilities"),
    (lambda pod: pod["containers"][0]["securityContext"].update(readOnlyRootFilesystem=False), "read-only"),
    (lambda pod: pod["containers"][0].pop("livenessProbe"), "Liveness"),
    (lambda pod: pod["containers"][0]["resources"].pop("limits"), "Memory limits"),
    (lambda pod: pod.update(automountServiceAccountToken=True), "Service Account Tokens"),
    (lambda pod: pod["containers"][0].update(image="shanhuo/orders"), "Image Tag"),
]


@pytest.fixture
def checkov() -> Path:
    if not (tools.checkov_place() / ".done").exists():
        pytest.skip("checkov is not here yet: `make charts-check` installs it")
    return tools.checkov()


def test_careless_pods_are_found_and_careful_ones_are_not(render: Render, checkov: Path, tmp_path: Path) -> None:
    (careful,) = (each for each in render("orders") if each["kind"] == "Deployment")
    deployments = [careful]
    for number, (spoil, _) in enumerate(CARELESS):
        (spoilt,) = (each for each in render("orders") if each["kind"] == "Deployment")
        spoilt["metadata"]["name"] = f"careless-{number}"
        spoil(spoilt["spec"]["template"]["spec"])
        deployments.append(spoilt)
    found = list(policies.complaints(checkov, deployments, tmp_path / "manifests"))
    for number, (_, said) in enumerate(CARELESS):
        assert any(f".careless-{number}:" in each and said in each for each in found), (said, found)
    assert not [each for each in found if each.startswith("Deployment.shanhuo.orders:")]
