"""What the crowd is going to do, decided before the curtain rises: the same seed always gives the same crowd.

Pure: it reads no clock and sends nothing. Times are seconds from what a buyer reacts to (the item on screen, the window
closed), so the plan holds however long the hosts take.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

AUDIENCE: Final = 1_150_000
SAMPLES: Final = 12
_PEAK: Final = 8
REACTION: Final = 0.3
CHANNEL_SHARES: Final = {"taobao-live": 50, "hunan-tv": 30, "youku": 14, "web": 6}
_OTHER_SHARE: Final = 10


class Behaviour(StrEnum):
    """What a buyer does with what they want."""

    PAYS = "pays"
    LAPSES = "never pays"
    CANCELS = "cancels before paying"
    REPENTS = "cancels after paying"
    DECLINED = "is declined"
    TWICE = "taps twice"
    LATE = "too late"
    GREEDY = "too greedy"
    PIECEMEAL = "too greedy in pieces"


_WEIGHTS: Final = {
    Behaviour.PAYS: 70,
    Behaviour.LAPSES: 5,
    Behaviour.CANCELS: 3,
    Behaviour.REPENTS: 3,
    Behaviour.DECLINED: 3,
    Behaviour.TWICE: 6,
    Behaviour.LATE: 4,
    Behaviour.GREEDY: 3,
    Behaviour.PIECEMEAL: 3,
}


class Slot(NamedTuple):
    """A row of the line-up."""

    show: str
    programme: str
    number: int
    county: str
    sku: str
    channels: tuple[str, ...]
    starts_min: float
    minutes: float
    offered: int
    limit: int


class Ask(NamedTuple):
    """One request of a buyer's."""

    channel: str
    quantity: int
    key: str


class Arrival(NamedTuple):
    """A buyer who comes for a slot `after` seconds from its being featured; the late ones, from its window's close."""

    after: float
    buyer: str
    show: str
    slot: int
    behaviour: Behaviour
    asks: tuple[Ask, ...]
    thinks: float


class Sample(NamedTuple):
    """How many watch a show on a channel, `at` seconds into it."""

    at: float
    show: str
    channel: str
    viewers: int


class Plan(NamedTuple):
    """The whole evening's crowd. `speed` is how many seconds of the evening pass in one of ours."""

    seed: int
    speed: float
    slots: tuple[Slot, ...]
    arrivals: tuple[Arrival, ...]
    samples: tuple[Sample, ...]

    def shows(self) -> list[str]:
        """The shows' keys, in the line-up's order."""
        return list(dict.fromkeys(slot.show for slot in self.slots))

    def of(self, show: str) -> list[Slot]:
        """A show's slots in their order."""
        return sorted((slot for slot in self.slots if slot.show == show), key=lambda slot: slot.number)

    def seconds(self, minutes: float) -> float:
        """Minutes of the evening in seconds of ours."""
        return minutes * 60 / self.speed

    def window(self, slot: Slot) -> int:
        """Whole seconds for which a slot's live price holds: four fifths of its time, so that some come too late."""
        return max(1, int(self.seconds(slot.minutes) * 0.8))


def lineup(text: str) -> tuple[Slot, ...]:
    """The slots of a line-up CSV."""
    return tuple(
        Slot(
            show=row["show"],
            programme=row["programme"],
            number=int(row["slot"]),
            county=row["county"],
            sku=row["sku"],
            channels=tuple(row["channels"].split("|")),
            starts_min=int(row["starts_min"]),
            minutes=int(row["minutes"]),
            offered=int(row["allotted"]),
            limit=int(row["per_buyer_limit"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def plan(slots: tuple[Slot, ...], *, seed: int, viewers: int, speed: float, who: str = "buyer") -> Plan:
    """The evening of `viewers` buyers, named after `who`: who comes when, for what, and how they behave."""
    dice = random.Random(seed)
    empty = Plan(seed=seed, speed=speed, slots=slots, arrivals=(), samples=())
    arrivals = [arrival for number in range(viewers) for arrival in _viewer(dice, empty, f"{who}-{number:06d}")]
    samples = tuple(_audience(dice, empty))
    arrivals.sort(key=lambda arrival: (arrival.show, arrival.slot, arrival.after, arrival.buyer))
    return empty._replace(arrivals=tuple(arrivals), samples=samples)


def share(channel: str) -> int:
    """The part of the audience that a channel has, to be set against the others' parts."""
    return CHANNEL_SHARES.get(channel, _OTHER_SHARE)


def _viewer(dice: random.Random, stage: Plan, buyer: str) -> Iterator[Arrival]:
    """One viewer stays with one show and wants one thing or a few; the scarcer a thing, the more it is wanted."""
    shows = [stage.of(show) for show in stage.shows()]
    slots = dice.choices(shows, [sum(1 / slot.offered for slot in show) ** 0.5 for show in shows])[0]
    wanted: dict[int, Slot] = {}
    for _ in range(dice.choices((1, 2, 3), (75, 20, 5))[0]):
        slot = dice.choices(slots, [1 / slot.offered**2 for slot in slots])[0]
        wanted[slot.number] = slot
    for slot in wanted.values():
        yield _arrival(dice, stage.window(slot), slot, buyer)


def _arrival(dice: random.Random, window: float, slot: Slot, buyer: str) -> Arrival:
    behaviour = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    return Arrival(
        after=round(dice.uniform(0.1, window / 5) if behaviour is Behaviour.LATE else _burst(dice, window), 3),
        buyer=buyer,
        show=slot.show,
        slot=slot.number,
        behaviour=behaviour,
        asks=_asks(dice, slot, buyer, behaviour),
        thinks=round(dice.uniform(0.1, 0.8), 3),
    )


def _burst(dice: random.Random, window: float) -> float:
    """Most come at once, ever fewer later, all before the window's last tenth."""
    reaction = min(REACTION, window / 4)
    while (after := reaction + dice.expovariate(3 / window)) > window * 0.9:
        pass
    return after


def _asks(dice: random.Random, slot: Slot, buyer: str, behaviour: Behaviour) -> tuple[Ask, ...]:
    channel = dice.choices(slot.channels, [share(name) for name in slot.channels])[0]
    quantity = min(slot.limit, dice.choices((1, 2, 3, 4, 5), (30, 45, 12, 7, 6))[0])
    key = f"{buyer}-{slot.show}-{slot.number}"
    if behaviour is Behaviour.GREEDY:
        return (Ask(channel, slot.limit + dice.randint(1, 3), key),)
    if behaviour is Behaviour.TWICE:
        return (Ask(channel, quantity, key), Ask(channel, quantity, key))
    if behaviour is Behaviour.PIECEMEAL:
        return _pieces(slot, channel, key)
    return (Ask(channel, quantity, key),)


def _pieces(slot: Slot, channel: str, key: str) -> tuple[Ask, ...]:
    """The whole limit on one channel and one more unit on another, at the same moment."""
    other = slot.channels[(slot.channels.index(channel) + 1) % len(slot.channels)]
    return Ask(channel, slot.limit, f"{key}-a"), Ask(other, 1, f"{key}-b")


def _audience(dice: random.Random, stage: Plan) -> Iterator[Sample]:
    """Concurrent viewers of every show and channel along the evening; their peaks add up to the evening's audience."""
    rooms = [(show, channel) for show in stage.shows() for channel in stage.of(show)[0].channels]
    for (show, channel), peak in zip(rooms, _shares([share(channel) for _, channel in rooms]), strict=True):
        last = stage.of(show)[-1]
        length = stage.seconds(last.starts_min + last.minutes)
        for number in range(1, SAMPLES + 1):
            at = number / (SAMPLES + 1)
            crowd = _curve(number) if number == _PEAK else _curve(number) * dice.uniform(0.93, 1.0)
            yield Sample(at=round(at * length, 3), show=show, channel=channel, viewers=int(peak * crowd))


def _curve(number: int) -> float:
    """People drift in until the second half, are all there at sample `_PEAK`, and some leave before the end."""
    return (
        float((number / _PEAK) ** 0.6)
        if number <= _PEAK
        else 1 - 0.5 * ((number - _PEAK) / (SAMPLES + 1 - _PEAK)) ** 1.5
    )


def _shares(parts: Sequence[int]) -> list[int]:
    """The audience cut into `parts`, rounding going to the first."""
    cut = [AUDIENCE * part // sum(parts) for part in parts]
    cut[0] += AUDIENCE - sum(cut)
    return cut
