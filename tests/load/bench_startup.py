"""How large the services' images are, and how long a container of each takes to live and to be ready.

    python tests/load/bench_startup.py [--rounds 5] [--json FILE]

Engines run in containers of their own and answer already; each start is that of a new container, on a database and a
consumer group that nobody had before, one service at a time. *Lives*: `/health/live` answers. *Ready*: `/health/ready`
says yes, so indexes are there and the group has given it its partitions. See docs/benchmarks.md.
"""

import argparse
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path

import docker
import httpx
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from stack import choosing
from stack.choosing import Choice
from stack.containers.images import image
from stack.containers.services import ContainedService
from stack.engines import Engines
from stack.issuer import Issuer
from stack.processes import free_port
from stack.services import NAMES, settings_for

LOOK_SECONDS = 0.02
LIVES_WITHIN = 60.0


class Start(msgspec.Struct, frozen=True):
    """Seconds from the order to start a container until it lived, and until it was ready."""

    service: str
    lives: float
    ready: float


def main() -> None:
    """Measure, show, write."""
    wanted = _wanted()
    if lacking := choosing.lacks():
        sys.exit(f"bench: {lacking}")
    with tempfile.TemporaryDirectory(prefix="shanhuo-bench-") as kept:
        starts = _starts(Path(kept), wanted.rounds)
    Console(highlight=False, width=None if sys.stdout.isatty() else 110).print(_table(starts))
    if wanted.json:
        wanted.json.write_bytes(msgspec.json.format(msgspec.json.encode(starts), indent=2) + b"\n")


def _starts(run_dir: Path, rounds: int) -> list[Start]:
    engines = choosing.start(Choice(True, "to be measured"), run_dir)
    issuer = Issuer().start()
    try:
        with Progress(console=Console(stderr=True)) as progress:
            turns = progress.track([name for _ in range(rounds + 1) for name in NAMES], description="starts")
            found = [_start(name, engines, issuer, run_dir) for name in turns]
    finally:
        issuer.stop()
        engines.stop()
    return found[len(NAMES) :]  # the first of each brings its image's layers into memory, and makes the topics


def _start(name: str, engines: Engines, issuer: Issuer, run_dir: Path) -> Start:
    env = settings_for(name, engines, issuer, port=free_port(), suffix=secrets.token_hex(4))
    began = time.monotonic()
    service = ContainedService(name, issuer=issuer, run_dir=run_dir, env=env)
    try:
        lives = _lives(service, began)
        service.wait_ready()
        return Start(name, lives, time.monotonic() - began)
    finally:
        service.kill()


def _lives(service: ContainedService, began: float) -> float:
    while (passed := time.monotonic() - began) < LIVES_WITHIN:
        service.check()
        try:
            if httpx.get(f"{service.url}/health/live", timeout=1.0, trust_env=False).is_success:
                return time.monotonic() - began
        except httpx.TransportError:
            time.sleep(LOOK_SECONDS)
    sys.exit(f"bench: {service.name} does not live after {passed:.0f} s")


def _table(starts: list[Start]) -> Table:
    table = Table("image", "MB", "lives after s", "ready after s")
    client = docker.from_env()
    for name in NAMES:
        theirs = [start for start in starts if start.service == name]
        size = client.images.get(image(name)).attrs["Size"] / 1e6
        lives = [start.lives for start in theirs]
        ready = [start.ready for start in theirs]
        table.add_row(image(name), f"{size:.0f}", _spread(lives), _spread(ready))
    client.close()
    table.caption = f"Medians of {len(starts) // len(NAMES)} starts each; in brackets the shortest and the longest."
    return table


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def _wanted() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="bench_startup", description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=5, help="starts of each (default 5)")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write every start there")
    wanted = arguments.parse_args()
    if wanted.rounds < 1:
        arguments.error("at least 1 round")
    return wanted


if __name__ == "__main__":
    main()
