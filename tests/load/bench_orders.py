"""How many orders a second the order engine takes, what holds it back, and whether it stays exact: `make bench`.

    python tests/load/bench_orders.py [--quick] [--json FILE] [--buyers 64] [--items 1] [--replicas 1,3] …

It starts engines and services of its own on 127.0.0.1, measures, stops them. Exit code 1 when an audit failed.
See docs/benchmarks.md.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import tables
from bench.selling import Run, sell
from bench.shop import open_shop
from stack.arguments import Arguments
from stack.engines import Engines, start_engines
from stack.issuer import Issuer
from stack.processes import ProcessError

WIDTH = 130  # of the tables where they go to a file


def main() -> None:
    """Measure, show, write; exit with 1 when something did not hold."""
    wanted = _arguments().parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    run_dir = Path(tempfile.mkdtemp(prefix="shanhuo-bench-"))
    try:
        report = _measure(wanted, run_dir, console)
    except ProcessError as error:
        sys.exit(f"bench: {error}\nThe logs are in {run_dir}.")
    except KeyboardInterrupt:
        shutil.rmtree(run_dir, ignore_errors=True)
        sys.exit("bench: stopped")
    shutil.rmtree(run_dir, ignore_errors=True)
    if wanted.json:
        wanted.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
        console.print(f"All of it is in {wanted.json}.")


def _measure(wanted: argparse.Namespace, run_dir: Path, console: Console) -> dict[str, Any]:
    """Everything that was started is ended here, however the measuring ends."""
    env = {"KAFKA_BOOTSTRAP_SERVERS": wanted.kafka, "MONGODB_URI": wanted.mongodb_uri}
    engines = start_engines(run_dir, env=env)
    issuer = Issuer().start()
    try:
        with _progress(console) as progress:
            runs = _runs(wanted, engines, issuer, run_dir, progress)
        console.print(tables.runs(runs))
        return {"runs": runs}
    finally:
        issuer.stop()
        engines.stop()


def _runs(wanted: argparse.Namespace, engines: Engines, issuer: Issuer, run_dir: Path, progress: Progress) -> list[Run]:
    total = len(wanted.replicas) * len(wanted.items) * len(wanted.buyers)
    task = progress.add_task("placing orders", total=total)
    runs = []
    for replicas in wanted.replicas:
        with open_shop(engines, issuer, run_dir, replicas) as shop:
            for items in wanted.items:
                allotments = shop.stock(items)
                for buyers in wanted.buyers:
                    progress.update(task, description=f"{buyers} buyers, {items} items, {replicas} replicas")
                    run, _ = sell(shop, allotments, buyers, wanted.seconds, progress.refresh)
                    runs.append(run)
                    progress.advance(task)
    progress.update(task, description="placing orders")
    return runs


def _arguments() -> Arguments:
    arguments = Arguments(prog="bench_orders", description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments.add_argument("--seconds", type=float, default=5.0, help="measured time of a run (default %(default)s)")
    for name, default in (("buyers", "1,16,64,256"), ("items", "1,1000"), ("replicas", "1,3")):
        arguments.add_argument(
            f"--{name}", type=_numbers, default=_numbers(default), metavar="N,…", help=f"(default {default})"
        )
    for name, variable in (("kafka", "KAFKA_BOOTSTRAP_SERVERS"), ("mongodb-uri", "MONGODB_URI")):
        told = os.environ.get(variable, "")
        arguments.add_argument(f"--{name}", default=told, help=f"instead of the embedded one (or {variable})")
    return arguments


def _numbers(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 2_000 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} are no whole numbers from 1 to 2000, separated by commas")
    return [int(part) for part in parts]


def _progress(console: Console) -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


if __name__ == "__main__":
    main()
