"""Makes of a recorded show a plan that can be played again: faster, and before a larger crowd. Pure."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from evening.plan import Arrival, Ask, Behaviour, Plan, Sample, Slot
from load.recording import Cancelled, Featured, Paid, Placed, Row, Sampled, Started

_WINDOW_SHARE: Final = 0.8  # of a slot's time its window is open: `Plan.window`
_APART_SECONDS: Final = 1.0  # copies of a buyer do not tap in the same millisecond, but within this


class _Life(NamedTuple):
    """What became of an order: the types of the rows about it, and how long its buyer thought."""

    steps: tuple[str, ...]
    thinks: float


def plan(rows: list[Row], *, seed: int, speed: float, volume: int) -> Plan:
    """The show `speed` times as fast, with `volume` times as many buyers and as much stock.

    The first of each buyer's copies comes when the buyer came; the others within a second of the recording after.
    """
    dice = random.Random(seed)
    started = next(row for row in rows if isinstance(row, Started))
    featured: dict[int, Featured] = {}
    for row in rows:
        if isinstance(row, Featured):
            featured.setdefault(row.slot, row)
    arrivals = [
        _arrival(dice, started.show, placed, after / speed, life, speed, copy)
        for placed, after, life in _orders(rows, featured)
        for copy in range(volume)
    ]
    return Plan(
        seed=seed,
        speed=speed,
        slots=tuple(_slot(started, row, volume) for row in featured.values()),
        arrivals=tuple(sorted(arrivals, key=lambda arrival: (arrival.slot, arrival.after, arrival.buyer))),
        samples=tuple(
            Sample(at=row.at / speed, show=started.show, channel=row.channel, viewers=row.viewers * volume)
            for row in rows
            if isinstance(row, Sampled)
        ),
    )


def _orders(rows: list[Row], featured: Mapping[int, Featured]) -> Iterator[tuple[Placed, float, _Life]]:
    """Every order, how long after its slot's first being on screen it came, and what became of it."""
    about: dict[int, list[Paid | Cancelled]] = defaultdict(list)
    for row in rows:
        if isinstance(row, Paid | Cancelled):
            about[row.order].append(row)
    for row in rows:
        if isinstance(row, Placed):
            then = about[row.order]
            steps = tuple(one.reason if isinstance(one, Cancelled) else "paid" for one in then)
            thinks = then[0].at - row.at if then else 0.0
            yield row, row.at - featured[row.slot].at, _Life(steps, thinks)


def _arrival(
    dice: random.Random, show: str, placed: Placed, after: float, life: _Life, speed: float, copy: int
) -> Arrival:
    buyer = f"{placed.who}-{copy}"
    later = dice.uniform(0, _APART_SECONDS) / speed if copy else 0.0
    return Arrival(
        after=round(after + later, 3),
        buyer=buyer,
        show=show,
        slot=placed.slot,
        behaviour=_behaviour(life.steps),
        asks=(Ask(placed.channel, placed.quantity, f"{buyer}-{placed.order}"),),
        thinks=round(life.thinks / speed, 3),
    )


def _behaviour(steps: tuple[str, ...]) -> Behaviour:
    """What a buyer does to whose order this became. What a county cancelled was its buyer's own to keep."""
    match steps:
        case ("paid", "buyer", *_):
            return Behaviour.REPENTS
        case ("paid", *_) | ("county", *_):
            return Behaviour.PAYS
        case ("buyer", *_):
            return Behaviour.CANCELS
        case _:
            return Behaviour.LAPSES


def _slot(started: Started, row: Featured, volume: int) -> Slot:
    return Slot(
        show=started.show,
        programme=started.programme,
        number=row.slot,
        county=row.county,
        sku=row.sku,
        channels=row.channels,
        starts_min=(row.at - started.at) / 60,
        minutes=row.window_seconds / 60 / _WINDOW_SHARE,
        offered=row.offered * volume,
        limit=row.limit,
    )
