"""The figures as tables for people."""

from collections.abc import Sequence
from typing import Any

from rich.table import Column, Table

from bench.exact import ATTEMPTS, BUYERS, STOCK
from bench.programme import BESIDE, Programme

PROCESSES = ("service", "database", "broker", "generator", "others")
_CPU = "CPU in cores (and in ms an order)"


def of(programme: Programme) -> list[Table]:
    """The tables of what was measured."""
    every = {
        runs: programme.runs,
        ceilings: programme.ceilings,
        bulk: programme.bulk,
        exact: programme.rounds,
    }
    return [table(programme) for table, measured in every.items() if measured]


def runs(programme: Programme) -> Table:
    """A row for each run. CPU is in cores: 1.00 is one core all the time, and what is busiest holds it back."""
    names = ("buyers", "items", "replicas", "orders/s", "of bare", "p50", "p95", "p99", *PROCESSES)
    table = Table(*_right(names), "audit", title=f"Placed orders a second; latencies in ms; {_CPU}")
    for run in programme.runs:
        share = f"{run.orders_per_second / programme.ceilings['bare_post_per_second']:.0%}"
        waits = (f"{wait * 1000:,.1f}" for wait in (run.p50_seconds, run.p95_seconds, run.p99_seconds))
        what = (str(number) for number in (run.buyers, run.items, run.replicas))
        held = ", ".join(run.audit) or "holds"
        table.add_row(
            *what, f"{run.orders_per_second:,.0f}", share, *waits, *_cores(run.cpu, run.seconds, run.placed), held
        )
    return table


def ceilings(programme: Programme) -> Table:
    """What each engine and library allows alone."""
    found = programme.ceilings
    table = Table("Ceiling", *_right(["a second"]), title="In the same run")
    rows = {
        f"bare nameko POST, {BESIDE} buyers": "bare_post_per_second",
        "raw insert_many, with the indexes": "bulk_insert_per_second",
        "raw insert_many, without": "without_indexes_per_second",
        "plain kafka-python consumer": "consume_per_second",
    }
    for what, name in rows.items():
        if name in found:
            table.add_row(what, f"{found[name]:,.0f}")
    return table


def bulk(programme: Programme) -> Table:
    """Orders of a channel, beside the lower of the two ceilings that they run into."""
    names = ("orders", "items", "placed", "orders/s", "of ceiling", "answered/s", *PROCESSES)
    table = Table(*_right(names), title=f"Orders of a channel in bulk; {_CPU}")
    for one in programme.bulk:
        rates = (f"{one.orders_per_second:,.0f}", f"{programme.share(one):.0%}", f"{one.answered_per_second:,.0f}")
        what = (f"{number:,}" for number in (one.orders, one.items, one.placed))
        table.add_row(*what, *rates, *_cores(one.cpu, one.seconds, one.placed))
    return table


def exact(programme: Programme) -> Table:
    """How many rounds ended exactly."""
    names = ("replicas", "rounds", "exact", "placed", "refused", "asked again", "seconds")
    table = Table(*_right(names), "killed", title=f"{STOCK} units, {BUYERS} buyers, {ATTEMPTS} attempts a round")
    for one in programme.rounds:
        numbers = (one.replicas, one.rounds, one.exact, one.placed, one.refused, one.replayed, one.seconds)
        table.add_row(*(f"{number:,}" for number in numbers), "one in each round" if one.killed else "none")
    return table


def _cores(cpu: dict[str, float], seconds: float, orders: int) -> list[str]:
    return [_core(cpu[name], seconds, orders) if name in cpu else "not ours" for name in PROCESSES]


def _core(spent: float, seconds: float, orders: int) -> str:
    each = f" ({spent * 1000 / orders:.2f})" if orders else ""
    return f"{spent / seconds:.2f}{each}"


def _right(names: Sequence[str]) -> list[Any]:
    return [Column(name, justify="right") for name in names]
