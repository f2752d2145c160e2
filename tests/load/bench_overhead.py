"""What metrics and tracing cost an order, in per cent: the service with them and without, in turns, in one run.

    python tests/load/bench_overhead.py [--of metrics tracing] [--rounds 10] [--seconds 4] [--buyers 64]
        [--before CHECKOUT] [--json FILE]

All variants run at once, each on a database of its own of the same engines, and take turns; two are compared within a
round only, so that what else the machine does meanwhile falls on both. `--before`: a checkout of an earlier commit, for
instance `git worktree add /tmp/before COMMIT`. See docs/benchmarks.md.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import calls
from bench.crowd import ROOM
from bench.selling import Run, sell
from bench.shop import Shop, open_shop
from stack.engines import start_engines
from stack.issuer import Issuer
from stack.processes import LOCAL, Child, free_port
from stack.services import Service

AS_IT_IS: Final = "as it is"
UNMEASURED: Final = "without metrics"
ONE_IN_TEN: Final = "traced, 1 in 10"
TRACED: Final = "traced, all"
BEFORE: Final = "before"


class Unmeasured(Service):
    """Orders without metrics."""

    @property
    def command(self) -> list[str]:
        """Of the bench."""
        return [sys.executable, "-m", "bench.unmeasured"]


class Cost(NamedTuple):
    """A name, the variant that has it, and the one without."""

    name: str
    using: str
    without: str


COSTS: Final = {
    "metrics": [Cost("metrics", AS_IT_IS, UNMEASURED)],
    "tracing": [Cost("tracing, 1 in 10", ONE_IN_TEN, AS_IT_IS), Cost("tracing, all", TRACED, AS_IT_IS)],
}
SINCE: Final = Cost("what changed since", AS_IT_IS, BEFORE)


class Turn(msgspec.Struct, frozen=True):
    """One turn of one variant."""

    variant: str
    round: int
    run: Run

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of the service's processor for an order."""
        return 1000 * self.run.cpu["service"] / self.run.placed


def main() -> None:
    """Measure, show, write."""
    wanted = _wanted()
    costs = [cost for of in wanted.of for cost in COSTS[of]] + ([SINCE] if wanted.before else [])
    names = dict.fromkeys([AS_IT_IS, *(name for cost in costs for name in (cost.using, cost.without))])
    with (
        tempfile.TemporaryDirectory(prefix="shanhuo-bench-") as kept,
        _world(Path(kept), names, wanted.before) as shops,
    ):
        turns = _turns(shops, wanted)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    console.print(_variants_table(turns), _costs_table(costs, turns), sep="\n")
    if "metrics" in wanted.of:
        console.print(f"The calls that metrics are, alone: {calls.microseconds():.1f} µs an order.")
    if wanted.json:
        wanted.json.write_bytes(msgspec.json.format(msgspec.json.encode(turns), indent=2) + b"\n")


@contextmanager
def _world(run_dir: Path, names: Mapping[str, None], before: Path | None) -> Iterator[dict[str, Shop]]:
    """Engines, a collector, and a replica of orders for each variant. Everything ends with it."""
    with ExitStack() as open_things:
        engines = start_engines(run_dir, env={})
        open_things.callback(engines.stop)
        issuer = Issuer().start()
        open_things.callback(issuer.stop)
        port = free_port()
        sink = Child(
            "sink", [sys.executable, "-m", "bench.sink", str(port)], log=run_dir / "sink.log", env=_path(), cwd=run_dir
        )
        open_things.callback(sink.kill)
        settings = _settings(f"http://{LOCAL}:{port}", before)
        yield {
            name: open_things.enter_context(
                open_shop(engines, issuer, run_dir, 1, settings[name], Unmeasured if name == UNMEASURED else Service)
            )
            for name in names
        }


def _settings(collector: str, before: Path | None) -> dict[str, dict[str, str]]:
    on = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}
    found: dict[str, dict[str, str]] = {
        AS_IT_IS: {},
        UNMEASURED: {"PYTHONPATH": _path()["PYTHONPATH"]},
        ONE_IN_TEN: on | {"OTEL_TRACES_SAMPLER_ARG": "0.1"},
        TRACED: on | {"OTEL_TRACES_SAMPLER_ARG": "1.0"},
    }
    if before:
        rooms = [str(before.absolute() / room) for room in ("contracts", "chassis", "services/orders")]
        found[BEFORE] = {"PYTHONPATH": os.pathsep.join(rooms)}
    return found


def _path() -> dict[str, str]:
    """The environment in which `bench` can be imported."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOM), *filter(None, [os.environ.get("PYTHONPATH")])])}


def _turns(shops: Mapping[str, Shop], wanted: argparse.Namespace) -> list[Turn]:
    """In each round everybody once; nobody is always the first, and the first round only warms up."""
    goods = {name: list(shop.stock(1)) for name, shop in shops.items()}
    order, found = list(shops), []
    with Progress(console=Console(stderr=True)) as progress:
        for number in progress.track(range(wanted.rounds + 1), description="rounds"):
            order = [*order[1:], order[0]]
            runs = {name: _run(name, shops[name], goods[name], wanted) for name in order}
            found += [Turn(name, number, run) for name, run in runs.items() if number]
    return found


def _run(name: str, shop: Shop, goods: Sequence[str], wanted: argparse.Namespace) -> Run:
    """With one scrape in its middle, which is part of what metrics cost: Prometheus asks every 5 s."""
    due = [time.monotonic() + wanted.seconds / 2]

    def tick() -> None:
        if due and time.monotonic() > due[0]:
            due.pop()
            httpx.get(f"{shop.replicas[0].url}/metrics", timeout=10)

    run = sell(shop, goods, wanted.buyers, wanted.seconds, tick)[0]
    if run.failed or run.refused or not run.placed:
        sys.exit(f"bench: {name}: {run}")
    return run


def _variants_table(turns: Sequence[Turn]) -> Table:
    table = Table("variant", "orders/s", "p50 ms", "service CPU ms an order", title="Medians")
    for name in dict.fromkeys(turn.variant for turn in turns):
        theirs = [turn for turn in turns if turn.variant == name]
        rate = statistics.median(turn.run.orders_per_second for turn in theirs)
        p50 = statistics.median(turn.run.p50_seconds for turn in theirs)
        cpu = statistics.median(turn.cpu_ms for turn in theirs)
        table.add_row(name, f"{rate:,.0f}", f"{1000 * p50:.1f}", f"{cpu:.3f}")
    return table


def _costs_table(costs: Sequence[Cost], turns: Sequence[Turn]) -> Table:
    of = {(turn.variant, turn.round): turn for turn in turns}
    rounds = sorted({turn.round for turn in turns})
    table = Table("what", "service CPU an order", "orders a second", title="What it costs")
    for cost in costs:
        pairs = [(of[cost.using, number], of[cost.without, number]) for number in rounds]
        cpu = [100 * (using.cpu_ms / without.cpu_ms - 1) for using, without in pairs]
        rate = [100 * (using.run.orders_per_second / without.run.orders_per_second - 1) for using, without in pairs]
        table.add_row(cost.name, _spread(cpu), _spread(rate))
    table.caption = f"Median of {len(rounds)} rounds; in brackets the middle half of them."
    return table


def _spread(percents: Sequence[float]) -> str:
    low, middle, high = statistics.quantiles(percents, n=4, method="inclusive")
    return f"{middle:+.1f} % ({low:+.1f} to {high:+.1f})"


def _wanted() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="bench_overhead", description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--of", choices=sorted(COSTS), nargs="+", default=sorted(COSTS), help="(default: both)")
    arguments.add_argument("--rounds", type=int, default=10, help="turns of each variant (default 10, at least 2)")
    arguments.add_argument("--seconds", type=float, default=4.0, help="measured time of a turn (default 4)")
    arguments.add_argument("--buyers", type=int, default=64, help="(default 64)")
    arguments.add_argument("--before", type=Path, metavar="CHECKOUT", help="another commit, to be measured beside")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write every turn there")
    wanted = arguments.parse_args()
    if wanted.rounds < 2:
        arguments.error("at least 2 rounds")
    return wanted


if __name__ == "__main__":
    main()
