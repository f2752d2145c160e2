"""What the services stand on: pods are spread and own their disks, walls have the right doors, one command does all."""

import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.unit.manifests.conftest import Render
from tests.unit.manifests.test_rendered import one

from manifests import charts, schemas

ROOT: Final = Path(__file__).parents[3]
WATCHED: Final = {*charts.SERVICES, "dead-letters"}


@pytest.mark.parametrize("controllers", [0, 3])
def test_pods_of_a_pool_are_spread_by_the_labels_that_strimzi_gives_them(render: Render, controllers: int) -> None:
    made = render("platform", kafka={"name": "market", "controllers": controllers})
    pools = [each for each in made if each["kind"] == "KafkaNodePool"]
    assert pools
    for pool in pools:
        labels = {"strimzi.io/cluster": "market", "strimzi.io/pool-name": pool["metadata"]["name"]}
        spread = pool["spec"]["template"]["pod"]["topologySpreadConstraints"]
        assert [each["labelSelector"] for each in spread] == [{"matchLabels": labels}] * 2


def test_kafka_may_write_to_its_volumes_though_we_say_what_its_pods_may_do(render: Render) -> None:
    pools = [each for each in render("platform") if each["kind"] == "KafkaNodePool"]
    assert {pool["spec"]["template"]["pod"]["securityContext"]["fsGroup"] for pool in pools} == {0}


def test_kafka_and_mongodb_are_open_to_who_has_a_user_there_and_to_nobody_else_of_ours(render: Render) -> None:
    platform = render("platform")
    kafka = one(platform, "Kafka")["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"]
    mongodb = one(platform, "NetworkPolicy")["spec"]["ingress"][0]["from"]
    pods = {chart: _labels(render(chart)) for chart in (*WATCHED, "load")}
    assert {chart for chart, labels in pods.items() if _open(kafka, labels)} == WATCHED
    assert {chart for chart, labels in pods.items() if _open(mongodb, labels)} == set(charts.SERVICES)


def _labels(made: list[charts.Manifest]) -> dict[str, str]:
    (runs,) = (each for each in made if each["kind"] in ("Deployment", "Job"))
    labels: dict[str, str] = runs["spec"]["template"]["metadata"]["labels"]
    return labels


def _open(peers: list[dict[str, Any]], labels: dict[str, str]) -> bool:
    return any(_selects(peer["podSelector"], labels) for peer in peers if "namespaceSelector" not in peer)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )


@pytest.mark.parametrize(("asked", "watched"), [([], WATCHED), (["serviceMonitor.enabled=false"], set())])
def test_one_command_has_prometheus_look_at_every_service(
    helm: Path, tmp_path: Path, asked: list[str], watched: set[str]
) -> None:
    told = _told_to_helm(tmp_path, *(f"--set=global.service.metrics.{each}" for each in asked))
    assert told[:3] == ["upgrade", "--install", "shanhuo"]
    words = ["template", *told[2:], "--kube-version", schemas.KUBERNETES[0]]
    made = subprocess.run([helm, *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    monitors = [each for each in yaml.safe_load_all(made) if each and each["kind"] == "ServiceMonitor"]
    assert {each["metadata"]["name"] for each in monitors} == watched


def _told_to_helm(folder: Path, *more: str) -> list[str]:
    """What deploy/platform/up tells Helm last, with programs in the place of the real ones that only note it."""
    for name in ("kubectl", "helm", "openssl"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{folder}/$(basename "$0").told"\n', encoding="utf-8")
        program.chmod(0o755)
    up = [ROOT / "deploy/platform/up", "shanhuo", "--set=global.service.issuer.url=https://issuer.example.org", *more]
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(up, env=env, capture_output=True, check=True)
    return (folder / "helm.told").read_text(encoding="utf-8").splitlines()
