"""The benchmark itself, in its smallest piece: it starts, measures, audits, writes what was agreed, and ends."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chassis.testing import patience
from stack.choosing import Choice
from stack.engines import Engines

BENCH = Path(__file__).parents[1] / "load" / "bench_orders.py"


@pytest.fixture(scope="module")
def given(choice: Choice, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """In containers, the engines of the tests; otherwise it starts its own."""
    if not choice.containers:
        return ()
    engines: Engines = request.getfixturevalue("engines")
    return "--kafka", engines.kafka, "--mongodb-uri", engines.mongodb


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command, within = [sys.executable, str(BENCH), *arguments], 100 * patience()
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=within)


@pytest.fixture(scope="module")
def report(given: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Four buyers on one item for a moment, and a few orders of a channel."""
    file = tmp_path_factory.mktemp("bench") / "report.json"
    few = ("--buyers", "4", "--items", "1", "--replicas", "1", "--seconds", "1.5", "--channel-orders", "50")
    done = bench("--quick", *few, *given, "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_a_run_says_who_bought_what_how_fast(report: dict[str, Any]) -> None:
    [run] = report["runs"]
    assert (run["buyers"], run["items"], run["replicas"]) == (4, 1, 1)
    assert run["orders_per_second"] > 0
    assert 0 < run["p50_seconds"] <= run["p95_seconds"] <= run["p99_seconds"]
    assert (run["failed"], run["audit"]) == (0, [])


def test_a_run_says_whose_processor_it_took(report: dict[str, Any], given: tuple[str, ...]) -> None:
    own = set() if given else {"database", "broker"}  # engines that it was given are others to it
    assert report["runs"][0]["cpu"].keys() == {"service", "generator", "others"} | own


def test_the_ceilings_stand_beside_the_runs(report: dict[str, Any]) -> None:
    names = {"bare_post_per_second", "bulk_insert_per_second", "consume_per_second"}
    assert names <= report["ceilings"].keys()
    assert all(report["ceilings"][name] > 0 for name in names)


def test_orders_of_a_channel_are_all_placed(report: dict[str, Any]) -> None:
    [bulk] = report["channel"]
    assert (bulk["orders"], bulk["placed"]) == (50, 50)
    assert bulk["share_of_ceiling"] > 0


def test_every_run_was_audited_from_outside(report: dict[str, Any]) -> None:
    assert report["audit"]["checks"] > 0
    assert (report["audit"]["failed"], report["left_out"]) == ([], [])


def test_the_last_units_are_sold_exactly(given: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "exact.json"
    done = bench("--exact", "1", "--replicas", "1", *given, "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    [rounds] = json.loads(file.read_text())["exact"]
    assert (rounds["placed"], rounds["refused"], rounds["exact"]) == (200, 200, 1)


def test_a_mistake_on_the_command_line_is_one_line() -> None:
    done = bench("--buyers", "many")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
