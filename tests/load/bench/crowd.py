"""Sends a crowd and says what came of it: the generator's other side. Knows no service, only ports."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.plan import DECODE_RESULT, ENCODE, Plan, Result
from stack.processes import Child, ProcessError

ROOM: Final = Path(__file__).parents[1]
_SLACK: Final = 60.0  # seconds beyond its plan after which a generator is ended
_TICK: Final = 0.1


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a crowd got: the taken a second, and how long the taken waited."""

    per_second: float
    p50_seconds: float
    p95_seconds: float
    p99_seconds: float
    taken: int
    refused: int
    failed: int


def send(plan: Plan, run_dir: Path, tick: Callable[[], object] = lambda: None) -> Result:
    """Let a generator carry out the plan; its result. `tick` is called about ten times a second meanwhile."""
    told, heard = run_dir / f"{plan.run}.plan", run_dir / f"{plan.run}.result"
    told.write_bytes(ENCODE(plan))
    child = Child(
        "generator",
        [sys.executable, "-m", "bench.generator", str(told), str(heard)],
        log=run_dir / "generator.log",
        env={**os.environ, "PYTHONPATH": str(ROOM)},
        cwd=run_dir,
    )
    try:
        _wait(child, plan.warm_seconds + plan.seconds + _SLACK, tick)
        return DECODE_RESULT(heard.read_bytes())
    finally:
        child.kill()
        told.unlink()
        heard.unlink(missing_ok=True)


def figures(result: Result) -> Figures:
    """Of the measured time: what was answered then, whenever it was asked."""
    span = result.ended - result.began
    then = [one for one in result.answers if result.began <= one.ended <= result.ended]
    taken = sorted(one.ended - one.began for one in then if one.status in {200, 201})
    refused = sum(one.status == 409 for one in then)
    return Figures(
        per_second=round(len(taken) / span, 1),
        p50_seconds=_quantile(taken, 50),
        p95_seconds=_quantile(taken, 95),
        p99_seconds=_quantile(taken, 99),
        taken=len(taken),
        refused=refused,
        failed=len(then) - len(taken) - refused,
    )


def _quantile(sorted_seconds: Sequence[float], percent: int) -> float:
    if len(sorted_seconds) < 2:
        return round(sum(sorted_seconds), 5)
    return round(statistics.quantiles(sorted_seconds, n=100, method="inclusive")[percent - 1], 5)


def _wait(child: Child, within: float, tick: Callable[[], object]) -> None:
    for _ in range(round(within / _TICK)):
        try:
            if child.process.wait(_TICK) == 0:
                return
            child.check()
        except subprocess.TimeoutExpired:
            tick()
    raise ProcessError(f"the generator did not end within {within:.0f} s")
