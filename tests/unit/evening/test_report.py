"""The report: figures are counted from the evidence, and what is printed and drawn is what they say."""

import io
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from evening import picture, report
from evening.audit import judge
from evening.crowd import Answer
from evening.figures import figures, placing
from evening.night import summary
from evening.plan import Behaviour

from .small_evening import SHOW, after, order, placed, small_evening


def answer(number: int, **different: Any) -> Answer:
    known = {
        "at": after(11),
        "seconds": number / 1000,
        "show": "sweet",
        "slot": 1,
        "channel": "web",
        "buyer": f"buyer-{number}",
        "behaviour": Behaviour.PAYS,
        "key": f"key-{number}",
        "quantity": 2,
        "allotment_id": "slot-1",
        "status": 201,
    }
    return Answer(**known | different)


ANSWERS = [
    answer(1),
    answer(2),
    answer(3, status=409, problem="sold-out"),
    answer(4, status=409, problem="window-closed"),
]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """A report as `--json` writes and reads it."""
    refused = [{"row": number, "field": "customer", "reason": "is blank", "value": ""} for number in (1445, 1446, 1447)]
    imported = {"rows": 4, "accepted": 1, "unchanged": 0, "refused": refused}
    evidence = small_evening()
    whole = figures(evidence, ANSWERS) | {
        "settings": {"seed": 7, "viewers": 4, "speed": 144.0},
        "imports": {"uk-gift-shop": summary(imported)},
        "phases": {"start": 5.0, "shows": 20.0},
        "stack": {
            "ready_seconds": {"orders": 4.2},
            "footprint_ready_mb": 300.0,
            "footprint_mb": 321.0,
            "memory_mb": {"orders": 80.0},
        },
        "audit": [check.as_dict() for check in judge(evidence)],
    }
    return msgspec.json.decode(msgspec.json.encode(whole))


def printed(found: Mapping[str, Any]) -> str:
    out = io.StringIO()
    report.show(found, Console(file=out, width=220))
    return out.getvalue()


def test_a_slot_tells_what_was_offered_sold_and_refused(found: dict[str, Any]) -> None:
    (slot,) = found["slots"]
    assert (slot["offered"], slot["sold"], slot["returned"], slot["orders"]) == (10, 2, 8, 1)
    assert slot["refused"] == {"sold-out": 1, "window-closed": 1}
    assert slot["revenue_fen"] == 19_800
    assert slot["sold_out_after_seconds"] is None


def test_a_slot_is_sold_out_when_its_last_unit_goes_for_the_first_time() -> None:
    evidence = small_evening()
    bulk = order(9, quantity=8, total_fen=79_200)
    evidence.topics = type(evidence.topics)([*evidence.topics.said, *placed(bulk)])
    assert figures(evidence, ())["slots"][0]["sold_out_after_seconds"] == 1.0


def test_a_show_adds_up_its_slots_and_its_channels_peaks(found: dict[str, Any]) -> None:
    (show,) = found["shows"]
    assert (show["show_id"], show["viewers"], show["featured"]) == (SHOW, 1_150_000, 1)
    assert (show["sold"], show["revenue_fen"], show["seconds"]) == (2, 19_800, 20.0)


def test_shows_channels_and_counties_come_to_the_same_revenue(found: dict[str, Any]) -> None:
    assert sum(one["revenue_fen"] for one in found["channels"]) == found["revenue_fen"] == 19_900
    assert sum(one["revenue_fen"] for one in found["counties"]) == found["revenue_fen"]


def test_a_rehearsal_is_in_no_figure_but_its_own(found: dict[str, Any]) -> None:
    assert found["rehearsal"] == {"orders": 1}
    assert found["orders"]["placed"] == 3


def test_placing_is_told_in_percentiles() -> None:
    slow = [answer(number) for number in range(1, 101)]
    told = placing([*slow, answer(101, status=0, seconds=60.0)])
    assert told["requests"] == 100
    assert (told["p50_ms"], told["p99_ms"], told["max_ms"]) == (50.5, 99.0, 100.0)


def test_the_busiest_second_is_counted_by_when_requests_were_sent() -> None:
    assert placing([answer(1), answer(2), answer(3, at=after(12) + timedelta(seconds=5))])["busiest_second"] == 2


def test_an_import_tells_its_reasons_with_some_of_the_rows(found: dict[str, Any]) -> None:
    (reason,) = found["imports"]["uk-gift-shop"]["reasons"]
    assert reason == {"field": "customer", "reason": "is blank", "rows": 3, "samples": [1445, 1446, 1447]}


def test_the_printed_report_names_shows_slots_channels_counties_imports_and_checks(found: dict[str, Any]) -> None:
    text = printed(found)
    for word in ("Sweet", "Tea", "web", "uk-gift-shop", "Leishan 522634", "1,150,000", "¥199.00", "321 MB", "1445"):
        assert word in text
    for check in found["audit"]:
        assert check["name"] in text


def test_a_failed_check_is_printed_with_what_was_found(found: dict[str, Any]) -> None:
    failed = {"name": "stock", "ok": False, "items": 2, "looked_at": 2, "failed": 1, "faults": ["TEA: 20 in lots"]}
    text = printed({**found, "audit": [failed]})
    assert "NO" in text
    assert "stock: TEA: 20 in lots" in text


def test_money_is_printed_in_yuan_without_floats() -> None:
    assert report.yuan(19_900) == "¥199.00"
    assert report.yuan(123_456_705) == "¥1,234,567.05"


def test_the_picture_is_drawn(found: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "new" / "evening.png"
    picture.draw(found, path)
    assert path.read_bytes().startswith(b"\x89PNG")
