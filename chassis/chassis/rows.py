"""CSV files row by row: typed, and every bad row reported with its line, field, reason and value.

Decides nothing about good rows.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from chassis.refusals import Invalid, Malformed

R = TypeVar("R", bound=msgspec.Struct)

_SHOWN: Final = 80
_PATH: Final = re.compile(r" - at `\$\.?(.*?)`$")
_EXPECTED: Final = re.compile(r"^Expected `(\w+)[^`]*`(?:, got `.*`)?")
_WORDS: Final = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}
_MISSING: Final = re.compile(r"Object missing required field `(.*?)`")


class Good(msgspec.Struct, Generic[R], frozen=True):
    """A row that fits. `number` is its line in the file as an editor counts (the header is line 1)."""

    number: int
    row: R


class Refused(msgspec.Struct, frozen=True):
    """A row that was not taken: its line, the column, why, and the value that was found there (shortened)."""

    number: int = msgspec.field(name="row")
    field: str | None
    reason: str
    value: str | None = None


class RowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file: rows read, taken, taken before and so left unchanged, and every refused row."""

    rows: int
    accepted: int
    unchanged: int = 0
    refused: list[Refused]


def read(text: str, row_type: type[R], *, required_header: Sequence[str] | None = None) -> Iterator[Good[R] | Refused]:
    """The rows of a CSV file with a header. An empty cell is an absent field; columns `row_type` lacks are ignored.

    Raises `Invalid` at once when the file is empty or the header lacks a column of `required_header` (by default: every
    field of `row_type` that has no default).
    """
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(lines)]
    except StopIteration:
        raise Invalid("empty-file", "The file is empty.", field="$", valid=_required(row_type)) from None
    except csv.Error as broken:
        raise Malformed("malformed-csv", f"The header cannot be read: {broken}.") from broken
    _check_header(header, row_type, required_header)
    return _rows(lines, header, row_type)


def decode(data: bytes) -> str:
    """The text of an uploaded file: UTF-8, with or without a byte order mark. Raises `Malformed` where it is not."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = data.count(b"\n", 0, wrong.start) + 1
        raise Malformed(
            "not-utf-8", f"The file is not UTF-8: byte {wrong.start}, line {line}.", position=wrong.start, line=line
        ) from wrong


def _required(row_type: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(row_type) if field.required]


def _check_header(header: list[str], row_type: type[msgspec.Struct], required: Sequence[str] | None) -> None:
    wanted = list(required) if required is not None else _required(row_type)
    if missing := [name for name in wanted if name not in header]:
        raise Invalid(
            "missing-columns", f"The header lacks: {', '.join(missing)}.", field="$", valid=wanted, missing=missing
        )
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise Invalid("repeated-columns", f"The header repeats: {', '.join(twice)}.", field="$", valid=wanted)


def _rows(lines: Any, header: list[str], row_type: type[R]) -> Iterator[Good[R] | Refused]:
    while True:
        number = lines.line_num + 1
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as broken:
            yield Refused(number, None, f"not readable as CSV: {broken}")
            continue
        if cells:
            yield _row(number, cells, header, row_type)


def _row(number: int, cells: list[str], header: list[str], row_type: type[R]) -> Good[R] | Refused:
    if len(cells) != len(header):
        return Refused(number, None, f"has {len(cells)} cells, the header has {len(header)}", _shorten(",".join(cells)))
    values = {name: cell for name, cell in zip(header, (cell.strip() for cell in cells), strict=True) if cell}
    try:
        return Good(number, msgspec.convert(values, row_type, strict=False))
    except msgspec.ValidationError as wrong:
        field, reason = _explain(str(wrong))
        return Refused(number, field, reason, _shorten(values.get(field or "")))


def _explain(message: str) -> tuple[str | None, str]:
    if missing := _MISSING.match(message):
        return missing[1], "is empty"
    path = _PATH.search(message)
    reason = _EXPECTED.sub(lambda found: f"expected {_WORDS.get(found[1], found[1])}", _PATH.sub("", message))
    return (path[1] or None if path else None), reason


def _shorten(value: str | None) -> str | None:
    return value if value is None or len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
