"""Reads shaped for pages: a show with what is on screen now, what became of imports. Nothing here writes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from broadcast.domain import Missing, checklist, offer, on_screen
from broadcast.lineup import LineupRow, Merged
from broadcast.shows import Show, Slot, State
from chassis.rows import Good, Refused, RowReport


class WindowView(Struct, frozen=True, kw_only=True):
    """When a slot's live price held: from `opens_at` until `closes_at`, or the show's end if sooner."""

    opens_at: datetime
    closes_at: datetime


class SlotView(Struct, frozen=True, kw_only=True):
    """A slot as viewers may see it. Money in fen, mass in grams; `planned` and `offered` in sales units."""

    slot: int
    county: str
    host_title: str | None
    item_id: str
    sku: str
    name_zh: str
    name_en: str
    unit: str
    weight_g: int
    producer_id: str
    producer_name_zh: str
    producer_name_en: str
    price_fen: int
    live_price_fen: int
    channels: tuple[str, ...]
    starts_min: int
    minutes: int
    planned: int
    offered: int | None
    per_buyer_limit: int | None
    allotment_id: str | None
    windows: tuple[WindowView, ...]


class OnScreen(Struct, frozen=True, kw_only=True):
    """What is on screen now, and until when its live price holds."""

    slot: int
    allotment_id: str
    item_id: str
    opens_at: datetime
    closes_at: datetime


class ChannelView(Struct, frozen=True, kw_only=True):
    """Concurrent viewers on a channel: as last reported, and the most ever reported."""

    channel: str
    viewers: int
    peak_viewers: int


class ShowView(Struct, frozen=True, kw_only=True):
    """A show. `checklist` is what it lacks before it may start; `on_screen` is null when no window is open."""

    show_id: str
    show: str
    programme: str
    rehearsal: bool
    take: int
    state: State
    counties: tuple[str, ...]
    channels: tuple[str, ...]
    starts_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    on_screen: OnScreen | None
    checklist: tuple[Missing, ...]
    audience: tuple[ChannelView, ...]
    slots: tuple[SlotView, ...]


class PlannedShow(Struct, frozen=True, kw_only=True):
    """Under which id a line-up's show is found."""

    show: str
    show_id: str
    rehearsal: bool


class LineupReport(RowReport, frozen=True, kw_only=True):
    """What became of a line-up's rows, and the shows that they are in."""

    shows: list[PlannedShow]


def lineup_report(rows: Sequence[Good[LineupRow] | Refused], merged: Sequence[Merged]) -> LineupReport:
    """The report of a file: what could not be read, and what became of the rest in each show."""
    refused = [row for row in rows if isinstance(row, Refused)] + [row for one in merged for row in one.refused]
    landed = [one.show for one in merged if one.accepted or one.unchanged]
    return LineupReport(
        rows=len(rows),
        accepted=sum(one.accepted for one in merged),
        unchanged=sum(one.unchanged for one in merged),
        refused=sorted(refused, key=lambda row: row.number),
        shows=[PlannedShow(show=show.show, show_id=show.show_id, rehearsal=show.rehearsal) for show in landed],
    )


class Taken(Struct, frozen=True, kw_only=True):
    """What became of audience samples: new ones, and those reported before."""

    taken: int
    unchanged: int


def show_view(show: Show, titles: Mapping[str, str], now: datetime) -> ShowView:
    """The show as its page has it at `now`."""
    return ShowView(
        show_id=show.show_id,
        show=show.show,
        programme=show.programme,
        rehearsal=show.rehearsal,
        take=show.take,
        state=show.state,
        counties=show.counties,
        channels=show.channels,
        starts_at=show.starts_at,
        started_at=show.started_at,
        ended_at=show.ended_at,
        on_screen=_on_screen(show, now),
        checklist=checklist(show) if show.state == "scheduled" else (),
        audience=tuple(_channels(show)),
        slots=tuple(_slot(show, slot, titles) for slot in show.slots),
    )


def _channels(show: Show) -> Iterable[ChannelView]:
    for channel, watching in sorted(show.audience.items()):
        yield ChannelView(channel=channel, viewers=watching.viewers, peak_viewers=watching.peak)


def _on_screen(show: Show, now: datetime) -> OnScreen | None:
    slot = on_screen(show, now)
    terms = offer(show, slot) if slot else None
    if slot is None or terms is None:
        return None
    window = slot.windows[-1]
    return OnScreen(
        slot=slot.slot,
        allotment_id=terms.allotment_id,
        item_id=slot.item.item_id,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
    )


def _slot(show: Show, slot: Slot, titles: Mapping[str, str]) -> SlotView:
    item, terms = slot.item, offer(show, slot)
    return SlotView(
        slot=slot.slot,
        county=item.county,
        host_title=titles.get(item.county),
        item_id=item.item_id,
        sku=item.sku,
        name_zh=item.name_zh,
        name_en=item.name_en,
        unit=item.unit,
        weight_g=item.weight_g,
        producer_id=item.producer_id,
        producer_name_zh=item.producer_name_zh,
        producer_name_en=item.producer_name_en,
        price_fen=item.price_fen,
        live_price_fen=terms.price_fen if terms else item.live_price_fen,
        channels=slot.channels,
        starts_min=slot.starts_min,
        minutes=slot.minutes,
        planned=slot.planned,
        offered=terms.offered if terms else None,
        per_buyer_limit=terms.per_buyer_limit if terms else slot.per_buyer_limit,
        allotment_id=terms.allotment_id if terms else None,
        windows=tuple(WindowView(opens_at=each.opens_at, closes_at=each.closes_at) for each in slot.windows),
    )
