"""What other platforms sell, in a file or on the topic, as data: done like what is in `acting.py`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from tests.unit.orders.evening import Evening
from tests.unit.orders.replicas import Replica

from contracts.events import ChannelOrderReceived

FILES, CHANNEL = "elsewhere", "market"  # two, for one line is told in one way only
HEADER: Final = "invoice,sku,quantity,placed_at,unit_price,customer"
PAST: Final = datetime(2018, 12, 3, 12, tzinfo=UTC)


class Row(NamedTuple):
    """A line of another platform's invoice; fewer than none came back."""

    invoice: str
    stock: int
    customer: int
    quantity: int


@dataclass(frozen=True)
class Import:
    """Another platform's file is taken in."""

    rows: tuple[Row, ...]

    def run(self, evening: Evening, by: Replica) -> None:
        rows = [row for row in self.rows if evening.stock]
        evening.books.imported(FILES, rows)
        text = [
            f"{row.invoice},{self._sku(evening, row)},{row.quantity},{PAST:%FT%TZ},9.9,{row.customer}" for row in rows
        ]
        report = by.engine.importing.take_in(FILES, "\n".join((HEADER, *text)))
        refused = {row.number for row in report.refused}
        for number, row in enumerate(rows, start=2):  # the header is line 1
            if number not in refused:
                evening.books.promise("import", FILES, row.invoice, str(row.quantity))

    def _sku(self, evening: Evening, row: Row) -> str:
        return evening.books.stock[evening.allotment(row.stock)].sku


class Sold(NamedTuple):
    """A line of an order on another platform; `named`: it says from which allotment."""

    number: int
    stock: int
    customer: int
    quantity: int
    named: bool = False


@dataclass(frozen=True)
class Receive:
    """Another platform tells what it sold, on the topic; whoever reads that reads on."""

    lines: tuple[Sold, ...]

    def run(self, evening: Evening, by: Replica) -> None:
        evening.books.told([_fact(evening, line) for line in self.lines if evening.stock])
        read_on(evening, by)


def read_on(evening: Evening, by: Replica) -> None:
    """The topic's one reader takes what nobody has committed: a broker gives a partition to one at a time."""
    if evening.reading:
        return
    evening.reading = True
    try:
        books = evening.books
        end = len(books.lines)
        if unread := books.lines[books.read : end]:
            by.engine.receiving.receive(unread)
            books.read_to(end)
    finally:
        evening.reading = False


def _fact(evening: Evening, line: Sold) -> ChannelOrderReceived:
    stock = evening.books.stock[evening.allotment(line.stock)]
    return ChannelOrderReceived(
        channel=CHANNEL,
        external_number=str(line.number),
        sku=stock.sku,
        allotment_id=stock.allotment_id if line.named else None,
        customer=str(line.customer),
        quantity=line.quantity,
        unit_price_fen=990,
        placed_at=PAST,
    )
