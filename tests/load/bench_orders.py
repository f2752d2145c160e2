"""How many orders a second the order engine takes, what holds it back, and whether it stays exact: `make bench`.

    python tests/load/bench_orders.py [--quick] [--json FILE] [--buyers 64] [--items 1] [--replicas 1,3] …

It starts engines and services of its own on 127.0.0.1, measures, stops them. Exit code 1 when an audit failed.
See docs/benchmarks.md.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import tables
from bench.programme import Programme, Wish
from chassis.patience import patience
from stack.arguments import Arguments
from stack.engines import start_engines
from stack.issuer import Issuer
from stack.processes import ProcessError

SECONDS, QUICK_SECONDS = 5.0, 0.8  # a run
LONGEST_CEILING = 3.0  # seconds; they vary less
QUICK_WITHIN, QUICK_PATIENCE = 60.0, 10.0  # of a machine as fast as `patience` says
ROUNDS = 20
WIDTH = 150  # of the tables where they go to a file


def main() -> None:
    """Measure, show, write; exit with 1 when something did not hold."""
    arguments = _arguments()
    wanted = arguments.parse_args()
    if wanted.json and not wanted.json.parent.is_dir():
        arguments.error(f"{wanted.json} cannot be written: there is no such directory")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    run_dir = Path(tempfile.mkdtemp(prefix="shanhuo-bench-"))
    try:
        programme = _measured(wanted, run_dir, console)
    except ProcessError as error:
        sys.exit(f"bench: {error}\nThe logs are in {run_dir}.")
    except KeyboardInterrupt:  # also what a signal to end becomes
        shutil.rmtree(run_dir, ignore_errors=True)
        sys.exit("bench: stopped")
    shutil.rmtree(run_dir, ignore_errors=True)
    sys.exit(0 if _tell(programme, wanted, console) else 1)


def _measured(wanted: argparse.Namespace, run_dir: Path, console: Console) -> Programme:
    """Everything that was started is ended here, however the measuring ends."""
    began = time.monotonic()
    env = {"KAFKA_BOOTSTRAP_SERVERS": wanted.kafka, "MONGODB_URI": wanted.mongodb_uri}
    engines = start_engines(run_dir, env=env)
    issuer = Issuer().start()
    try:
        with _progress(console) as progress:
            task = progress.add_task("starting", total=None)
            programme = Programme(
                engines,
                issuer,
                run_dir,
                _wish(wanted),
                say=lambda what: progress.update(task, description=what, advance=1, total=programme.steps),
                tick=progress.refresh,
                began=began,
            )
            programme.play()
            progress.update(task, description="measured", completed=programme.steps)
        return programme
    finally:
        issuer.stop()
        engines.stop()


def _wish(wanted: argparse.Namespace) -> Wish:
    quick = wanted.quick
    seconds = wanted.seconds or (QUICK_SECONDS if quick else SECONDS)
    return Wish(
        buyers=wanted.buyers,
        items=wanted.items,
        replicas=wanted.replicas,
        patience=QUICK_PATIENCE * patience() if quick else 300.0,
        rounds=wanted.exact or 0,
        together=quick,
        within=QUICK_WITHIN * patience() if quick else float("inf"),
        seconds=seconds,
        ceiling_seconds=min(seconds, LONGEST_CEILING),
        channel_orders=wanted.channel_orders if wanted.channel_orders is not None else (2_000 if quick else 20_000),
    )


def _tell(programme: Programme, wanted: argparse.Namespace, console: Console) -> bool:
    """Print and write; whether everything held."""
    for table in tables.of(programme):
        console.print(table)
    if wanted.json:
        report = msgspec.json.encode(programme.report())
        wanted.json.write_bytes(msgspec.json.format(report, indent=2) + b"\n")
        console.print(f"All of it is in {wanted.json}.")
    for what in programme.left_out:
        console.print(f"Left out for want of time: {what}.")
    for fault in programme.faults:
        console.print(f"[bold red]{fault['about']}: {fault['name']} fails:[/] {'; '.join(fault['faults'])}")
    verdict = "[bold red]The audit failed.[/]" if programme.faults else "[bold green]The audit holds.[/]"
    console.print(verdict, f"{programme.checks} checks.")
    return not programme.faults


def _arguments() -> Arguments:
    arguments = Arguments(prog="bench_orders", description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments.add_argument("--quick", action="store_true", help="everything within a minute, and less exactly")
    arguments.add_argument(
        "--exact",
        type=_count,
        nargs="?",
        const=ROUNDS,
        metavar="ROUNDS",
        help=f"only sell the last units, round after round (default {ROUNDS}), also while a replica is killed",
    )
    arguments.add_argument(
        "--seconds", type=_seconds, help=f"measured time of a run (default {SECONDS:g}; quick {QUICK_SECONDS:g})"
    )
    arguments.add_argument("--channel-orders", type=_count, metavar="N", help="orders of a channel in bulk; 0: none")
    for name, default in (("buyers", "1,16,64,256"), ("items", "1,1000"), ("replicas", "1,3")):
        arguments.add_argument(
            f"--{name}", type=_numbers, default=_numbers(default), metavar="N,…", help=f"(default {default})"
        )
    for name, variable in (("kafka", "KAFKA_BOOTSTRAP_SERVERS"), ("mongodb-uri", "MONGODB_URI")):
        told = os.environ.get(variable, "")
        arguments.add_argument(f"--{name}", default=told, help=f"instead of the embedded one (or {variable})")
    return arguments


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to 1000000")
    return int(text)


def _numbers(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 2_000 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} are no whole numbers from 1 to 2000, separated by commas")
    return [int(part) for part in parts]


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0.1 to 600")
    return seconds


def _progress(console: Console) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


if __name__ == "__main__":
    main()
