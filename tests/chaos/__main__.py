"""`make chaos ARGS="--seed 7 --minutes 3"`: faults under load on real engines, the audit after each, one closing line.

Exit code 0 when nothing was lost, oversold or doubled and all came back; 1 otherwise; 2 for bad arguments, or when the
Docker engine or an image is not there. This room reads the command line; `playing` plays, `telling` tells.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from random import SystemRandom
from typing import Any, Final, NoReturn

from rich.console import Console
from tests.chaos import faults, images, plan, playing, telling
from tests.chaos.load import Load
from tests.chaos.run import LEAST_PATIENCE
from tests.chaos.story import Story
from tests.chaos.town import NotUp, Town

from chassis.patience import patience
from stack.arguments import Arguments

RATE: Final = 20.0
MINUTES: Final = 3.0
SETTINGS: Final = {"LOG_LEVEL": "INFO"}


def main() -> None:
    """Read the command line, play, tell."""
    arguments, known = _arguments(), faults.every()
    wanted = arguments.parse_args()
    if wanted.list:
        print("\n".join(known))
        sys.exit(0)
    chosen = {name: known[name] for name in _chosen(arguments, wanted, list(known))}
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    try:
        client = images.engine()
        found = images.chosen(client, os.environ)
        if "clock-skew" in chosen:
            faults.faketime()
        sys.exit(_play(client, found, chosen, wanted))
    except images.NotThere as lacking:
        arguments.error(str(lacking))
    except NotUp as error:
        sys.exit(f"chaos: {error}")
    except KeyboardInterrupt:
        sys.exit("chaos: stopped")


def _play(client: Any, found: Mapping[str, str], chosen: Mapping[str, faults.Fault], wanted: argparse.Namespace) -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    wish = plan.Wish(wanted.seed, wanted.minutes or (None if wanted.kills else MINUTES), wanted.kills)
    console.print(f"chaos: seed {wish.seed}, {len(chosen)} faults to choose from, {wanted.rate:g} orders a second")
    with Town(client, found, SETTINGS) as town:
        up = _started(town, console)
        # What takes long to come up takes long to come back: on a slow machine everything has longer.
        within = patience() * max(LEAST_PATIENCE, 4 * up)
        stage = playing.Stage(town, Load(town, wish.seed, wanted.rate), chosen, wish, within)
        story, began = Story(), time.monotonic()
        with story.keeping("the run"):
            playing.play(stage, story, console)
        story.seconds = time.monotonic() - began
        with story.keeping("the end of the load"):
            stage.load.stop()
        return telling.tell(stage, story, console, wanted.json)


def _started(town: Town, console: Console) -> float:
    began = time.monotonic()
    with console.status("Starting engines, wires and services…"):
        town.start()
    up = time.monotonic() - began
    console.print(f"The town is up after {up:.1f} s.")
    return up


def _arguments() -> Arguments:
    arguments = Arguments(prog="chaos", description="Faults under load on real engines, and the audit after each.")
    arguments.add_argument("--seed", type=int, default=SystemRandom().randrange(10_000), help="(default: any)")
    arguments.add_argument("--minutes", type=_minutes, help=f"how long, at most (default {MINUTES:g}, or --kills)")
    arguments.add_argument("--kills", type=_whole, help="go on until so many kills; without --minutes for however long")
    arguments.add_argument("--rate", type=_rate, default=RATE, help="orders a second (default %(default)g)")
    arguments.add_argument("--faults", metavar="A,B", help="choose from these alone")
    arguments.add_argument("--list", action="store_true", help="list the faults")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="keep the table there")
    return arguments


def _chosen(arguments: Arguments, wanted: argparse.Namespace, known: list[str]) -> list[str]:
    """The faults to choose from; whatever cannot be done with them is said now, and not after half an hour."""
    chosen = [name.strip() for name in wanted.faults.split(",")] if wanted.faults else known
    if unknown := [name for name in chosen if name not in known]:
        arguments.error(f"no such fault: {', '.join(unknown)}; --list lists them")
    if wanted.kills and not any(faults.every()[name].may_kill for name in chosen):
        arguments.error(f"--kills {wanted.kills} would never come to its end: none of these faults kills anybody")
    if wanted.json and not _writable(wanted.json):
        arguments.error(f"{wanted.json} cannot be written")
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            return True
    except OSError:
        return False


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
