"""The report card of a show: what each slot sold, who watched, how orders came. Pure: it shapes figures."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby

from msgspec import Struct

from broadcast.figures import Sum, Watched
from broadcast.shows import Show, Slot, State


class Sales(Struct, frozen=True, kw_only=True):
    """What a slot's orders came to. `orders`, `units`, `revenue_fen`: what was paid; `net_revenue_fen` less refunds."""

    placed: int
    orders: int
    units: int
    revenue_fen: int
    cancelled: int
    returned_units: int
    refunded_fen: int
    net_revenue_fen: int


class OnAir(Struct, frozen=True, kw_only=True):
    """A time on screen; cut by the show's end."""

    opens_at: datetime
    closes_at: datetime


class SlotCard(Struct, frozen=True, kw_only=True):
    """A slot on the report card. `sales` is null for another county's slot."""

    slot: int
    county: str
    sku: str
    name_zh: str
    name_en: str
    planned: int
    offered: int | None
    on_air: tuple[OnAir, ...]
    sales: Sales | None


class ChannelCard(Struct, frozen=True, kw_only=True):
    """A channel's concurrent viewers over the show."""

    channel: str
    peak_viewers: int
    average_viewers: int
    samples: int


class Minute(Struct, frozen=True, kw_only=True):
    """Orders placed in the minute that begins at `minute`."""

    minute: datetime
    orders: int


class ReportCard(Struct, frozen=True, kw_only=True):
    """What came of a show, for its hosts. Without rehearsals' orders: they are not real."""

    show_id: str
    show: str
    programme: str
    rehearsal: bool
    state: State
    started_at: datetime | None
    ended_at: datetime | None
    peak_viewers: int
    channels: tuple[ChannelCard, ...]
    orders_per_minute: tuple[Minute, ...]
    slots: tuple[SlotCard, ...]


def report_card(
    show: Show,
    *,
    sums: Sequence[Sum],
    watched: Sequence[Watched],
    minutes: Iterable[tuple[datetime, int]],
    mine: Callable[[str], bool],
) -> ReportCard:
    """The card, with the sales of those slots whose county is `mine`."""
    return ReportCard(
        show_id=show.show_id,
        show=show.show,
        programme=show.programme,
        rehearsal=show.rehearsal,
        state=show.state,
        started_at=show.started_at,
        ended_at=show.ended_at,
        peak_viewers=_peak(watched),
        channels=tuple(_channel(show.channels, watched)),
        orders_per_minute=tuple(Minute(minute=minute, orders=orders) for minute, orders in minutes),
        slots=tuple(_slot(show, slot, _sales(slot.slot, sums) if mine(slot.county) else None) for slot in show.slots),
    )


def _peak(watched: Iterable[Watched]) -> int:
    """The most viewers on all channels together, minute by minute; `watched` is in order of time."""
    return max(
        (sum(each.peak for each in minute) for _, minute in groupby(watched, key=lambda each: each.minute)), default=0
    )


def _channel(channels: Iterable[str], watched: Sequence[Watched]) -> Iterable[ChannelCard]:
    for channel in channels:
        mine = [each for each in watched if each.channel == channel]
        samples = sum(each.samples for each in mine)
        yield ChannelCard(
            channel=channel,
            peak_viewers=max((each.peak for each in mine), default=0),
            average_viewers=sum(each.viewers for each in mine) // samples if samples else 0,
            samples=samples,
        )


def _slot(show: Show, slot: Slot, sales: Sales | None) -> SlotCard:
    end = show.ended_at
    return SlotCard(
        slot=slot.slot,
        county=slot.county,
        sku=slot.item.sku,
        name_zh=slot.item.name_zh,
        name_en=slot.item.name_en,
        planned=slot.planned,
        offered=slot.allotment.offered if slot.allotment else None,
        on_air=tuple(
            OnAir(opens_at=each.opens_at, closes_at=min(each.closes_at, end or each.closes_at)) for each in slot.windows
        ),
        sales=sales,
    )


def _sales(slot: int, sums: Iterable[Sum]) -> Sales:
    none = Sum(slot=slot, kind="", orders=0, units=0, fen=0)
    of = {each.kind: each for each in sums if each.slot == slot}
    paid, cancelled, returned = (of.get(kind, none) for kind in ("paid", "cancelled", "returned"))
    refunded = cancelled.fen + returned.fen
    return Sales(
        placed=of.get("placed", none).orders,
        orders=paid.orders,
        units=paid.units,
        revenue_fen=paid.fen,
        cancelled=cancelled.orders,
        returned_units=returned.units,
        refunded_fen=refunded,
        net_revenue_fen=paid.fen - refunded,
    )
