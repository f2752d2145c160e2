"""The load that operators make: an evening is played by Locust, recorded from the topics, and played again."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from load import options, recording
from load.recording import Placed
from stack.engines import Engines
from stack.issuer import Issuer
from stack.services import Services

FILE = Path(options.__file__).with_name("locustfile.py")
WITHIN = 110  # seconds


def locust(services: Services, issuer: Issuer, report: Path, *asked: str) -> dict[str, Any]:
    """Plays, and tells what was seen."""
    where = [f"--{name}={services.url(name)}" for name in options.SERVICES] + [f"--issuer={issuer.url}"]
    what = ["--headless", "--only-summary", "--loglevel", "ERROR", "--watchers", "3", "--report", str(report)]
    command = [sys.executable, "-m", "locust", "-f", str(FILE), *where, *what, *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, Any] = json.loads(report.read_text())
    assert done.stdout.splitlines()[-1].startswith(f"load: placed {seen['placed']} (paid")
    return seen


def load(engines: Engines, *asked: str) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "load", *asked]
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": engines.kafka}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


def sold(services: Services, buyers: str) -> int:
    """Orders of buyers whose names begin so, whatever became of them."""
    with services.client("orders", "platform-office", ["platform"]) as platform:
        found, after = 0, ""
        while True:
            page = platform.get("/orders", params={"limit": 200} | ({"after": after} if after else {})).json()
            found += sum(order["buyer_id"].startswith(buyers) for order in page["items"])
            if not (after := page.get("next") or ""):
                return found


def test_an_evening_is_played_recorded_and_played_again_before_twice_the_crowd(
    services: Services, issuer: Issuer, own_engines: Engines, tmp_path: Path
) -> None:
    seen = locust(services, issuer, tmp_path / "drawn", "--buyers", "60", "--speed", "288")
    assert seen["failed"] == {}
    assert seen["placed"] == sold(services, "buyer-")
    assert seen["paid"] > 0
    assert seen["pushes_seen"] > 0

    (show_id, *_), *_ = [line.split() for line in load(own_engines, "shows").splitlines() if "Sweet Live" in line]
    path = tmp_path / "show.jsonl"
    path.write_text(load(own_engines, "record", "--show", show_id))
    rows = recording.read_file(path)
    recorded = Counter(row.slot for row in rows if isinstance(row, Placed))
    assert recorded

    # As slowly as it was: the recorded show is one of ten seconds, and at its end its stock is given back.
    played = ["--recording", str(path), "--volume", "2", "--speed", "1"]
    again = locust(services, issuer, tmp_path / "replayed", *played)
    assert again["failed"] == {}
    assert again["placed"] == sold(services, "r-")
    assert again["placed"] + sum(again["refused"].values()) == 2 * recorded.total()
