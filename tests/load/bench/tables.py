"""The figures as tables for people."""

from collections.abc import Sequence

from rich.table import Column, Table

from bench.selling import Run

PROCESSES = ("service", "database", "broker", "generator")


def runs(runs: Sequence[Run]) -> Table:
    """A row for each run. CPU is in cores: 1.00 is one core all the time, and what is busiest holds it back."""
    right = [Column(name, justify="right") for name in ("buyers", "items", "replicas", "orders/s", "p50", "p95", "p99")]
    cores = [Column(name, justify="right") for name in PROCESSES]
    table = Table(*right, *cores, title="Placed orders a second; latencies in ms; CPU in cores")
    for run in runs:
        table.add_row(*map(str, (run.buyers, run.items, run.replicas)), *_measured(run), *_cores(run))
    return table


def _measured(run: Run) -> list[str]:
    waits = (run.p50_seconds, run.p95_seconds, run.p99_seconds)
    return [f"{run.orders_per_second:,.0f}", *(f"{seconds * 1000:,.1f}" for seconds in waits)]


def _cores(run: Run) -> list[str]:
    return [f"{run.cpu[name] / run.seconds:.2f}" if name in run.cpu else "not ours" for name in PROCESSES]
