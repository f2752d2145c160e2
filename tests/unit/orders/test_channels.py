"""The rules of other platforms' orders."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from tests.unit.orders.builders import NOW, allotment, request

from chassis.rows import Good, Refused
from orders import channels, domain, sales
from orders.channels import ChannelLine, ChannelRow
from orders.model import Order, Return
from orders.sales import No


def row(number: int = 2, **fields: object) -> Good[ChannelRow]:
    known = {
        "invoice": "536365",
        "sku": "85123A",
        "quantity": 6,
        "placed_at": datetime(2010, 12, 1, 8, 26),  # noqa: DTZ001  as it stands in the file
        "unit_price": Decimal("2.55"),
        "customer": "17850",
    }
    return Good(number, ChannelRow(**(known | fields)))  # type: ignore[arg-type]  # checked by the tests themselves


def one(**fields: object) -> ChannelLine:
    [line], refused = channels.lines_of("uci", [row(**fields)])
    assert not refused
    return line


def why(**fields: object) -> str | None:
    lines, [refused] = channels.lines_of("uci", [row(**fields)])
    assert not lines
    return refused.field


@pytest.mark.parametrize(
    ("yuan", "fen"), [("2.55", 255), ("27.5", 2750), ("2.555", 256), ("2.545", 254), ("0.001", 0), ("4.8533", 485)]
)
def test_yuan_become_fen_and_halves_go_to_the_even_one(yuan: str, fen: int) -> None:
    assert channels.fen(Decimal(yuan)) == fen


def test_a_clean_row_is_a_sale_to_a_buyer_of_that_channel_in_utc() -> None:
    line = one()
    assert (line.buyer_id, line.quantity, line.unit_price_fen, line.back) == ("uci:17850", 6, 255, False)
    assert line.placed_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def test_an_instant_with_a_zone_keeps_it() -> None:
    china = datetime.fromisoformat("2010-12-01T16:26:00+08:00")
    assert one(placed_at=china).placed_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)


def test_a_c_invoice_with_a_negative_quantity_takes_goods_back() -> None:
    line = one(invoice="C536379", quantity=-2)
    assert (line.back, line.quantity) == (True, 2)


def test_dirty_rows_name_the_field_that_is_wrong() -> None:
    assert why(customer="(blank)") == "customer"
    assert why(unit_price=Decimal("0")) == "unit_price"
    assert why(unit_price=Decimal("-11062.06")) == "unit_price"
    assert why(quantity=0) == "quantity"
    assert why(quantity=-1) == "quantity"
    assert why(invoice="C536379", quantity=1) == "quantity"
    assert why(quantity=100_001) == "quantity"


def test_rows_that_could_not_be_read_are_passed_on() -> None:
    broken = Refused(3, "quantity", "is no number")
    assert channels.lines_of("uci", [broken]) == ([], [broken])


def test_the_same_line_twice_in_an_invoice_is_two_rows_and_the_file_twice_is_the_same_rows() -> None:
    first, _ = channels.lines_of("uci", [row(2), row(3)])
    second, _ = channels.lines_of("uci", [row(2), row(3)])
    assert len({line.key for line in first}) == 2
    assert [line.key for line in first] == [line.key for line in second]
    other, _ = channels.lines_of("other", [row(2), row(3)])
    assert not {line.key for line in other} & {line.key for line in first}


def test_the_answer_no_names_the_field_that_is_wrong() -> None:
    line = one()
    assert channels.refused(line, sales.NUMBER_REUSED).field == "invoice"
    assert channels.refused(line, No("sold-out", "Sold out.", 0)).field == "quantity"
    assert channels.refused(line, No("unknown-sku", "No county has it.")).field == "sku"


def bought(quantity: int, hours: int, **fields: object) -> Order:
    shelf = allotment(sku="85123A", offered=100)
    asked = request(
        shelf,
        buyer="uci:17850",
        quantity=quantity,
        channel="uci",
        placed_at=NOW + timedelta(hours=hours),
        unit_price_fen=255,
        imported=True,
        external_number="1",
    )
    made = domain.order_of(shelf, domain.decide(shelf, (), [asked]).lines[0])
    return msgspec.structs.replace(made, **fields)


def cancellation(quantity: int, hours: int = 10, invoice: str = "C9") -> ChannelLine:
    return one(invoice=invoice, quantity=-quantity)._replace(placed_at=NOW + timedelta(hours=hours))


def test_goods_come_back_from_the_latest_order_first_and_from_several_if_need_be() -> None:
    early, late = bought(3, 1), bought(3, 2)
    parts, _, refused = channels.take_back("uci", [cancellation(4)], [early, late])
    assert [(part.order_id, part.quantity) for part in parts] == [(late.id, 3), (early.id, 1)]
    assert not refused


def test_a_cancellation_that_finds_too_little_is_refused_whole() -> None:
    parts, _, refused = channels.take_back("uci", [cancellation(4)], [bought(3, 1)])
    assert (parts, [no.field for no in refused]) == ([], ["quantity"])


def test_what_was_bought_later_or_by_somebody_else_or_elsewhere_is_not_taken_back() -> None:
    for not_it in (bought(3, 20), bought(3, 1, buyer_id="uci:1"), bought(3, 1, channel="other"), bought(3, 1, sku="X")):
        _, _, refused = channels.take_back("uci", [cancellation(1)], [not_it])
        assert refused


def test_two_cancellations_do_not_take_the_same_goods() -> None:
    only = bought(3, 1)
    parts, _, refused = channels.take_back("uci", [cancellation(2), cancellation(2, invoice="C10")], [only])
    assert [part.quantity for part in parts] == [2]
    assert len(refused) == 1


def test_a_cancellation_that_was_done_is_unchanged_and_one_half_done_is_finished() -> None:
    line = cancellation(4)

    def back(units: int) -> list[Return]:
        return [Return(id=line.key, quantity=units, refund_fen=0, restocked=True, returned_at=NOW)]

    done = bought(5, 1, returned_quantity=4, returns=back(4))
    assert channels.take_back("uci", [line], [done])[:2] == ([], 1)
    half = bought(5, 1, returned_quantity=1, returns=back(1))
    parts, unchanged, _ = channels.take_back("uci", [line], [half, bought(3, 0)])
    assert (sum(part.quantity for part in parts), unchanged) == (3, 0)
