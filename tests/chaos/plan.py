"""Which fault comes when: each kind once, then at random; all of it by the seed. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from tests.chaos.faults import Fault

LONG_MINUTES: Final = 15
SHORT_HOLD: Final = 4.0
_KILLS_FOR_KILLS: Final = 9  # of ten faults, when it goes on until so many kills


class Wish(NamedTuple):
    """What kind of run is wanted: so many minutes, or until so many kills."""

    seed: int
    minutes: float
    kills: int | None = None

    def hold(self, fault: Fault) -> float:
        """How long a fault that lasts is to last."""
        return fault.hold if self.minutes >= LONG_MINUTES or self.kills else min(fault.hold, SHORT_HOLD)


def order(chosen: Mapping[str, Fault], wish: Wish) -> Iterator[Fault]:
    """Without end: one of every kind, shuffled; then any, mostly kills when it is kills that are counted."""
    dice = Random(wish.seed)
    faults = list(chosen.values())
    yield from _one_of_each_kind(faults, dice)
    kills = [fault for fault in faults if fault.kills]
    while True:
        only_kills = wish.kills is not None and kills and dice.randrange(10) < _KILLS_FOR_KILLS
        yield dice.choice(kills if only_kills else faults)


def _one_of_each_kind(faults: Sequence[Fault], dice: Random) -> list[Fault]:
    kinds: dict[str, list[Fault]] = {}
    for fault in faults:
        kinds.setdefault(fault.kind, []).append(fault)
    first = [dice.choice(kind) for kind in kinds.values()]
    dice.shuffle(first)
    return first
