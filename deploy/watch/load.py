"""The loads that can go on while Prometheus watches. Another one is a function of `Watched` more."""

import asyncio
import csv
import os
import shutil
import sys
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Final

from rich.progress import Progress

from evening import house, scenes
from evening.night import TRACE, Night, Wish
from evening.stage import Stage
from stack.local import DATA
from stack.processes import Child, ProcessError
from watch.happenings import SETTINGS, Happenings
from watch.run import Watched

_WATCHERS: Final = 20
_QUIETLY: Final = ("--headless", "--only-summary", "--loglevel", "ERROR")
_STOCKED_FOR: Final = 900  # buyers, who make the demo's tea run out


def evening(here: Watched, wish: Wish, progress: Progress, *, file_lines: int) -> Night:
    """The evening of the demo, and beside it what it lacks for every panel to have something to show.

    Of the other platform's file it takes the first `file_lines` lines: the rest is the same again, for a minute more.
    """
    night = Night(house.of(here.stack), wish, _data(here.run_dir / "data", wish.viewers, file_lines), progress)
    beside = Happenings(here.stack, here.prometheus)
    try:
        beside.begin()
        asyncio.run(_both(night, beside))
        beside.end()
    finally:
        beside.close()
    return night


def locust(here: Watched, wish: Wish, progress: Progress) -> None:
    """The same evening with Locust's crowd (`python -m load play`), which comes in bursts as items are shown."""
    beside = Happenings(here.stack, here.prometheus)
    try:
        beside.begin()
        crowd = Child("locust", _command(here, wish), log=here.run_dir / "locust.log", env={**os.environ, **SETTINGS})
        aside = Thread(target=beside.while_live, daemon=True)
        aside.start()
        task = progress.add_task(f"Locust: {wish.viewers:,} buyers", total=None)
        _until_over(here, crowd)
        aside.join()
        progress.update(task, total=1, completed=1)
        asyncio.run(_send_off(here))
        beside.end()
    finally:
        beside.close()


def _command(here: Watched, wish: Wish) -> list[str]:
    doors = {service.name: service.url for service in here.stack.services} | {"issuer": here.stack.issuer.url}
    options = {**doors, "buyers": wish.viewers, "speed": wish.speed, "seed": wish.seed, "watchers": _WATCHERS}
    told = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-W", "ignore", "-m", "load", "play", *_QUIETLY, *told]


def _until_over(here: Watched, crowd: Child) -> None:
    """Raises `ProcessError` when the crowd was not served as it should, or a service died."""
    try:
        while crowd.wait(0.5) is None:
            here.stack.check()
        if crowd.exit_code:
            raise ProcessError(f"Locust ended with {crowd.exit_code}:\n{crowd.tail(40)}")
    finally:
        crowd.kill()


async def _send_off(here: Watched) -> None:
    place = house.of(here.stack)
    counties = sorted({row["county"] for row in _rows(DATA / "lineup.csv")})
    async with Stage(place.urls, place.mint) as stage:
        await scenes.pack_and_ship(stage, counties, lambda: None)


async def _both(night: Night, beside: Happenings) -> None:
    async with asyncio.TaskGroup() as town:
        town.create_task(night.play())
        town.create_task(asyncio.to_thread(beside.while_live))


def _data(into: Path, viewers: int, file_lines: int) -> Path:
    """The demo's files with a shorter trace, and stock for so many: what sells out in the demo sells out here."""
    shutil.copytree(DATA, into)
    with (DATA / TRACE).open(encoding="utf-8") as whole:
        (into / TRACE).write_text("".join(islice(whole, file_lines + 1)), encoding="utf-8")
    rows = _rows(DATA / "lineup.csv")
    with (into / "lineup.csv").open("w", encoding="utf-8") as out:
        written = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        written.writeheader()
        for row in rows:
            written.writerow(row | {"allotted": max(1, int(row["allotted"]) * viewers // _STOCKED_FOR)})
    return into


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
