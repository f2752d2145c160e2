"""A recorded show: JSON lines, one for what happened each, in their order. Reads and writes them, and refuses wrong
ones by row, field and reason. Knows no topic and no service.

`at` is seconds since the show started. `who` is a made-up name: the same buyer has the same one in one recording, and
no two recordings share any.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

_MOST_ROWS: Final = 2_000_000

At = Annotated[float, Meta(ge=0)]
Word = Annotated[str, Meta(min_length=1, max_length=128)]
Number = Annotated[int, Meta(ge=1)]


class BadRecording(ValueError):
    """A row is no row of a recording; the text says which, which field and why."""


class _Row(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", forbid_unknown_fields=True):
    at: At


class Started(_Row, frozen=True, kw_only=True, tag="stream.started"):
    """The show went live. The first row."""

    show: Word
    programme: Word


class Featured(_Row, frozen=True, kw_only=True, tag="item.featured"):
    """A slot's item is on screen, its price holds for `window_seconds`."""

    slot: Number
    county: Annotated[str, Meta(pattern="^[0-9]{6}$")]
    sku: Word
    channels: Annotated[tuple[Word, ...], Meta(min_length=1)]
    offered: Number
    limit: Number
    window_seconds: Annotated[float, Meta(gt=0)]


class Placed(_Row, frozen=True, kw_only=True, tag="order.placed"):
    """A buyer was sold something. `order` counts the orders of the recording."""

    order: Number
    who: Word
    slot: Number
    channel: Word
    quantity: Number


class Paid(_Row, frozen=True, kw_only=True, tag="order.paid"):
    """An order was paid."""

    order: Number


class Cancelled(_Row, frozen=True, kw_only=True, tag="order.cancelled"):
    """An order ended."""

    order: Number
    reason: Literal["buyer", "county", "expired", "payment_declined"]


class Sampled(_Row, frozen=True, kw_only=True, tag="audience.sampled"):
    """So many were watching on a channel."""

    channel: Word
    viewers: Annotated[int, Meta(ge=0)]


class Ended(_Row, frozen=True, kw_only=True, tag="stream.ended"):
    """The show went off air. The last row."""


Row = Started | Featured | Placed | Paid | Cancelled | Sampled | Ended
_DECODER: Final[msgspec.json.Decoder[Row]] = msgspec.json.Decoder(Row)


def written(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as lines."""
    for row in rows:
        yield msgspec.json.encode(row).decode() + "\n"


def read(lines: Iterable[str]) -> list[Row]:
    """The rows of a file. Raises `BadRecording` at the first that is wrong."""
    rows: list[Row] = []
    check = _Checks()
    for number, line in enumerate(lines, 1):
        if number > _MOST_ROWS:
            raise BadRecording(f"row {number}: a recording has at most {_MOST_ROWS} rows")
        try:
            row = _DECODER.decode(line)
            check.take(row)
        except msgspec.ValidationError as wrong:
            raise BadRecording(f"row {number}: {_field_first(str(wrong))}") from wrong
        except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
            raise BadRecording(f"row {number}: {wrong}") from wrong
        rows.append(row)
    if not rows or not isinstance(rows[-1], Ended):
        raise BadRecording(f"row {len(rows) + 1}: what: the last row is `stream.ended`, and it is not there")
    return rows


def read_file(path: Path) -> list[Row]:
    """The rows of the file at this path. Raises `BadRecording` with its name, or `OSError`."""
    try:
        with path.open(encoding="utf-8") as lines:
            return read(lines)
    except (BadRecording, UnicodeDecodeError) as bad:
        raise BadRecording(f"{path}: {bad}") from bad


class _Checks:
    """What a row must be besides right by itself: in its place."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._ended = False
        self._slots: dict[int, Featured] = {}
        self._orders: set[int] = set()

    def take(self, row: Row) -> None:
        if self._at is None and not isinstance(row, Started):
            raise ValueError("what: the first row is `stream.started`")
        if self._at is not None and isinstance(row, Started):
            raise ValueError("what: a show starts once, in the first row")
        if self._ended:
            raise ValueError("what: nothing follows `stream.ended`")
        if self._at is not None and row.at < self._at:
            raise ValueError(f"at: it is earlier than the row before ({self._at:g})")
        self._at, self._ended = row.at, isinstance(row, Ended)
        self._take_order(row)

    def _take_order(self, row: Row) -> None:
        if isinstance(row, Featured):
            self._slots.setdefault(row.slot, row)
        elif isinstance(row, Placed):
            if row.slot not in self._slots:
                raise ValueError(f"slot: {row.slot} was not on screen before")
            if row.channel not in self._slots[row.slot].channels:
                raise ValueError(f"channel: slot {row.slot} is sold on {', '.join(self._slots[row.slot].channels)}")
            if row.order in self._orders:
                raise ValueError(f"order: {row.order} was placed before")
            self._orders.add(row.order)
        elif isinstance(row, Paid | Cancelled) and row.order not in self._orders:
            raise ValueError(f"order: {row.order} was not placed before")


def _field_first(wrong: str) -> str:
    """`quantity: Expected …` of msgspec's `Expected … - at `$.quantity``."""
    reason, _, field = wrong.partition(" - at `$.")
    return f"{field.rstrip('`')}: {reason}" if field else reason
