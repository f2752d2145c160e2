"""CSV rows: typed, numbered as an editor numbers them, refused with the column, the reason and the value."""

from datetime import date
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from chassis.refusals import Invalid, Malformed
from chassis.rows import Good, Refused, RowReport, decode, read


class Line(msgspec.Struct, frozen=True, kw_only=True):
    sku: Annotated[str, Meta(min_length=1, max_length=10)]
    quantity: Annotated[int, Meta(ge=1)]
    harvested_on: date | None = None
    fresh: bool = True


def test_a_good_row_is_typed() -> None:
    assert list(read("sku,quantity,harvested_on,fresh\nA,2,2018-10-05,false\n", Line)) == [
        Good(2, Line(sku="A", quantity=2, harvested_on=date(2018, 10, 5), fresh=False))
    ]


def test_an_empty_cell_is_an_absent_field() -> None:
    assert list(read("sku,quantity,harvested_on,fresh\nA,2,,\n", Line)) == [Good(2, Line(sku="A", quantity=2))]


def test_the_order_of_columns_and_unknown_columns_do_not_matter() -> None:
    assert list(read("colour,quantity,sku\nred,2,A\n", Line)) == [Good(2, Line(sku="A", quantity=2))]


def test_a_bad_cell_is_reported_with_its_column_reason_and_value() -> None:
    assert list(read("sku,quantity\nA,none\nB,0\n", Line)) == [
        Refused(2, "quantity", "expected a whole number", "none"),
        Refused(3, "quantity", "expected a whole number >= 1", "0"),
    ]


def test_a_required_cell_that_is_empty_is_reported() -> None:
    assert list(read("sku,quantity\n,2\n", Line)) == [Refused(2, "sku", "is empty", None)]


def test_a_row_with_the_wrong_number_of_cells_is_refused_and_the_next_one_taken() -> None:
    assert list(read("sku,quantity\nA,1,x\nB\nC,3\n", Line)) == [
        Refused(2, None, "has 3 cells, the header has 2", "A,1,x"),
        Refused(3, None, "has 1 cells, the header has 2", "B"),
        Good(4, Line(sku="C", quantity=3)),
    ]


def test_quoted_newlines_keep_the_line_numbers_of_an_editor() -> None:
    text = 'sku,quantity,note\nA,1,"two\nlines"\n\nB,none,x\n'
    assert list(read(text, Line)) == [
        Good(2, Line(sku="A", quantity=1)),
        Refused(5, "quantity", "expected a whole number", "none"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(end: str) -> None:
    assert [row.number for row in read(end.join(["sku,quantity", "A,1", "B,2"]), Line)] == [2, 3]


def test_a_line_separator_inside_a_cell_is_no_line_end() -> None:
    assert list(read("sku,quantity\nA\u2028B,1\n", Line)) == [Good(2, Line(sku="A\u2028B", quantity=1))]


def test_a_stray_quote_refuses_its_row_only() -> None:
    refused, good = read('sku,quantity\n"A"x,1\nB,2\n', Line)
    assert isinstance(refused, Refused)
    assert (refused.number, refused.field) == (2, None)
    assert good == Good(3, Line(sku="B", quantity=2))


def test_a_long_offending_value_is_shortened() -> None:
    (refused,) = read(f"sku,quantity\n{'A' * 500},1\n", Line)
    assert isinstance(refused, Refused)
    assert refused.value
    assert len(refused.value) == 80


def test_a_header_that_lacks_columns_is_refused_as_a_whole_naming_them() -> None:
    with pytest.raises(Invalid) as wrong:
        read("sku,colour\nA,red\n", Line)
    assert wrong.value.figures == {"missing": ["quantity"]}
    with pytest.raises(Invalid) as wrong:
        read("sku,quantity\n", Line, required_header=["sku", "harvested_on"])
    assert wrong.value.figures == {"missing": ["harvested_on"]}


def test_a_header_that_repeats_a_column_is_refused() -> None:
    with pytest.raises(Invalid, match="quantity"):
        read("sku,quantity,quantity\n", Line)


@pytest.mark.parametrize("text", ["", "\ufeff"])
def test_an_empty_file_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="empty"):
        read(text, Line)


def test_a_file_with_only_a_header_has_no_rows() -> None:
    assert list(read("\ufeffsku,quantity\n", Line)) == []


def test_a_byte_order_mark_is_tolerated() -> None:
    assert decode(b"\xef\xbb\xbfsku\n") == "sku\n"


def test_bytes_that_are_not_utf_8_are_refused_with_their_place() -> None:
    with pytest.raises(Malformed) as wrong:
        decode(b"sku\nA\n\xc3\x28")
    assert wrong.value.figures["line"] == 3
    assert wrong.value.figures["position"] == 6


def test_a_report_names_the_row_of_every_refusal() -> None:
    report = RowReport(rows=3, accepted=1, unchanged=1, refused=[Refused(4, "sku", "is empty")])
    assert msgspec.json.decode(msgspec.json.encode(report)) == {
        "rows": 3,
        "accepted": 1,
        "unchanged": 1,
        "refused": [{"row": 4, "field": "sku", "reason": "is empty", "value": None}],
    }


@given(st.text())
def test_whatever_the_file_every_row_is_good_or_refused(text: str) -> None:
    for row in read("sku,quantity\n" + text, Line):
        assert isinstance(row, Good | Refused)
        assert row.number >= 2
