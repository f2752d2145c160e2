"""The evening under load with a Prometheus watching: `python -m watch`, `make watch`.

Prints what every panel of every dashboard showed and what every alert did, and draws the dashboards' graphs from the
same queries. Fails when a query failed or brought nothing, or a target could not be scraped.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from dashboards.places import UIDS
from evening.night import Wish
from stack.processes import ProcessError
from watch import plots, shown
from watch.happenings import SETTINGS
from watch.judged import wrong
from watch.load import evening, locust
from watch.prometheus import NotInstalledError
from watch.run import Found, Watched, watch, watched

WIDTH: Final = 150  # of the report where it goes to a file


def main() -> None:
    """Watch, tell, draw; exit with 1 when something was not to be seen, 2 when there is no Prometheus here."""
    wanted = _arguments().parse_args()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    run_dir = Path(tempfile.mkdtemp(prefix="shanhuo-watch-"))
    try:
        found = _watched(wanted, run_dir, console)
    except KeyboardInterrupt:
        shutil.rmtree(run_dir, ignore_errors=True)
        sys.exit("watch: stopped")
    except NotInstalledError as error:
        sys.exit(f"watch: {error}")
    except ProcessError as error:
        sys.exit(f"watch: {error}\nThe logs are in {run_dir}.")
    shutil.rmtree(run_dir, ignore_errors=True)
    sys.exit(1 if _tell(found, wanted, console) else 0)


def _watched(wanted: argparse.Namespace, run_dir: Path, console: Console) -> Found:
    wish = Wish(seed=wanted.seed, viewers=wanted.viewers, speed=wanted.speed)
    with ExitStack() as undo:
        with console.status("Starting engines, issuer, services and Prometheus…"):
            here = undo.enter_context(watched(run_dir, SETTINGS))
        progress = undo.enter_context(_progress(console))

        def load(here: Watched) -> None:
            if wanted.load == "locust":
                locust(here, wish, progress)
            else:
                evening(here, wish, progress, file_lines=wanted.file_lines)

        return watch(here, load)
    raise AssertionError("an ExitStack swallows nothing")  # for the type checker


def _tell(found: Found, wanted: argparse.Namespace, console: Console) -> list[str]:
    """Print, write and draw; what was wrong."""
    console.print(shown.panels(found.panels))
    console.print(shown.alerts(found.alerts))
    if wanted.json:
        wanted.json.parent.mkdir(parents=True, exist_ok=True)
        wanted.json.write_bytes(shown.encoded(found))
    for uid in wanted.draw:
        seen = [one for one in found.panels if one.ask.uid == uid]
        path = wanted.pictures / f"{uid.removeprefix('shanhuo-')}.png"
        plots.draw(seen, f"{seen[0].ask.dashboard}: an evening as its own queries saw it", found.window, path)
        console.print(f"{seen[0].ask.dashboard} is drawn in {path}.")
    complaints = wrong(found)
    for line in complaints or ["Every query brought something, and none failed."]:
        console.print(line, style="red" if complaints else "green")
    return complaints


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(prog="watch", description="Play the evening and see it through the dashboards.")
    arguments.add_argument(
        "--load",
        choices=("locust", "evening"),
        default="locust",
        help="Locust's crowd, or that of the demo with another platform's file beside it (default %(default)s)",
    )
    arguments.add_argument("--viewers", type=int, default=900, help="who comes to buy (default %(default)s)")
    arguments.add_argument("--seed", type=int, default=20181203, help="makes the crowd repeatable")
    arguments.add_argument("--speed", type=float, default=72.0, help="seconds of the evening in one of ours")
    arguments.add_argument("--file-lines", type=int, default=2_000, help="with the evening: of the file, of 10,000")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments.add_argument("--pictures", type=Path, metavar="DIR", default=Path("build"), help="where to draw")
    arguments.add_argument(
        "--draw", nargs="*", choices=list(UIDS.values()), default=list(UIDS.values()), help="these dashboards only"
    )
    return arguments


def _progress(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
