"""The runs: so many buyers on so many items and replicas, and what they got."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bench import crowd
from bench.plan import Answer, Plan
from bench.shop import Shop

WARM: Final = 0.3  # of the measured seconds; the first requests of a buyer cost more, tokens being checked


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one run came to. `cpu` are the seconds that each kind of process used while it was measured.

    `audit` names the checks that failed.
    """

    buyers: int
    items: int
    replicas: int
    orders_per_second: float
    p50_seconds: float
    p95_seconds: float
    p99_seconds: float
    placed: int
    refused: int
    failed: int
    seconds: float
    cpu: dict[str, float]
    audit: list[str] = []


def sell(
    shop: Shop, allotments: Sequence[str], buyers: int, seconds: float, tick: Callable[[], object]
) -> tuple[Run, list[Answer]]:
    """So many buyers buy without a pause, one unit at a time, for so many seconds after a while of warming up."""
    plan = Plan(
        ports=shop.ports,
        tokens=shop.tokens(buyers),
        allotments=list(allotments),
        run=f"{shop.database.name}-{len(allotments)}-{buyers}",
        warm_seconds=min(2.0, max(0.3, WARM * seconds)),
        seconds=seconds,
        watch=shop.watch(),
    )
    result = crowd.send(plan, shop.run_dir, tick)
    shop.check()
    got = crowd.figures(result)
    run = Run(
        buyers=buyers,
        items=len(allotments),
        replicas=len(shop.replicas),
        orders_per_second=got.per_second,
        p50_seconds=got.p50_seconds,
        p95_seconds=got.p95_seconds,
        p99_seconds=got.p99_seconds,
        placed=got.taken,
        refused=got.refused,
        failed=got.failed,
        seconds=round(result.ended - result.began, 3),
        cpu=result.cpu,
    )
    return run, result.answers
