"""Which letters are meant: by topic, group, reason, time and name. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from chassis.deadletters.letters import Letter
from contracts.events import EVENTS
from contracts.topics import DEAD_SUFFIX

_AGO: Final = re.compile(r"(\d{1,5})\s*([smhd])(\s+ago)?")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The letters asked for. Several of one thing mean any of them; what is empty asks for nothing."""

    topics: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing was asked for in particular."""
        return self == Choice()

    def fits(self, letter: Letter) -> bool:
        """Whether the letter is meant."""
        return (
            (not self.topics or letter.topic in self.topics)
            and (not self.groups or letter.group in self.groups)
            and (not self.reasons or any(_about(letter, reason) for reason in self.reasons))
            and (not self.names or letter.name in self.names or letter.id in self.names)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at <= self.until)
        )


def _about(letter: Letter, reason: str) -> bool:
    return letter.kind == reason or reason.casefold() in letter.reason.casefold()


def moment(text: str, now: datetime) -> datetime:
    """`2h` ago, or an ISO time, in UTC when it names no zone. Raises ValueError for anything else."""
    if ago := _AGO.fullmatch(text.strip()):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither an ISO time nor a while ago such as 2h, 30m or 7d") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def topic(text: str) -> str:
    """A topic of ours, or its dead letters'. Raises ValueError for anything else."""
    name = text.removesuffix(DEAD_SUFFIX)
    if name not in EVENTS:
        raise ValueError(f"{text!r} is no topic of ours: they are {', '.join(sorted(EVENTS))}")
    return name


def some(text: str) -> str:
    """Any text but none: an empty one, of a variable that was never set, would mean every letter. Raises ValueError."""
    if not text.strip():
        raise ValueError("it is empty: leave the option out, or say which")
    return text


def bind(text: str) -> tuple[str, int]:
    """`9464` on every address, or `127.0.0.1:9464`. Raises ValueError for anything else."""
    address, _, port = text.rpartition(":")
    if not (port.isdecimal() and 0 < int(port) < 65_536):
        raise ValueError(f"{text!r} is no [address:]port")
    return address or "0.0.0.0", int(port)  # noqa: S104  what is asked for
