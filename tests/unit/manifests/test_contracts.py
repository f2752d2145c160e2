"""The charts say what the contracts say: topics, users, what is read, what is for people outside."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.acls import grants
from contracts.events import EVENTS
from contracts.readers import shared_out
from contracts.topics import TOPICS, dead_letters
from manifests import charts, generated, kafka, schemas
from manifests.charts import SERVICES

ROOT = Path(__file__).parents[3]


def values(chart: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "deploy/charts" / chart / "values.yaml").read_text())


def test_what_is_committed_is_what_the_contracts_make() -> None:
    assert list(generated.drift()) == []


def test_a_topic_that_differs_is_named(tmp_path: Path) -> None:
    generated.write(tmp_path)
    topics = tmp_path / "platform/generated/topics.yaml"
    topics.write_text(topics.read_text().replace("partitions: 6", "partitions: 7", 1))
    ((name, difference),) = generated.drift(tmp_path)
    assert name == "platform/generated/topics.yaml"
    assert "-  partitions: 7" in difference
    assert "+  partitions: 6" in difference


def test_every_event_has_its_topic_and_that_of_its_dead_letters() -> None:
    told = {each["name"]: each for each in kafka.topics()}
    assert set(told) == {name for event in EVENTS for name in (event, f"{event}.dlq")}
    for event, topic in TOPICS.items():
        assert told[event] == {"name": event, "partitions": topic.partitions, "config": topic.configs()}
        assert told[f"{event}.dlq"]["config"] == dead_letters(event).configs()


def test_a_user_may_do_what_the_contracts_grant_and_makes_no_topics() -> None:
    told = {
        (user["name"], acl["type"], acl["name"], tuple(acl["operations"]))
        for user in kafka.users()
        for acl in user["acls"]
    }
    granted = {
        (each.service, each.resource, each.name, each.operations)
        for each in grants()
        if "Create" not in each.operations
    }
    assert {each for each in told if each[0] != "dead-letters"} == granted
    changing = {"Create", "Alter", "AlterConfigs", "Delete", "All"}
    assert all(changing.isdisjoint(operations) for *_, operations in told)


def test_who_looks_after_letters_reads_them_puts_events_back_and_sees_how_every_topic_is() -> None:
    (desk,) = (user["acls"] for user in kafka.users() if user["name"] == "dead-letters")
    assert {each["type"] for each in desk} == {"topic"}
    granted = {each["name"]: set(each["operations"]) for each in desk}
    assert granted.keys() == {each["name"] for each in kafka.topics()}
    for name, operations in granted.items():
        reads = {"Read"} if name.endswith(".dlq") else set()
        assert operations == {"Write", "Describe", "DescribeConfigs"} | reads


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_scaled_on_what_its_group_reads(service: str) -> None:
    """Of what every replica reads for itself the group commits nothing: to KEDA all of it ever said would be unread."""
    assert set(values(service)["autoscaling"]["lag"]["topics"]) == shared_out(service)


@pytest.mark.parametrize("service", SERVICES)
def test_only_routes_of_the_contract_are_for_people_outside(service: str) -> None:
    document = yaml.safe_load((ROOT / "contracts/openapi" / f"{service}.yaml").read_text())
    routes = {f"/{path.split('/')[1]}" for path in document["paths"]}
    assert values(service)["expose"]["paths"] == sorted(routes - {"/health", "/metrics"})


@pytest.mark.parametrize("service", SERVICES)
def test_a_chart_installs_the_version_of_its_service(service: str) -> None:
    chart = yaml.safe_load((ROOT / "deploy/charts" / service / "Chart.yaml").read_text())
    project = (ROOT / "services" / service / "pyproject.toml").read_text()
    assert f'version = "{chart["appVersion"]}"' in project


def test_charts_differ_in_what_a_service_is_and_in_nothing_else() -> None:
    own = {"image", "autoscaling", "resources"}
    rest = [
        yaml.safe_dump({name: value for name, value in values(one).items() if name not in own}).replace(one, "SERVICE")
        for one in SERVICES
    ]
    alike = [_without(text, "paths", "ports") for text in rest]
    assert all(each == alike[0] for each in alike)


def _without(text: str, *lists: str) -> dict[str, Any]:
    told = yaml.safe_load(text)
    told["expose"].pop("paths")
    told["networkPolicy"]["internet"].pop("ports")
    return told


def test_the_oldest_kubernetes_that_a_chart_lets_in_is_one_that_it_is_held_against() -> None:
    for chart in charts.CHARTS:
        wanted = yaml.safe_load((chart / "Chart.yaml").read_text())["kubeVersion"]
        assert wanted == f">={schemas.KUBERNETES[0]}.0-0"


def test_what_a_chart_depends_on_is_in_a_fresh_clone() -> None:
    for chart in charts.CHARTS:
        wanted = yaml.safe_load((chart / "Chart.yaml").read_text()).get("dependencies", [])
        for each in wanted:
            held = chart / "charts" / each["name"]
            assert held.resolve() == (chart / each["repository"].removeprefix("file://")).resolve()
            assert yaml.safe_load((held / "Chart.yaml").read_text())["version"] == each["version"]
