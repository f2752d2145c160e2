"""What becomes of a line-up's rows: slots, or a refusal that names row, field, reason and what would be valid."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from broadcast.domain import Caller
from broadcast.lineup import Import, Known, LineupRow, Merged, merge, planned_start
from broadcast.shows import Show
from chassis.refusals import Invalid
from chassis.rows import Good, Refused, read

from .stages import LEISHAN, NOW, XIUWEN, a_show, an_allotment

PLATFORM = Import(caller=Caller(platform=True))
HEADER = "programme,show,slot,county,sku,channels,starts_min,minutes,allotted,per_buyer_limit"


def a_row(number: int = 1, **changed: Any) -> LineupRow:
    fields: dict[str, Any] = {
        "programme": "Township Sweet",
        "show": "township-sweet",
        "slot": number,
        "county": XIUWEN,
        "sku": "KIWI",
        "channels": "taobao-live|web",
        "starts_min": (number - 1) * 12,
        "minutes": 12,
        "allotted": 500,
        "per_buyer_limit": 3,
    }
    return LineupRow(**(fields | changed))


def merged(known: Known, *rows: LineupRow, show: Show | None = None, how: Import = PLATFORM) -> Merged:
    blank = Show(show_id="show-1", show="township-sweet", programme="", rehearsal=how.rehearsal)
    return merge(show or blank, [Good(line, row) for line, row in enumerate(rows, start=2)], known, how)


def refusals(result: Merged) -> list[tuple[int, str | None]]:
    return [(refused.number, refused.field) for refused in result.refused]


def test_rows_of_one_show_become_its_slots_in_order(known: Known) -> None:
    result = merged(known, a_row(2, county=LEISHAN), a_row(1))
    assert [slot.slot for slot in result.show.slots] == [1, 2]
    assert result.show.counties == (XIUWEN, LEISHAN)
    assert result.show.programme == "Township Sweet"
    assert (result.accepted, result.unchanged, result.refused) == (2, 0, [])


def test_the_same_rows_again_change_nothing(known: Known) -> None:
    first = merged(known, a_row(1), a_row(2))
    again = merged(known, a_row(1), a_row(2), show=first.show)
    assert again.show == first.show
    assert (again.accepted, again.unchanged) == (0, 2)


def test_a_county_that_is_not_known_is_refused(known: Known) -> None:
    assert refusals(merged(known, a_row(county="999999"))) == [(2, "county")]


def test_an_item_that_is_not_known_is_refused_as_not_yet_listed(known: Known) -> None:
    result = merged(known, a_row(1, sku="NONE"), a_row(2))
    assert refusals(result) == [(2, "sku")]
    assert "not (yet) listed" in result.refused[0].reason
    assert result.refused[0].value == "NONE"
    assert [slot.slot for slot in result.show.slots] == [2]


@pytest.mark.parametrize("channels", ["Taobao Live", "taobao-live||web", "|", "web;youku", "-web"])
def test_malformed_channels_are_refused(known: Known, channels: str) -> None:
    assert refusals(merged(known, a_row(channels=channels))) == [(2, "channels")]


def test_a_channel_named_twice_is_one(known: Known) -> None:
    assert merged(known, a_row(channels="web | web|youku")).show.channels == ("web", "youku")


def test_a_slot_number_taken_twice_is_refused_the_second_time(known: Known) -> None:
    result = merged(known, a_row(1), a_row(1, sku="TEA", starts_min=60))
    assert refusals(result) == [(3, "slot")]
    assert "row 2" in result.refused[0].reason


def test_overlapping_minutes_are_refused_and_touching_ones_are_not(known: Known) -> None:
    result = merged(known, a_row(1), a_row(2, starts_min=11), a_row(3, starts_min=12))
    assert refusals(result) == [(3, "starts_min")]
    assert "slot 1, minutes 0 to 12" in result.refused[0].reason


def test_two_slots_may_change_places_in_one_file(known: Known) -> None:
    show = merged(known, a_row(1), a_row(2)).show
    result = merged(known, a_row(1, starts_min=12), a_row(2, starts_min=0), show=show)
    assert (result.accepted, result.refused) == (2, [])


def test_a_slot_does_not_move_into_one_whose_own_row_was_refused(known: Known) -> None:
    show = merged(known, a_row(1), a_row(2)).show
    result = merged(known, a_row(1, starts_min=12), a_row(2, starts_min=20), show=show)
    assert refusals(result) == [(3, "starts_min"), (2, "starts_min")]
    assert result.show == show


def test_a_row_of_another_programme_is_refused(known: Known) -> None:
    assert refusals(merged(known, a_row(1), a_row(2, programme="Other"))) == [(3, "programme")]


def test_a_county_plans_its_own_slots_only(known: Known) -> None:
    own = Import(caller=Caller(platform=False, county=XIUWEN))
    result = merged(known, a_row(1), a_row(2, county=LEISHAN), how=own)
    assert refusals(result) == [(3, "county")]
    assert [slot.slot for slot in result.show.slots] == [1]


def test_a_county_does_not_take_another_countys_slot(known: Known) -> None:
    show = merged(known, a_row(1, county=LEISHAN)).show
    own = Import(caller=Caller(platform=False, county=XIUWEN))
    result = merged(known, a_row(1), a_row(2), show=show, how=own)
    assert refusals(result) == [(2, "slot")]
    assert [slot.county for slot in result.show.slots] == [LEISHAN, XIUWEN]


def test_a_county_does_not_move_the_start_of_a_shared_show(known: Known) -> None:
    show = merged(known, a_row(1, county=LEISHAN)).show
    own = Import(caller=Caller(platform=False, county=XIUWEN), starts_at=NOW)
    assert refusals(merged(known, a_row(2), show=show, how=own)) == [(2, "show")]


def test_the_start_of_a_show_is_set_by_the_import(known: Known) -> None:
    show = merged(known, a_row(1)).show
    later = Import(caller=Caller(platform=True), starts_at=NOW + timedelta(hours=1))
    result = merged(known, a_row(1), show=show, how=later)
    assert result.show.starts_at == NOW + timedelta(hours=1)
    assert result.unchanged == 1


def test_a_show_begins_in_a_year_of_ours() -> None:
    assert planned_start(None) is None
    assert planned_start(NOW.replace(microsecond=1234)) == NOW.replace(microsecond=1000)
    with pytest.raises(Invalid, match="impossible-start"):
        planned_start(NOW.replace(year=1))


@pytest.mark.parametrize("state", ["live", "ended"])
def test_the_line_up_of_a_show_that_went_live_stands(known: Known, state: str) -> None:
    show = a_show(*merged(known, a_row(1)).show.slots, state=state)
    result = merged(known, a_row(1), a_row(2), show=show)
    assert refusals(result) == [(3, "show")]
    assert (result.unchanged, result.show) == (1, show)
    assert state in result.refused[0].reason


def test_stock_stays_with_a_changed_slot_of_the_same_item_only(known: Known) -> None:
    show = merged(known, a_row(1)).show
    allotment = an_allotment(show.slots[0])
    show = a_show(replace(show.slots[0], allotment=allotment))
    assert merged(known, a_row(1, minutes=10), show=show).show.slots[0].allotment == allotment
    assert merged(known, a_row(1, sku="TEA"), show=show).show.slots[0].allotment is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("minutes", "0"),
        ("minutes", "121"),
        ("starts_min", "-1"),
        ("allotted", "0"),
        ("allotted", "many"),
        ("allotted", "9" * 30),
        ("per_buyer_limit", "0"),
        ("slot", "0"),
        ("slot", ""),
        ("county", "52012"),
        ("sku", ""),
        ("channels", ""),
        ("programme", ""),
    ],
)
def test_a_cell_that_is_out_of_bounds_is_refused_with_its_column(column: str, value: str) -> None:
    cells = dict(zip(HEADER.split(","), ["P", "s", "1", "520123", "KIWI", "web", "0", "12", "500", "3"], strict=True))
    cells[column] = value
    (row,) = read(f"{HEADER}\n{','.join(cells.values())}\n", LineupRow)
    assert isinstance(row, Refused)
    assert (row.number, row.field) == (2, column)


def test_a_row_without_a_per_buyer_limit_has_none() -> None:
    (row,) = read(f"{HEADER}\nP,s,1,520123,KIWI,web,0,12,500,\n", LineupRow)
    assert isinstance(row, Good)
    assert row.row.per_buyer_limit is None
