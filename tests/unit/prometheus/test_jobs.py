"""What scrapes the services calls them alike, in Compose and in Kubernetes: rules and dashboards select by it."""

import json
from typing import Any, Final

import pytest
from tests.unit.manifests.conftest import Render
from tests.unit.prometheus.test_rules import EVERY

from dashboards.promql import JOB
from stack.rules import RULES, read
from stack.services import NAMES
from watch.prometheus import configuration

SHIPPED: Final = read(RULES.parent / "prometheus.yaml")["scrape_configs"]


def called(jobs: list[dict[str, Any]]) -> dict[str, str]:
    """The `service` of each target that has the services' job, by its address."""
    groups = [group for job in jobs if job["job_name"] == JOB for group in job["static_configs"]]
    return {target: group["labels"]["service"] for group in groups for target in group["targets"]}


def test_compose_scrapes_every_service_by_its_name_in_one_job() -> None:
    assert called(SHIPPED) == {f"{name}:8000": name for name in NAMES}


def test_a_prometheus_on_this_machine_does_so_too_and_calls_others_otherwise() -> None:
    addresses = {name: f"{name}.test:1" for name in (*NAMES, "dead-letters", "127.0.0.1")}
    jobs = configuration(addresses, 1.0, [])["scrape_configs"]
    assert called(jobs) == {f"{name}.test:1": name for name in NAMES}
    others = [group["labels"]["service"] for job in jobs if job["job_name"] != JOB for group in job["static_configs"]]
    assert sorted(others) == ["dead-letters", "prometheus"]


@pytest.mark.parametrize(("chart", "job"), [*((name, JOB) for name in NAMES), ("dead-letters", "dead-letters")])
def test_a_service_monitor_calls_what_it_finds_as_compose_does(render: Render, chart: str, job: str) -> None:
    made = render(chart, metrics={"serviceMonitor": {"enabled": True}})
    (monitor,) = (one for one in made if one["kind"] == "ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    said = {one["targetLabel"]: one["replacement"] for one in endpoint["relabelings"] if one["action"] == "replace"}
    assert said == {"job": job, "service": chart}


def test_the_platforms_chart_takes_the_rules_with_all_their_labels(render: Render) -> None:
    made = [one for one in render("platform") if one["kind"] == "PrometheusRule"]
    rules = [rule for one in made for group in one["spec"]["groups"] for rule in group["rules"]]
    assert sorted(map(text, rules)) == sorted(map(text, EVERY))


def text(rule: dict[str, Any]) -> str:
    return json.dumps(rule, sort_keys=True)
