"""CPU seconds of processes, as the kernel counts them. Without a /proc it counts nothing."""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def seconds(watched: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """What these processes have used so far, by name; this one as `generator`, and the rest of the machine as `others`.

    A process that is gone counts nothing.
    """
    found = {name: sum(map(_of, pids)) for name, pids in watched.items()} | {"generator": time.process_time()}
    return found | {"others": _machine() - sum(found.values())}


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was used from one look to the other."""
    return {name: round(after[name] - before[name], 3) for name in after}


def _of(pid: int) -> float:
    stat = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()  # the name before it may hold blanks
    return (int(stat[11]) + int(stat[12])) / _TICKS if stat else 0.0


def _machine() -> float:
    """All that was not idle; who was waiting for a disk was idle too."""
    spent = [int(ticks) for ticks in _read("/proc/stat").partition("\n")[0].split()[1:9]]
    return (sum(spent) - spent[3] - spent[4]) / _TICKS if spent else 0.0


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
