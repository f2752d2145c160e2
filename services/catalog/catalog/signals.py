"""Demand that was seen and not served, added up per item, ISO week and reason, so that a county knows what to plant.

Pure, like `domain.py`: it adds up what it is told and keeps nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from contracts.events import DemandMissed

# China has one zone and no summer time: a fixed offset needs no time-zone database in the image.
CHINA: Final = timezone(timedelta(hours=8))
Runs = tuple[tuple[int, int], ...]
# A telling may come late, replayed from the dead letters, so gaps are remembered; not without end.
_GAPS: Final = 64


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an item asked for and not served in an ISO week.

    `seen` has the numbers heard from each teller, as runs from the first to the last of each.
    """

    id: str
    item_id: str
    county: str
    sku: str
    week: str
    reason: str
    quantity: int = 0
    seen: dict[str, Runs] = {}
    stamp: str = ""


class Telling(NamedTuple):
    """Missed demand as it was told: by whom, as number which of theirs."""

    teller: str
    sequence: int
    missed: DemandMissed


def iso_week(moment: datetime) -> str:
    """The ISO week in which the moment falls in China, such as 2018-W49."""
    year, week, _ = moment.astimezone(CHINA).isocalendar()
    return f"{year}-W{week:02}"


def signal_of(missed: DemandMissed) -> Signal:
    """The signal, still empty, that this demand counts towards."""
    week = iso_week(missed.missed_at)
    return Signal(
        id=f"{missed.item_id}:{week}:{missed.reason}",
        item_id=missed.item_id,
        county=missed.county,
        sku=missed.sku,
        week=week,
        reason=missed.reason,
    )


def hear(signal: Signal, tellings: Iterable[Telling]) -> Signal:
    """The signal after these tellings, in whatever order; what was heard before changes nothing."""
    for teller, number, missed in tellings:
        runs = signal.seen.get(teller, ())
        if number > 0 and not any(first <= number <= last for first, last in runs):
            seen = {**signal.seen, teller: _with(runs, number)}
            signal = replace(signal, quantity=signal.quantity + missed.quantity, seen=seen)
    return signal


def _with(runs: Runs, number: int) -> Runs:
    """The runs with one number more. Beyond so many gaps the first is closed: what was in it counts as heard."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted((*runs, (number, number))):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    if len(merged) > _GAPS + 1:
        merged[:2] = [(merged[0][0], merged[1][1])]
    return tuple(merged)
