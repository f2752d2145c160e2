"""The line-up: rows of a file become slots of a show, or are refused one by one with a reason. Pure: it keeps nothing.

An import adds and changes slots; it never takes one away, for a county's file speaks of its own slots only.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from broadcast.domain import Caller, whole_milliseconds
from broadcast.shows import Item, Show, Slot
from chassis.refusals import Invalid
from chassis.rows import Good, Refused
from contracts.types import County, Name, Sku

# Slots by their number, each with the row that it is from.
Placed = dict[int, tuple[int, Slot]]
MOST_UNITS: Final = 100_000_000
_CHANNEL: Final = re.compile(r"^[a-z0-9][a-z0-9-]{0,39}$")


class LineupRow(Struct, frozen=True, kw_only=True):
    """One row of a line-up file: a slot of a show. Bounds keep a show within a day and a window within two hours."""

    programme: Name
    show: Annotated[str, Meta(min_length=1, max_length=128)]
    slot: Annotated[int, Meta(ge=1, le=200)]
    county: County
    sku: Sku
    channels: str
    starts_min: Annotated[int, Meta(ge=0, le=1440)]
    minutes: Annotated[int, Meta(ge=1, le=120)]
    allotted: Annotated[int, Meta(ge=1, le=MOST_UNITS)]
    per_buyer_limit: Annotated[int, Meta(ge=1, le=MOST_UNITS)] | None = None


class Known(Struct, frozen=True):
    """What broadcast has heard of that a row may name: counties, and items by county and sku."""

    counties: frozenset[str]
    items: Mapping[tuple[str, str], Item]


class Import(Struct, frozen=True, kw_only=True):
    """How a file is imported: by whom, as a rehearsal or for real, and when its shows are to begin."""

    caller: Caller
    rehearsal: bool = False
    starts_at: datetime | None = None


def planned_start(at: datetime | None) -> datetime | None:
    """When the shows are to begin, as precisely as it is kept; refused when it is in no year of ours."""
    if at is not None and not 2000 <= at.year < 2200:
        raise Invalid("impossible-start", "No show begins then.", field="starts_at", valid="2000 to 2199")
    return at and whole_milliseconds(at)


class Merged(Struct, frozen=True, kw_only=True):
    """What became of one show's rows."""

    show: Show
    accepted: int
    unchanged: int
    refused: list[Refused]


class Unfit(Exception):
    """Why a row is refused: the field, the reason (with what would be valid), and the value found."""

    def __init__(self, field: str, reason: str, value: object) -> None:
        super().__init__(field, reason, value)
        self.field, self.reason, self.value = field, reason, value

    def refused(self, number: int) -> Refused:
        """The line of the report that says so."""
        return Refused(number, self.field, self.reason, str(self.value))


def merge(show: Show, rows: Sequence[Good[LineupRow]], known: Known, how: Import) -> Merged:
    """The show with the rows that fit in its line-up. Rows that say what stands change nothing in any state."""
    judged, unfit = _judge(rows, known, how)
    if judged and not show.slots:  # a new show belongs to the programme of its first row
        show = replace(show, programme=judged[0][0].row.programme)
    standing = {slot.slot: slot for slot in show.slots}
    fit, misplaced = _place(show, judged, how)
    overlapping = _settle(standing, fit)
    changed = {number: slot for number, (_, slot) in fit.items() if not _same_plan(slot, standing.get(number))}
    return Merged(
        show=_planned(show, changed, how) if fit and show.state == "scheduled" else show,
        accepted=len(changed),
        unchanged=len(fit) - len(changed),
        refused=unfit + misplaced + overlapping,
    )


def _judge(
    rows: Iterable[Good[LineupRow]], known: Known, how: Import
) -> tuple[list[tuple[Good[LineupRow], Slot]], list[Refused]]:
    """The slots that the rows describe, each judged by itself, and the rows that describe none."""
    judged: list[tuple[Good[LineupRow], Slot]] = []
    refused: list[Refused] = []
    for good in rows:
        try:
            judged.append((good, _slot(good.row, known, how)))
        except Unfit as why:
            refused.append(why.refused(good.number))
    return judged, refused


def _place(show: Show, judged: Iterable[tuple[Good[LineupRow], Slot]], how: Import) -> tuple[Placed, list[Refused]]:
    """The slots that may take their number in the show, by that number, and the rows that may not."""
    fit: Placed = {}
    refused: list[Refused] = []
    for good, slot in judged:
        try:
            if slot.slot in fit:
                raise Unfit("slot", f"slot taken by row {fit[slot.slot][0]}; valid: a number of its own", slot.slot)
            _check_place(show, good.row, slot, how)
            fit[slot.slot] = (good.number, slot)
        except Unfit as why:
            refused.append(why.refused(good.number))
    return fit, refused


def _planned(show: Show, changed: Mapping[int, Slot], how: Import) -> Show:
    """The show with the changed slots in their places."""
    slots = {slot.slot: slot for slot in show.slots}
    slots |= {number: _keep_allotment(slot, slots.get(number)) for number, slot in changed.items()}
    in_order = tuple(slots[number] for number in sorted(slots))
    return replace(show, slots=in_order, starts_at=how.starts_at or show.starts_at)


def _slot(row: LineupRow, known: Known, how: Import) -> Slot:
    """The slot that a row describes, judged by itself."""
    if not how.caller.may(row.county):
        raise Unfit("county", f"another county's row; valid: {how.caller.county}", row.county)
    if row.county not in known.counties:
        raise Unfit("county", "county not (yet) listed; valid: a county of the catalog", row.county)
    item = known.items.get((row.county, row.sku))
    if item is None:
        raise Unfit(
            "sku", f"item not (yet) listed; valid: a sku that county {row.county} lists in the catalog", row.sku
        )
    return Slot(
        slot=row.slot,
        item=item,
        channels=_channels(row.channels),
        starts_min=row.starts_min,
        minutes=row.minutes,
        planned=row.allotted,
        per_buyer_limit=row.per_buyer_limit,
    )


def _channels(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split("|")]
    for name in names:
        if not _CHANNEL.match(name):
            raise Unfit("channels", f"{name!r} is no channel; valid: lower-case names with hyphens, divided by |", text)
    return tuple(dict.fromkeys(names))


def _check_place(show: Show, row: LineupRow, slot: Slot, how: Import) -> None:
    """Whether the slot may take its place next to what stands in the show."""
    there = next((other for other in show.slots if other.slot == slot.slot), None)
    if row.programme != show.programme:
        raise Unfit("programme", f"the show belongs to another programme; valid: {show.programme}", row.programme)
    if there is not None and not how.caller.may(there.county):
        raise Unfit("slot", f"slot taken by county {there.county}; valid: a number of its own", slot.slot)
    if show.state != "scheduled" and not _same_plan(slot, there):
        raise Unfit("show", f"the show is {show.state}, its line-up stands; valid: a show still scheduled", row.show)
    if how.starts_at not in {None, show.starts_at} and not all(how.caller.may(county) for county in show.counties):
        raise Unfit("show", "starts_at of a show shared with other counties is set by the platform", row.show)


def _settle(standing: Mapping[int, Slot], fit: Placed) -> list[Refused]:
    """Refuse rows whose minutes overlap; the earlier row wins. What a refused row leaves standing may refuse others."""
    refused: list[Refused] = []
    while clashes := _clashes(standing, fit):
        refused += [why.refused(fit.pop(number)[0]) for number, why in clashes]
    return refused


def _clashes(standing: Mapping[int, Slot], fit: Placed) -> list[tuple[int, Unfit]]:
    taken = [slot for number, slot in standing.items() if number not in fit]
    clashes: list[tuple[int, Unfit]] = []
    for number, (_, slot) in fit.items():
        if other := _overlapping(slot, taken):
            reason = f"overlaps slot {other.slot}, minutes {other.starts_min} to {other.ends_min}; valid: outside them"
            clashes.append((number, Unfit("starts_min", reason, slot.starts_min)))
        else:
            taken.append(slot)
    return clashes


def _overlapping(slot: Slot, others: Iterable[Slot]) -> Slot | None:
    return next((other for other in others if slot.overlaps(other)), None)


def _same_plan(slot: Slot, other: Slot | None) -> bool:
    return other is not None and _plan(slot) == _plan(other)


def _plan(slot: Slot) -> tuple[object, ...]:
    return slot.goods, slot.channels, slot.starts_min, slot.minutes, slot.planned, slot.per_buyer_limit


def _keep_allotment(slot: Slot, before: Slot | None) -> Slot:
    """Stock set aside for the slot stays with it as long as the item is the same."""
    if before is None or before.goods != slot.goods:
        return slot
    return replace(slot, allotment=before.allotment, item=before.item)
