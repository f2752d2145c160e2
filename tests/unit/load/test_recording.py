"""Recordings of shows: written and read back the same, and a wrong row is named with its field and the reason."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from load import recording
from load.recording import BadRecording, Ended, Featured, Placed, Started

SAMPLE = Path(recording.__file__).parent / "recordings" / "town-store-treasure.jsonl"
STARTED = {"what": "stream.started", "at": 0, "show": "evening", "programme": "Town Store Treasure"}
FEATURED = {
    "what": "item.featured", "at": 1, "slot": 1, "county": "520123", "sku": "XW-KIWI-5", "channels": ["web"],
    "offered": 100, "limit": 3, "window_seconds": 60,
}  # fmt: skip
PLACED = {"what": "order.placed", "at": 2, "order": 1, "who": "r-a", "slot": 1, "channel": "web", "quantity": 2}
PAID = {"what": "order.paid", "at": 3, "order": 1}
ENDED = {"what": "stream.ended", "at": 90}


def lines(*rows: dict[str, Any]) -> list[str]:
    return [json.dumps(row) for row in rows]


def test_a_recording_is_read_as_it_was_written() -> None:
    rows = recording.read(lines(STARTED, FEATURED, PLACED, PAID, ENDED))
    assert [type(row) for row in rows[:3]] == [Started, Featured, Placed]
    assert recording.read(recording.written(rows)) == rows


def test_the_sample_is_a_recording_and_names_nobody() -> None:
    rows = recording.read_file(SAMPLE)
    placed = [row for row in rows if isinstance(row, Placed)]
    assert len(placed) > 100
    assert isinstance(rows[-1], Ended)
    assert all(row.who.startswith("r-") and len(row.who) == 14 for row in placed)
    assert "buyer-0" not in SAMPLE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "row 1: what: the last row is `stream.ended`"),
        (lines(STARTED, FEATURED), "row 3: what: the last row is `stream.ended`"),
        (lines(FEATURED), "row 1: what: the first row is `stream.started`"),
        (lines(STARTED, STARTED), "row 2: what: a show starts once"),
        (lines(STARTED, ENDED, PAID), "row 3: what: nothing follows"),
        (lines(STARTED, FEATURED | {"at": 5}, PLACED), "row 3: at: it is earlier than the row before \\(5\\)"),
        (lines(STARTED | {"at": -1}), "row 1: at: Expected `float` >= 0"),
        (lines(STARTED, PLACED), "row 2: slot: 1 was not on screen before"),
        (lines(STARTED, FEATURED, PLACED | {"channel": "youku"}), "row 3: channel: slot 1 is sold on web"),
        (lines(STARTED, FEATURED, PLACED | {"quantity": 0}), "row 3: quantity: Expected `int` >= 1"),
        (lines(STARTED, FEATURED, PLACED | {"quantity": "two"}), "row 3: quantity: Expected `int`, got `str`"),
        (lines(STARTED, FEATURED, PLACED | {"buyer": "x"}), "row 3: .*unknown field `buyer`"),
        (lines(STARTED, FEATURED, PLACED, PLACED), "row 4: order: 1 was placed before"),
        (lines(STARTED, FEATURED, PAID), "row 3: order: 1 was not placed before"),
        (lines(STARTED, FEATURED | {"county": "Xiuwen"}), "row 2: county: "),
        (lines(STARTED, {"what": "order.shipped", "at": 1}), "row 2: what: .*order.shipped"),
        (lines(STARTED, {"at": 1}), "row 2: .*missing required field `what`"),
        (["{"], "row 1: .*truncated"),
        ([""], "row 1: .*truncated"),
        (["[" * 100_000], "row 1: "),
    ],
)
def test_a_wrong_row_is_named_with_its_field_and_the_reason(rows: list[str], why: str) -> None:
    with pytest.raises(BadRecording, match=f"^{why}"):
        recording.read(rows)


@pytest.mark.parametrize(("content", "why"), [(b"\xff\xfe", "decode"), (b'{"what"', "row 1: "), (None, "No such file")])
def test_a_file_that_is_none_ends_the_command_with_2_and_one_line(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    path = tmp_path / "show.jsonl"
    if content is not None:
        path.write_bytes(content)
    command = [sys.executable, "-W", "ignore", "-m", "load", "check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
