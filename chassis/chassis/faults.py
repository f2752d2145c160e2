"""Which faults there are to be had on purpose, and what a file of flags says of them. Reads; lets nothing happen.

| fault | what happens | said about a chance, for targeting |
| --- | --- | --- |
| `slow-payment` | charges take `seconds` longer | `provider` |
| `lost-webhook` | that an order was paid is dropped, as if never sent; it is asked for later | `provider` |
| `poison-event` | an event cannot be decoded and goes to the dead letters, whole | `topic` |
| `consumer-stall` | the service reads nothing of a topic, and stays in its group | `topic` |

`share` of 0 to 1 of the chances meet it (a stall has no chances: any share above 0 is a stall). `service` may be
targeted always.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from chassis import flags

Name = Literal["slow-payment", "lost-webhook", "poison-event", "consumer-stall"]
NAMES: Final[tuple[Name, ...]] = ("slow-payment", "lost-webhook", "poison-event", "consumer-stall")
_LONGEST_SECONDS: Final = 60.0


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A variant of a flag: which share of the chances it strikes at, and for how long where that is asked."""

    share: Annotated[float, Meta(ge=0, le=1)]
    seconds: Annotated[float, Meta(ge=0, le=_LONGEST_SECONDS)] = 0.0


class Live(NamedTuple):
    """A flag that may strike: its rule, and what its variants are."""

    flag: flags.Flag
    rule: flags.Rule
    variants: Mapping[str, Fault]


class Said(NamedTuple):
    """A file's faults that somebody may meet, and the names in it that are none of ours."""

    live: dict[str, Live]
    unknown: list[str]


def text(path: str) -> bytes:
    """The file as it is now. Raises `flags.BadFlags`."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise flags.BadFlags(f"it cannot be read ({error.strerror})") from error


def read(said: bytes) -> Said:
    """What it says. Raises `flags.BadFlags`."""
    found = flags.read(said)
    faults = [(name, _live(name, found[name])) for name in NAMES if name in found]
    live: dict[str, Live] = {
        name: one for name, one in faults if any(one.variants[way].share for way in one.flag.within_reach())
    }
    return Said(live, sorted(found.keys() - set(NAMES)))


def complaints(path: str) -> Iterator[str]:
    """What is wrong with the file that a setting names, if it names one."""
    try:
        if path:
            read(text(path))
    except flags.BadFlags as bad:
        yield f"FAULT_FLAGS_PATH is no file of flags: {bad}"


def _live(name: str, flag: flags.Flag) -> Live:
    try:
        variants = {way: msgspec.convert(value, Fault) for way, value in flag.variants.items()}
    except msgspec.ValidationError as wrong:
        raise flags.BadFlags(f"{name}: {wrong}") from wrong
    return Live(flag, flags.compiled(flag.targeting), variants)
