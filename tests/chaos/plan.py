"""Which fault comes when: each kind once, what matters most first; then at random. All of it by the seed. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from tests.chaos.faults import Fault

LONG_MINUTES: Final = 15
SHORT_HOLD: Final = 4.0
# What the house promises to outlive before all else; three minutes are enough for these, and not for every kind.
_FIRST: Final = frozenset({"kill-orders", "kill-kafka", "kill-mongodb", "restart", "full-disk"})
_KILLS_FOR_KILLS: Final = 9  # of ten faults, when it goes on until so many kills


class Wish(NamedTuple):
    """What kind of run is wanted: so many minutes, so many kills, or whichever comes first. None: that is no end."""

    seed: int
    minutes: float | None
    kills: int | None = None

    def hold(self, fault: Fault) -> float:
        """How long a fault that lasts is to last."""
        long = self.minutes is None or self.minutes >= LONG_MINUTES
        return fault.hold if long else min(fault.hold, SHORT_HOLD)

    def over(self, seconds: float, kills: int) -> bool:
        """Whether that was enough."""
        killed = self.kills is not None and kills >= self.kills
        return killed or (self.minutes is not None and seconds >= self.minutes * 60)


def order(chosen: Mapping[str, Fault], wish: Wish) -> Iterator[Fault]:
    """Without end: one of every kind, by rank; then any, mostly kills when it is kills that are counted."""
    dice = Random(wish.seed)
    faults = list(chosen.values())
    yield from _one_of_each_kind(faults, dice)
    kills = [fault for fault in faults if fault.kills]
    while True:
        only_kills = wish.kills is not None and kills and dice.randrange(10) < _KILLS_FOR_KILLS
        yield dice.choice(kills if only_kills else faults)


def without_turn(chosen: Mapping[str, Fault], played: Collection[str]) -> list[str]:
    """The kinds of which no fault was played: a run that was too short for them has shown nothing of them."""
    had = {chosen[name].kind for name in played if name in chosen}
    return list(dict.fromkeys(fault.kind for fault in chosen.values() if fault.kind not in had))


def _one_of_each_kind(faults: Sequence[Fault], dice: Random) -> list[Fault]:
    """The dice decide who stands for a kind, and the order inside a rank."""
    kinds: dict[str, list[Fault]] = {}
    for fault in faults:
        kinds.setdefault(fault.kind, []).append(fault)
    first = [dice.choice(kind) for kind in kinds.values()]
    dice.shuffle(first)
    return sorted(first, key=_rank)


def _rank(fault: Fault) -> int:
    if fault.kind in _FIRST:
        return 0
    return 1 if fault.kills else 2
