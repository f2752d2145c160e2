"""The shelf shop's real trace: what its rows are, and the catalogue and shelf that its SKUs make here.

Pure reading and writing of CSV text. Judges rows by the data's own rules, apart from the services, so that their import
can be checked against it. What had to be assumed (currency, mass, county, stock) stands in `deploy/data/README.md`.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

WEIGHT_G: Final = 250
CHANNEL: Final = "uk-gift-shop"
COUNTY: Final = "610629"
_ITEM_COLUMNS: Final = [
    "sku",
    "county",
    "kind",
    "name_zh",
    "name_en",
    "unit",
    "weight_g",
    "price_fen",
    "live_price_fen",
    "stock",
    "origin_village",
    "geographical_indication",
    "harvested_on",
    "shelf_life_days",
]
_SHELF_COLUMNS: Final = ["county", "sku", "quantity", "purpose", "show_id", "slot", "price_fen", "per_buyer_limit"]
_LEAST_PRICE_FEN: Final = 100


class Kind(StrEnum):
    """What a row of the trace is."""

    ORDER = "order"
    CANCELLATION = "cancellation"
    DIRTY = "dirty"


class Line(NamedTuple):
    """A row of the trace; `number` is its line in the file, the header being line 1."""

    number: int
    invoice: str
    sku: str
    description: str
    quantity: int
    price_fen: int
    customer: str

    @property
    def kind(self) -> Kind:
        """A cancellation by its invoice's `C`; an order when it has a customer, units and a price; dirty otherwise."""
        if self.invoice.startswith("C") and self.quantity < 0 and self.customer:
            return Kind.CANCELLATION
        clean = self.customer and self.quantity > 0 and self.price_fen > 0 and not self.invoice.startswith("C")
        return Kind.ORDER if clean else Kind.DIRTY


class Ware(NamedTuple):
    """An SKU of the shop as an item here."""

    sku: str
    county: str
    name: str
    price_fen: int
    stock: int


def lines(text: str) -> list[Line]:
    """The trace's rows; no field of the file spans lines, so a row's line is its place."""
    return [_line(number, row) for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=2)]


def counts(rows: Iterable[Line]) -> dict[str, int]:
    """How many rows there are of each kind."""
    return {str(kind): number for kind, number in sorted(Counter(row.kind for row in rows).items())}


def returned_units(rows: Iterable[Line]) -> int:
    """Units that the cancellations bring back: all of a row or none, from what its customer bought before."""
    bought: Counter[tuple[str, str]] = Counter()
    back = 0
    for row in rows:
        goods = row.customer, row.sku
        if row.kind is Kind.ORDER:
            bought[goods] += row.quantity
        elif row.kind is Kind.CANCELLATION and bought[goods] >= -row.quantity:
            bought[goods] += row.quantity
            back -= row.quantity
    return back


def wares(rows: Iterable[Line], county: str = COUNTY) -> list[Ware]:
    """One ware an SKU, in the order first seen; stocked with what the clean rows ask in all, and at least one."""
    seen: dict[str, list[Line]] = {}
    for row in rows:
        seen.setdefault(row.sku, []).append(row)
    return [
        Ware(
            sku=sku,
            county=county,
            name=next((row.description for row in of if row.description.strip(" ?")), sku),
            price_fen=next((row.price_fen for row in of if row.price_fen > 0), _LEAST_PRICE_FEN),
            stock=max(1, sum(row.quantity for row in of if row.kind is Kind.ORDER)),
        )
        for sku, of in seen.items()
    ]


def items_csv(of: Iterable[Ware]) -> str:
    """The wares as an import of items: supplies, for nobody grew them here."""
    facts = {"kind": "supply", "unit": "piece", "weight_g": WEIGHT_G, "shelf_life_days": 3650}
    return _table(
        _ITEM_COLUMNS,
        (
            facts
            | {"sku": ware.sku, "county": ware.county, "name_zh": ware.name, "name_en": ware.name, "stock": ware.stock}
            | {"price_fen": ware.price_fen, "live_price_fen": ware.price_fen}
            for ware in of
        ),
    )


def shelf_csv(of: Iterable[Ware]) -> str:
    """The wares as an import of shelf allotments: all the stock of each."""
    return _table(
        _SHELF_COLUMNS,
        (
            {
                "county": ware.county,
                "sku": ware.sku,
                "quantity": ware.stock,
                "purpose": "shelf",
                "price_fen": ware.price_fen,
            }
            for ware in of
        ),
    )


def _line(number: int, row: dict[str, str]) -> Line:
    return Line(
        number=number,
        invoice=row["invoice"],
        sku=row["sku"],
        description=row["description"].strip(),
        quantity=int(row["quantity"]),
        price_fen=int((Decimal(row["unit_price"]) * 100).to_integral_value()),
        customer=row["customer"].strip().replace("(blank)", ""),
    )


def _table(columns: Sequence[str], rows: Iterable[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
