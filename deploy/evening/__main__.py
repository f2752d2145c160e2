"""Plays the evening on engines and services of its own and says what came of it: `python -m evening`, `make demo`."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from evening import house, picture, report
from evening.audit import databases
from evening.idle import NotAtRest
from evening.night import Night, Wish
from evening.stage import Unplayable
from stack.arguments import Arguments
from stack.footprint import own_footprint
from stack.local import DATA, Stack, launch
from stack.processes import ProcessError

SECONDS_TO_PAY = 900  # of the evening; they pass as fast as everything else
VIEWERS = 900
WIDTH = 150  # of the report where it goes to a file
SPEED = 144.0  # 48 minutes in 20 seconds
_UNSUCCESSFUL = (ProcessError, Unplayable, NotAtRest)


def main() -> None:
    """Play, report, audit; exit with 1 when a check or the evening itself failed."""
    arguments = _arguments()
    wanted = arguments.parse_args()
    for path in filter(None, (wanted.json, wanted.picture)):
        if not _writable(path):
            arguments.error(f"{path} cannot be written")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    run_dir = Path(tempfile.mkdtemp(prefix="shanhuo-evening-"))
    try:
        found = _evening(wanted, run_dir, console)
    except KeyboardInterrupt:
        shutil.rmtree(run_dir, ignore_errors=True)
        sys.exit("evening: stopped")
    except BaseExceptionGroup as group:
        if not isinstance(_first(group), _UNSUCCESSFUL):
            raise
        sys.exit(f"evening: {_first(group)}\nThe logs are in {run_dir}.")
    except _UNSUCCESSFUL as error:
        sys.exit(f"evening: {error}\nThe logs are in {run_dir}.")
    shutil.rmtree(run_dir, ignore_errors=True)
    sys.exit(0 if _tell(found, wanted, console) else 1)


def _evening(wanted: argparse.Namespace, run_dir: Path, console: Console) -> dict[str, Any]:
    """Everything that was started is ended here, however the evening ends."""
    wish = Wish(seed=wanted.seed, viewers=wanted.viewers, speed=wanted.speed)
    began = time.monotonic()
    with console.status("Starting engines, issuer and services…"):
        stack = launch(run_dir, settings={"PAY_WITHIN_SECONDS": str(max(1, round(SECONDS_TO_PAY / wish.speed)))})
    with stack, _progress(console) as progress:
        _must_be_fresh(stack)
        night = Night(house.of(stack), wish, DATA, progress)
        night.phases["start"] = round(time.monotonic() - began, 2)
        ready = _memory(stack)
        asyncio.run(night.play())
        taken = _stack_figures(stack, ready)
        if wanted.metrics:
            wanted.metrics.mkdir(parents=True, exist_ok=True)
            for name, page in night.metrics.items():
                (wanted.metrics / f"{name}.prom").write_text(page.text, encoding="utf-8")
        return night.examine() | {"phases": night.phases, "stack": taken}


def _must_be_fresh(stack: Stack) -> None:
    """Engines of somebody's own may hold an earlier evening, which the audit would count with this one."""
    names = {service.name: service.database for service in stack.services}
    if held := databases.held(stack.engines.mongodb, names):
        raise Unplayable(f"the databases hold an earlier evening already ({held}): name engines with nothing in them")


def _stack_figures(stack: Stack, ready: dict[str, float]) -> dict[str, Any]:
    """How soon the services were ready, and what all processes took then and take after the evening."""
    now = _memory(stack)
    return {
        "ready_seconds": {name: round(seconds, 2) for name, seconds in stack.services.ready_seconds.items()},
        "footprint_ready_mb": round(sum(ready.values()), 1),
        "footprint_mb": round(sum(now.values()), 1),
        "memory_ready_mb": ready,
        "memory_mb": now,
        "crowd_and_issuer_mb": round(own_footprint().pss / 1e6, 1),
    }


def _memory(stack: Stack) -> dict[str, float]:
    return {one.name: round(one.pss / 1e6, 1) for one in stack.footprint()}


def _tell(found: dict[str, Any], wanted: argparse.Namespace, console: Console) -> bool:
    """Print, draw and write; whether everything held."""
    report.show(found, console)
    picture.draw(found, wanted.picture)
    console.print(f"The picture of the evening is in {wanted.picture}.")
    if wanted.json:
        wanted.json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
        console.print(f"All of it is in {wanted.json}.")
    failed = [check["name"] for check in found["audit"] if not check["ok"]]
    verdict = f"[bold red]The audit failed: {', '.join(failed)}.[/]" if failed else "[bold green]The audit holds.[/]"
    console.print(verdict)
    return not failed


def _arguments() -> Arguments:
    arguments = Arguments(prog="evening", description="Play the evening of two live shows, report it and audit it.")
    arguments.add_argument(
        "--seed", type=int, default=20181203, help="makes the crowd repeatable (default %(default)s)"
    )
    arguments.add_argument(
        "--viewers", type=_whole, default=VIEWERS, help="how many of the audience come to buy (default %(default)s)"
    )
    arguments.add_argument(
        "--speed", type=_speed, default=SPEED, help="seconds of the evening in one of ours (default %(default)s)"
    )
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write report and audit there")
    arguments.add_argument(
        "--picture", type=Path, metavar="FILE", default=Path("build/evening.png"), help="(default %(default)s)"
    )
    arguments.add_argument(
        "--metrics", type=Path, metavar="DIRECTORY", help="write what /metrics said in the end there"
    )
    arguments.epilog = "KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI, when set, are used instead of the embedded engines."
    return arguments


def _whole(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 100000")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1 <= speed <= 360:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 360")
    return speed


def _writable(path: Path) -> bool:
    """Said before the evening rather than after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            return True
    except OSError:
        return False


def _progress(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first, out of the groups that tasks wrap it in."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
