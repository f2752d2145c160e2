"""`make chaos ARGS="--seed 7 --minutes 3"`: faults under load on real engines, the audit after each, one closing line.

Exit code 0 when nothing was lost, oversold or doubled and all came back; 1 otherwise; 2 for bad arguments, or when the
Docker engine or an image is not there.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom
from typing import Any, NoReturn

import msgspec
from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from tests.chaos import faults, images, plan, report
from tests.chaos.judge import Judge, Verdict
from tests.chaos.load import Load
from tests.chaos.rest import Rest
from tests.chaos.run import LEAST_PATIENCE, Run
from tests.chaos.town import NotUp, Town

from chassis.testing import patience
from stack.arguments import Arguments

RATE = 20.0
NAMES = {name: name for name in ("catalog", "broadcast", "orders", "notify")}
SETTINGS = {"LOG_LEVEL": "INFO"}


def main() -> None:
    """Read the command line, play, tell."""
    arguments = _arguments()
    wanted = arguments.parse_args()
    known = faults.every()
    if wanted.list:
        print("\n".join(known))
        sys.exit(0)
    chosen = {name: known[name] for name in _chosen(arguments, wanted.faults, list(known))}
    if wanted.json and not _writable(wanted.json):
        arguments.error(f"{wanted.json} cannot be written")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    try:
        client = images.engine()
        found = images.chosen(client, os.environ)
        if "clock-skew" in chosen:
            faults.faketime()
        sys.exit(_play(client, found, chosen, wanted, console))
    except images.NotThere as lacking:
        arguments.error(str(lacking))
    except NotUp as error:
        sys.exit(f"chaos: {error}")
    except KeyboardInterrupt:
        sys.exit("chaos: stopped")


def _play(client: Any, found: dict[str, str], chosen: Any, wanted: argparse.Namespace, console: Console) -> int:
    wish = plan.Wish(seed=wanted.seed, minutes=wanted.minutes, kills=wanted.kills)
    console.print(f"chaos: seed {wish.seed}, {len(chosen)} faults to choose from, {wanted.rate:g} orders a second")
    began = time.monotonic()
    with Town(client, found, SETTINGS) as town:
        with console.status("Starting engines, wires and services…"):
            town.start()
        up = time.monotonic() - began
        console.print(f"The town is up after {up:.1f} s.")
        load = Load(town, wish.seed, wanted.rate)
        with (
            Rest(town.kafka, town.mongodb, NAMES) as rest,
            _progress(console) as progress,
        ):
            judge = Judge(town.kafka, town.mongodb, NAMES)
            load.start()
            began = time.monotonic()
            task = progress.add_task("", total=None)

            def say(what: str) -> None:
                for one in run.rounds[say.told :]:  # type: ignore[attr-defined]
                    console.print(report.row(one), soft_wrap=True)
                say.told = len(run.rounds)  # type: ignore[attr-defined]
                progress.update(task, description=what)

            say.told = 0  # type: ignore[attr-defined]
            # What takes long to come up takes long to come back: on a slow machine everything has longer.
            run = Run(town, load, judge, rest, wish, say, patience() * max(LEAST_PATIENCE, 4 * up))
            run.play(plan.order(chosen, wish))
            say("the last look at everything")
            stuck = bool(run.rounds[-1].trouble)
            whole = None if stuck else judge.whole(load.ledger, run.skew)
            groups = _groups(rest) if stuck else ""
        seconds = time.monotonic() - began
        load.stop()
        return _tell(town, load, run, whole, seconds, wanted, console, groups)


def _tell(
    town: Town,
    load: Load,
    run: Run,
    whole: Verdict | None,
    seconds: float,
    wanted: argparse.Namespace,
    console: Console,
    groups: str,
) -> int:
    found = report.troubles(run.rounds, whole, load.ledger.rude, town.keeper.deaths)
    code = report.exit_code(run.rounds, whole, found)
    console.print(report.table(run.rounds))
    for what in found:
        console.print(what, markup=False, soft_wrap=True)
    if code:
        console.print(f"What everybody wrote last is in {_keep_logs(town, groups)}.", soft_wrap=True)
    if wanted.json:
        figures = {"seed": wanted.seed, "seconds": round(seconds, 1), "kills": town.kills, "troubles": found}
        figures |= {"totals": report.totals(run.rounds, whole), "faults": report.summary(run.rounds)}
        figures |= {"rounds": [_round(one) for one in run.rounds]}
        wanted.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2))
    console.print(report.closing(wanted.seed, seconds, run.rounds, whole, town.kills), soft_wrap=True)
    return code


def _round(one: Any) -> dict[str, Any]:
    found: dict[str, Any] = one._asdict()
    return found | {"verdict": one.verdict._asdict() if one.verdict else None, "manners": one.manners._asdict()}


def _groups(rest: Rest) -> str:
    try:
        return rest.describe()
    except KafkaError as away:
        return f"(the broker does not say: {away})"


def _keep_logs(town: Town, groups: str) -> Path:
    kept = Path(tempfile.mkdtemp(prefix="shanhuo-chaos-"))
    for name, text in [*town.logs().items(), ("groups", groups)]:
        (kept / f"{name}.log").write_text(text, encoding="utf-8")
    return kept


def _arguments() -> Arguments:
    arguments = Arguments(prog="chaos", description="Faults under load on real engines, and the audit after each.")
    arguments.add_argument("--seed", type=int, default=SystemRandom().randrange(10_000), help="(default: any)")
    arguments.add_argument("--minutes", type=_minutes, default=3.0, help="how long (default %(default)g)")
    arguments.add_argument("--kills", type=_whole, help="go on until so many kills, however long it takes")
    arguments.add_argument("--rate", type=_rate, default=RATE, help="orders a second (default %(default)g)")
    arguments.add_argument("--faults", metavar="A,B", help="choose from these alone")
    arguments.add_argument("--list", action="store_true", help="list the faults")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="keep the table there")
    return arguments


def _chosen(arguments: Arguments, text: str | None, known: list[str]) -> list[str]:
    chosen = [name.strip() for name in text.split(",")] if text else known
    if unknown := [name for name in chosen if name not in known]:
        arguments.error(f"no such fault: {', '.join(unknown)}; --list lists them")
    return chosen


def _minutes(text: str) -> float:
    return _number(text, 0.1, 600.0)


def _rate(text: str) -> float:
    return _number(text, 1.0, 500.0)


def _whole(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 100000")
    return int(text)


def _number(text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to {most:g}")
    return number


def _writable(path: Path) -> bool:
    """Said before the run rather than after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            return True
    except OSError:
        return False


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
    )


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
