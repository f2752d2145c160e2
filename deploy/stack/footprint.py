"""How much memory the stack takes, as the kernel counts it."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stack.processes import Program


@dataclass(frozen=True)
class Footprint:
    """Bytes of one process.

    Judge by `pss`: it counts a page that n processes share as 1/n for each, so that a sum counts it once. `rss` counts
    it whole for every process: the sum of those is what the stack takes at the very most.
    """

    name: str
    pid: int
    pss: int
    rss: int


def footprint(children: Iterable[Program]) -> list[Footprint]:
    """What each of these processes takes now; one that has ended is left out."""
    return [Footprint(child.name, child.pid, *_memory(child.pid)) for child in children if child.alive]


def own_footprint(name: str = "launcher") -> Footprint:
    """This very process: the launcher, with the issuer in it."""
    return Footprint(name, os.getpid(), *_memory(os.getpid()))


def _memory(pid: int) -> tuple[int, int]:
    """(PSS, RSS); where there is no /proc, RSS for both."""
    try:
        lines = (Path("/proc") / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        answer = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        resident = int(answer.strip() or 0) * 1024
        return resident, resident
    figures = {name: int(value.split()[0]) * 1024 for name, value in (line.split(":", 1) for line in lines)}
    return figures["Pss"], figures["Rss"]
