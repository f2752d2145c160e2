"""The shelf shop's trace: every row is judged, and its SKUs become a catalogue that can serve all its clean rows."""

import csv
import io
from collections import Counter

import pytest

from evening import trace
from evening.trace import Kind, Line
from stack.local import DATA

TEXT = (DATA / "order-lines-2010-12-first-days.csv").read_text(encoding="utf-8")


def line(**different: object) -> Line:
    known = {"number": 2, "invoice": "536365", "sku": "71053", "description": "LANTERN"}
    return Line(**known | {"quantity": 6, "price_fen": 339, "customer": "17850"} | different)  # type: ignore[arg-type]


def test_the_rows_are_those_that_a_plain_count_finds() -> None:
    """Counted again without the trace's own reader: by splitting the columns from the right."""
    found: Counter[str] = Counter()
    for row in TEXT.splitlines()[1:]:
        invoice = row.split(",", 1)[0]
        *_, quantity, _, price, customer, _ = row.rsplit(",", 5)
        if invoice.startswith("C"):
            found["cancellation"] += 1
        elif customer and int(quantity) > 0 and float(price) > 0:
            found["order"] += 1
        else:
            found["dirty"] += 1
    assert trace.counts(trace.lines(TEXT)) == dict(found) == {"cancellation": 100, "dirty": 2_292, "order": 7_608}


def test_a_rows_number_is_its_line_in_the_file() -> None:
    rows = TEXT.splitlines()
    assert all(rows[read.number - 1].startswith(f"{read.invoice},{read.sku},") for read in trace.lines(TEXT))


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (line(), Kind.ORDER),
        (line(invoice="C536379", quantity=-1), Kind.CANCELLATION),
        (line(customer=""), Kind.DIRTY),
        (line(quantity=0), Kind.DIRTY),
        (line(quantity=-3), Kind.DIRTY),
        (line(price_fen=0), Kind.DIRTY),
        (line(invoice="C536379", quantity=3), Kind.DIRTY),
    ],
)
def test_a_row_is_judged_by_invoice_customer_quantity_and_price(row: Line, kind: Kind) -> None:
    assert row.kind is kind


def test_money_is_read_without_floats() -> None:
    read = trace.lines("invoice,sku,description,quantity,placed_at,unit_price,customer,country\n1,A,x,1,t,2.55,7,UK\n")
    assert read[0].price_fen == 255


def test_a_cancellation_brings_back_what_was_bought_before_or_nothing() -> None:
    bought, too_many, back = line(quantity=6), line(invoice="C1", quantity=-7), line(invoice="C2", quantity=-6)
    assert trace.returned_units([bought, too_many, back]) == 6
    assert trace.returned_units([back, bought]) == 0
    assert trace.returned_units([bought, line(invoice="C1", quantity=-6, customer="1")]) == 0


def test_every_sku_becomes_one_item_stocked_for_all_its_clean_rows() -> None:
    rows = trace.lines(TEXT)
    made = {ware.sku: ware for ware in trace.wares(rows)}
    assert len(made) == 2_015
    asked: Counter[str] = Counter()
    for row in rows:
        asked[row.sku] += row.quantity if row.kind is Kind.ORDER else 0
    assert all(ware.stock == max(1, asked[sku]) for sku, ware in made.items())
    assert {ware.county for ware in made.values()} == {trace.COUNTY}


def test_an_items_name_is_the_first_that_was_written_down_or_its_sku() -> None:
    rows = [line(description=""), line(description="?"), line(description="LANTERN"), line(sku="X", description="")]
    assert [ware.name for ware in trace.wares(rows)] == ["LANTERN", "X"]


def test_the_same_trace_makes_the_same_files() -> None:
    first, second = (trace.wares(trace.lines(TEXT)) for _ in range(2))
    assert trace.items_csv(first) == trace.items_csv(second)
    assert trace.shelf_csv(first) == trace.shelf_csv(second)


def test_the_shelf_holds_all_the_stock_of_every_item() -> None:
    wares = trace.wares(trace.lines(TEXT))
    items = list(csv.DictReader(io.StringIO(trace.items_csv(wares))))
    shelf = list(csv.DictReader(io.StringIO(trace.shelf_csv(wares))))
    assert [(row["sku"], row["county"], row["stock"]) for row in items] == [
        (row["sku"], row["county"], row["quantity"]) for row in shelf
    ]
    assert {row["purpose"] for row in shelf} == {"shelf"}
    assert all(row["live_price_fen"] == row["price_fen"] and int(row["price_fen"]) > 0 for row in items)
