"""What is installed beside the services: a crowd that comes once, and the count of the letters nobody could read."""

import json
import re
from typing import Any

from tests.kube.town import WITHIN, Town

from chassis.testing import eventually

# A small evening at the pace of test_evening, before some pages that only watch.
CROWD = {"buyers": 80, "watchers": 3, "lanes": 20, "speed": 72, "seed": 7, "payingLater": 0}
TOPIC = "order.placed"
UNREADABLE = f"""
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers="kafka:9092")
producer.send("{TOPIC}", b"no event", partition=0).get(30)
"""
METRICS = """
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:8000/metrics", timeout=20).read().decode())
"""


def test_the_crowd_of_the_load_chart_comes_once_and_nothing_fails(running: Town) -> None:
    running.install_crowd(CROWD)
    ended = eventually(lambda: _ended(running), within=3 * WITHIN, every=1.0)
    said = running.ns.kubectl("logs", "job/load")
    assert ended == "Complete", said
    line = said.splitlines()[-1]
    print(line)
    assert int(_found(r"^load: placed (\d+)", line)) > 10
    assert _found(r"failed (\d+)", line) == "0"
    running.ns.helm("uninstall", "load")
    eventually(lambda: not running.ns.labelled("app.kubernetes.io/instance=load"), within=WITHIN, every=1.0)


def test_the_dead_letters_chart_counts_what_nobody_could_read_until_somebody_ends_it(running: Town) -> None:
    running.install_desk()
    running.rolled("dead-letters")
    assert _waiting(running) == 0
    running.ns.execute(running.staying("catalog")[0].name, UNREADABLE)
    eventually(lambda: _waiting(running) > 0, within=WITHIN, every=1.0)
    letters = json.loads(_desk(running, "list", "--json"))["letters"]
    assert {letter["topic"] for letter in letters} == {TOPIC}
    _desk(running, "discard", "--topic", TOPIC, "--yes")
    assert _waiting(running) == 0
    running.ns.helm("uninstall", "dead-letters")


def _ended(town: Town) -> str:
    """Complete or Failed; nothing until then."""
    (job,) = town.ns.listed("jobs", "app.kubernetes.io/instance=load")
    conditions: list[dict[str, Any]] = job["status"].get("conditions", [])
    return next((one["type"] for one in conditions if one["type"] in {"Complete", "Failed"}), "")


def _waiting(town: Town) -> float:
    (pod,) = town.staying("dead-letters")
    told = town.ns.execute(pod.name, METRICS)
    return sum(float(value) for value in re.findall(r"^dead_letters_waiting\{.*\} (\S+)$", told, re.MULTILINE))


def _desk(town: Town, *words: str) -> str:
    """As docs/kubernetes.md says."""
    return town.ns.kubectl("exec", "deployment/dead-letters", "--", "python", "-m", "chassis.deadletters", *words)


def _found(pattern: str, line: str) -> str:
    found = re.search(pattern, line)
    assert found, line
    return found[1]
