"""What a load may be asked for: bounded, at 127.0.0.1 unless it is said otherwise, and a mistake is one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from load import options

FILE = Path(options.__file__).with_name("locustfile.py")
SAMPLE = FILE.parent / "recordings" / "town-store-treasure.jsonl"


def locust(*asked: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "-f", str(FILE), "--headless", "--loglevel", "ERROR", *asked]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=60)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--buyers", "0"], "'0' is no whole number from 1 to 100000"),
        (["--watchers", "many"], "'many' is no whole number from 0 to 2000"),
        (["--speed", "0"], "'0' is no number from 0.01 to 1000"),
        (["--speed", "nan"], "'nan' is no number from 0.01 to 1000"),
        (["--speed", "0.1"], "it would take 28800 s; at most 14400 s"),
        (["--volume", "3"], "--volume is for a recording"),
        (["--recording", "nowhere.jsonl"], "No such file or directory: 'nowhere.jsonl'"),
        (["--recording", str(FILE)], "locustfile.py: row 1: "),
        (["--recording", str(SAMPLE), "--volume", "101"], "'101' is no whole number from 1 to 100"),
        (["--master"], "each process plays shows of its own"),
    ],
)
def test_what_cannot_be_played_ends_with_2_and_says_why(asked: list[str], why: str) -> None:
    done = locust(*asked)
    assert done.returncode == 2, done.stderr
    assert why in done.stderr


def test_nobody_there_is_a_failure_and_said_in_one_line() -> None:
    done = locust("--issuer", "http://127.0.0.1:1", "--buyers", "1")
    assert done.returncode == 1
    assert "the market cannot be opened: " in done.stderr
