"""The rules of other platforms' orders: what a row of their file means, which row is the same row, what a
cancellation takes back. Pure.

A row is known by channel, invoice, SKU and how many such rows stood before it, so a file read twice changes nothing.
A `C` before an invoice number says that goods bought earlier came back: they are taken from the customer's latest
earlier orders of that SKU, the whole row or not at all. What is sold here was paid there, so a row becomes a paid
order. An instant without a zone is in UTC.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from chassis.rows import Good, Refused
from orders import sales
from orders.model import Order
from orders.sales import No, Sale

NOBODY: Final = ("(blank)", "(none)")
_MOST_UNITS: Final = 100_000

Text = Annotated[str, Meta(min_length=1, max_length=64)]


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an invoice, as another platform writes it. `unit_price` is in yuan."""

    invoice: Text
    sku: Text
    quantity: int
    placed_at: datetime
    unit_price: Decimal
    customer: Text


class ChannelLine(NamedTuple):
    """A row that makes sense by itself: a sale, or goods that came back."""

    number: int
    key: str
    invoice: str
    sku: str
    buyer_id: str
    quantity: int
    unit_price_fen: int
    placed_at: datetime
    back: bool


class GoodsBack(NamedTuple):
    """Part of a cancellation: units to take back from one order."""

    line: ChannelLine
    order_id: str
    quantity: int


def lines_of(channel: str, rows: Iterable[Good[ChannelRow] | Refused]) -> tuple[list[ChannelLine], list[Refused]]:
    """The lines that can be worked on, and the refused rows."""
    seen: Counter[tuple[str, str]] = Counter()
    lines: list[ChannelLine] = []
    refused: list[Refused] = []
    for row in rows:
        if isinstance(row, Refused):
            refused.append(row)
            continue
        identity = (row.row.invoice, row.row.sku)
        seen[identity] += 1
        reason = _nonsense(row)
        if reason:
            refused.append(reason)
        else:
            lines.append(_line(channel, row, seen[identity]))
    return lines, refused


def _nonsense(good: Good[ChannelRow]) -> Refused | None:
    row, back = good.row, good.row.invoice.startswith("C")
    if row.customer in NOBODY:
        return Refused(good.number, "customer", "is blank: an order needs a buyer", row.customer)
    if fen(row.unit_price) <= 0:
        return Refused(good.number, "unit_price", "must be more than 0", str(row.unit_price))
    if row.quantity == 0 or abs(row.quantity) > _MOST_UNITS:
        return Refused(good.number, "quantity", f"must be 1 to {_MOST_UNITS} units", str(row.quantity))
    if row.quantity < 0 and not back:
        return Refused(good.number, "quantity", "is negative, but the invoice is no cancellation", str(row.quantity))
    if row.quantity > 0 and back:
        return Refused(good.number, "quantity", "must be negative in a cancellation", str(row.quantity))
    return None


def fen(yuan: Decimal) -> int:
    """Yuan in fen; parts of a fen are rounded half to even."""
    return int((yuan * 100).to_integral_value(rounding=ROUND_HALF_EVEN))


def _line(channel: str, good: Good[ChannelRow], nth: int) -> ChannelLine:
    row = good.row
    at = row.placed_at if row.placed_at.tzinfo else row.placed_at.replace(tzinfo=UTC)
    return ChannelLine(
        number=good.number,
        key=sales.sale_key(channel, row.invoice, row.sku, nth),
        invoice=row.invoice,
        sku=row.sku,
        buyer_id=f"{channel}:{row.customer}",
        quantity=abs(row.quantity),
        unit_price_fen=fen(row.unit_price),
        placed_at=at,
        back=row.invoice.startswith("C"),
    )


def sale_of(channel: str, line: ChannelLine) -> Sale:
    """What a row sold, in the words of every other platform's order."""
    return Sale(
        key=line.key,
        channel=channel,
        external_number=line.invoice,
        sku=line.sku,
        buyer_id=line.buyer_id,
        quantity=line.quantity,
        unit_price_fen=line.unit_price_fen,
        placed_at=line.placed_at,
    )


def refused(line: ChannelLine, no: No) -> Refused:
    """The answer no, as the reader of the file finds it: the field and the reason."""
    if no == sales.NUMBER_REUSED:
        reason = "was imported before with another quantity, price or customer"
        return Refused(line.number, "invoice", reason, line.invoice)
    if no.reason == "sold-out":
        return Refused(line.number, "quantity", no.detail, str(line.quantity))
    return Refused(line.number, "sku", f"is on no open shelf: {no.detail}", line.sku)


def take_back(
    channel: str, lines: Sequence[ChannelLine], orders: Iterable[Order]
) -> tuple[list[GoodsBack], int, list[Refused]]:
    """Which orders each cancellation takes its goods from, how many were done before, and the rows that find too
    little."""
    by_goods: defaultdict[tuple[str, str], list[Order]] = defaultdict(list)
    for order in orders:
        if order.imported and order.channel == channel:
            by_goods[order.buyer_id, order.sku].append(order)
    planned: Counter[str] = Counter()
    parts: list[GoodsBack] = []
    refused: list[Refused] = []
    unchanged = 0
    for line in lines:
        theirs = by_goods[line.buyer_id, line.sku]
        done = sum(goods.quantity for order in theirs for goods in order.returns if goods.id == line.key)
        if done >= line.quantity:
            unchanged += 1
            continue
        plan = _plan(line, line.quantity - done, theirs, planned)
        if plan is None:
            reason = "finds no earlier purchase to take back"
            refused.append(Refused(line.number, "quantity", reason, str(-line.quantity)))
            continue
        planned.update({part.order_id: part.quantity for part in plan})
        parts.extend(plan)
    return parts, unchanged, refused


def _plan(line: ChannelLine, wanted: int, orders: Iterable[Order], planned: Counter[str]) -> list[GoodsBack] | None:
    earlier = [order for order in orders if order.placed_at <= line.placed_at and order.state in ("paid", "packed")]
    parts = []
    for order in sorted(earlier, key=lambda order: (order.placed_at, order.id), reverse=True):
        units = min(wanted, order.quantity - order.returned_quantity - planned[order.id])
        if units > 0:
            parts.append(GoodsBack(line, order.id, units))
            wanted -= units
    return None if wanted else parts
