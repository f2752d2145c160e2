"""Commands of our pages work as they are written on the platform of `deploy/platform/up`: at night nobody tries things.

Who runs one may do it, and what it names is there.
"""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from kafka.cli.admin import main_parser
from tests.unit.prometheus.commands import (
    INDEX,
    KAFKA,
    MONGODB,
    OPERATIONS,
    PAGES,
    ROOT,
    RUNBOOKS,
    RUNNING,
    TOPICS,
    USERS,
    commands,
    read,
    those,
    values,
)

from chassis.deadletters import asking
from manifests.charts import SERVICES

_IN_POD: Final = re.compile(
    r"exec (?:-\w+ )*(?:deploy|deployment)/(\S+) -- (?:env (?:\w+=\S+ )+)?python -m (\S+)([^|#]*)"
)


def may(user: str) -> set[tuple[str, str, str]]:
    return {(acl["type"], acl["name"], operation) for acl in USERS[user] for operation in acl["operations"]}


def needed(module: str, words: list[str]) -> set[tuple[str, str, str]]:
    """What a command must be allowed on Kafka."""
    if module == "chassis.deadletters":
        reading = {("topic", name, "Read") for name in TOPICS if name.endswith(".dlq")}
        return reading | {("topic", name, operation) for name in TOPICS for operation in ("Write", "Describe")}
    if module == "chassis.topics":
        changing = {"check": [], "apply": ["Create", "Alter", "AlterConfigs"]}[words[0]]
        return {
            ("topic", name, operation) for name in TOPICS for operation in ["Describe", "DescribeConfigs", *changing]
        }
    assert module in ("chassis.healthcheck", "contracts")
    return set()


@pytest.mark.parametrize("command", those(PAGES, _IN_POD))
def test_what_is_run_in_a_pod_its_kafka_user_may_do_and_its_program_takes(command: str) -> None:
    for pod, module, words in re.findall(_IN_POD, command):
        told = shlex.split(words)
        assert needed(module, told) <= may(values(pod)["kafka"]["username"])
        if module == "chassis.deadletters":
            asking.arguments("deadletters").parse_args(told)


@pytest.mark.parametrize("command", those(PAGES, r"python -m [a-z]"))
def test_a_module_that_is_run_is_there(command: str) -> None:
    for module in re.findall(r"python -m ([\w.]+)", command):
        assert find_spec(module)


@pytest.mark.parametrize("command", those(RUNBOOKS, r"python -m chassis\."))
def test_nobody_at_night_has_the_settings_of_a_broker_on_their_machine(command: str) -> None:
    assert re.search(_IN_POD, command) or re.search(r"k exec <pod> -- python -m chassis\.healthcheck", command)


@pytest.mark.parametrize("command", those(RUNBOOKS, r"^kafka [\w-]+ (groups|topics|partitions) "))
def test_kafka_is_asked_what_there_is_to_ask_by_a_user_who_may(command: str) -> None:
    _, pod, *words = shlex.split(command.partition("|")[0])
    asked = main_parser().parse_args(["-b", "any", *words])
    named = getattr(asked, "groups", None) or [getattr(asked, "group_id", None)]
    groups = {("group", name, "Read") for name in named}
    every_topic = {("topic", name, "Describe") for name in TOPICS}
    assert (groups if words[0] == "groups" else every_topic) <= may(values(pod)["kafka"]["username"])


def composed() -> set[str]:
    """By which addresses the broker of `make compose-up` is known."""
    told = read("deploy/compose.yaml")["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    return {each.partition("://")[2] for each in re.sub(r"\$\{\w+:-(\d+)\}", r"\1", told).split(",")}


@pytest.mark.parametrize("page", [*RUNBOOKS, OPERATIONS, ROOT / "docs/kubernetes.md"], ids=lambda page: page.name)
def test_an_address_of_kafka_is_one_that_there_is(page: Path) -> None:
    ours = {f"{KAFKA}-kafka-bootstrap:9093"}
    assert {values(chart)["kafka"]["bootstrapServers"] for chart in RUNNING} == ours
    assert "port: 9093" in (ROOT / "deploy/platform/templates/kafka.yaml").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    named = set(
        re.findall(r"\bkafka[\w.-]*:\d+|(?<=--bootstrap-server )[\w.:-]+|(?<=BOOTSTRAP_SERVERS=)[\w.:-]+", text)
    )
    somebodys = {name for name in named if ".example.org:" in name}
    assert named - somebodys <= ours | (set() if page in RUNBOOKS else composed())


# --- Helm and kubectl ---


def test_helm_and_kubectl_look_where_the_platform_is() -> None:
    up = (ROOT / "deploy/platform/up").read_text(encoding="utf-8")
    (namespace,) = re.findall(r"^namespace=(\w+)$", up, re.MULTILINE)
    given = list(commands(INDEX))
    assert any(re.match(rf"export HELM_NAMESPACE={namespace}\b", one) for one in given)
    assert 'k() { kubectl --namespace "$HELM_NAMESPACE" "$@"; }' in given
    asked = [one for page in (*RUNBOOKS, OPERATIONS) for one in commands(page)]
    assert [one for one in asked if re.search(r"\bkubectl (?!--namespace )\w", one)] == []
    assert [one for one in commands(OPERATIONS) if re.search(r"\bhelm (?!.*--namespace )\w", one)] == []


@pytest.mark.parametrize("command", those(RUNBOOKS, r"\bhelm \w+ \S|^--set "))
def test_a_release_a_chart_and_a_value_that_helm_is_told_are_there(command: str) -> None:
    for release in re.findall(r"helm (?:history|rollback|install|upgrade|get \w+) ([\w-]+)", command):
        assert release in {*RUNNING, "shanhuo"}
    told = re.findall(r"helm (?:install|upgrade) (\S+) (\S+)", command)
    assert [(release, chart) for release, chart in told if chart != f"deploy/charts/{release}"] == []
    release = told[0][0] if told else "shanhuo"
    paths = re.findall(r"--set '?([\w.-]+)=", command)
    assert [path for path in paths if not there(release, path.split("."))] == []


def there(chart: str, path: list[str]) -> bool:
    """Whether this is a value of the chart."""
    first, *rest = path
    if chart == "shanhuo":
        if first == "global":
            return all(there(service, rest[1:]) for service in SERVICES)
        return (rest == ["enabled"] and first in values(chart)) or there(first, rest)
    if first == "config":
        return rest[0] in (ROOT / "deploy/charts" / chart / "settings.txt").read_text(encoding="utf-8").split()
    found: Any = values(chart)
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found is not None


@pytest.mark.parametrize("page", [page for page in RUNBOOKS if page != INDEX], ids=lambda page: page.name)
def test_the_page_that_knows_both_kinds_of_release_says_how_to_go_back(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"helm (?:rollback|history)|rollout undo", text) == []
    for line in text.splitlines():
        assert "go back" not in line.lower() or "README.md#back-to-the-version-before" in line


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.name)
def test_who_is_told_to_scale_is_told_of_keda_and_of_no_autoscaler(page: Path) -> None:
    """KEDA undoes what is done to its autoscaler, an autoscaler what is done to the Deployment."""
    if page == INDEX:
        given = " ".join(commands(page))
        assert all(f"k {how}" in given for how in ("patch scaledobject ", "patch hpa ", "scale deploy/"))
        return
    for line in page.read_text(encoding="utf-8").splitlines():
        assert "k scale deploy/" not in line
        assert "k patch hpa " not in line or "README.md#more-replicas-or-fewer" in line


def test_everything_goes_back_to_nothing_that_was_not_asked_for() -> None:
    """`helm rollback shanhuo` takes Kafka, MongoDB and topics along."""
    assert not any("helm rollback shanhuo" in one for page in PAGES for one in commands(page))


NAMED: Final = [
    (r"\bk (?:exec|logs|scale|rollout|set|port-forward) .*?deploy/([\w-]+)", RUNNING | {f"{KAFKA}-entity-operator"}),
    (r"\bsts/([\w-]+)", {MONGODB}),
    (r"\bk port-forward svc/([\w-]+)", set(SERVICES)),
    (r"\bk (?:patch|get) (?:hpa|scaledobject) (\w[\w-]*)", set(SERVICES)),
    (r"\bk get servicemonitor (\w[\w-]*)", RUNNING),
    (r"\bk get kafkauser (\w[\w-]*)", set(USERS)),
    (r"\bk get kafka (\w[\w-]*)", {KAFKA}),
    (r"app\.kubernetes\.io/name=([\w-]+)", RUNNING),
    (r"strimzi\.io/cluster=([\w-]+)", {KAFKA}),
    (r"strimzi\.io/pool-name=([\w-]+)", {"broker"}),
    (r"-l app=([\w-]+)", {f"{MONGODB}-svc"}),
]


@pytest.mark.parametrize(("pattern", "known"), NAMED, ids=[pattern for pattern, _ in NAMED])
def test_what_a_runbook_names_is_called_so_on_the_platform(pattern: str, known: set[str]) -> None:
    named = {name for page in RUNBOOKS for one in commands(page) for name in re.findall(pattern, one)}
    assert named
    assert named <= known


def test_in_one_release_as_alone_everything_is_called_as_its_chart() -> None:
    umbrella = values("shanhuo")
    assert {chart: umbrella[chart]["fullnameOverride"] for chart in RUNNING} == {chart: chart for chart in RUNNING}
    templates = (ROOT / "deploy/platform/templates/kafka.yaml").read_text(encoding="utf-8")
    assert '"name" "broker"' in templates
    assert "secretPrefix: kafka-" in templates
    assert "connectionStringSecretName: mongodb-" in (ROOT / "deploy/platform/templates/mongodb.yaml").read_text()
