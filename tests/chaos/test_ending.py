"""However a run ends, it is told: a table, a closing line, exit code 1 for trouble; what nobody knows is not nought."""

import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import requests
from docker.errors import APIError
from kafka.errors import KafkaError, KafkaTimeoutError
from rich.console import Console
from tests.chaos import faults, playing, run, story
from tests.chaos.faults import Blow, Fault
from tests.chaos.judge import Verdict
from tests.chaos.plan import Wish
from tests.chaos.playing import Stage
from tests.chaos.quiet import WELL, Jury, QuietLoad, QuietTown, Reader
from tests.chaos.story import Story, look
from tests.chaos.telling import tell
from tests.chaos.town import NotUp

LOST = WELL._replace(lost=2, wrong=("no-lost-order: it is gone", "no-lost-order: that too"))


@pytest.fixture(autouse=True)
def without_engines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"WARM_SECONDS": 0.0, "_SETTLE": 0.0}.items():
        monkeypatch.setattr(run, name, value)
    monkeypatch.setattr(playing, "Rest", Reader)
    monkeypatch.setattr(playing, "Judge", Jury)
    monkeypatch.setattr(Jury, "finds", (WELL,))
    monkeypatch.setattr(story, "_AGAIN_AFTER", 0.0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def raising(error: BaseException) -> Callable[[Blow], None]:
    def strike(_: Blow) -> None:
        raise error

    return strike


def played(
    strike: Callable[[Blow], None] = lambda _: None,
    *,
    kind: str = "stop",
    load: QuietLoad | None = None,
    json: Path | None = None,
    others: Mapping[str, Fault] = {},
) -> tuple[int, str, Story]:
    """A run of one short round: its exit code, what was told, and the story."""
    chosen = {"this": Fault("this", kind, (), strike), **others}
    stage = Stage(cast(Any, QuietTown()), cast(Any, load or QuietLoad()), chosen, Wish(7, 0.0), 0.0)
    told, out = Story(), io.StringIO()
    console = Console(file=out, width=200, highlight=False)
    with told.keeping("the run"):
        playing.play(stage, told, console)
    return tell(stage, told, console, json), out.getvalue(), told


def closing(said: str) -> str:
    return said.splitlines()[-1]


def test_a_run_in_which_all_is_well_ends_with_0() -> None:
    code, said, _ = played()
    assert code == 0
    assert closing(said) == "chaos: seed 7, 0:00 min, 1 faults, 0 kills, 3 acknowledged, 0 lost, 0 oversold, 0 doubled"


@pytest.mark.parametrize(
    "error",
    [
        NotUp("orders-1 is not there after 30 s"),
        APIError("500 Server Error"),
        requests.ReadTimeout("the engine does not answer"),
        httpx.ReadTimeout("toxiproxy does not answer"),
        KafkaTimeoutError("away"),
        KeyError("anything"),
    ],
)
def test_whatever_a_fault_ends_in_is_the_trouble_of_its_round(error: Exception) -> None:
    code, said, told = played(raising(error))
    assert code == 1
    assert f"this (round 1): {told.rounds[0].trouble}" in said
    assert str(error) in told.rounds[0].trouble
    assert type(error).__name__ in told.rounds[0].trace
    assert closing(said) == "chaos: seed 7, 0:00 min, 1 faults, 0 kills, 0 acknowledged, ? lost, ? oversold, ? doubled"


def test_what_ends_somebodys_work_is_the_trouble_of_the_round() -> None:
    code, _, told = played(load=QuietLoad(fails=ValueError("nobody thought of that")))
    assert (code, told.rounds[0].trouble) == (1, "ValueError: nobody thought of that")


def test_a_round_in_which_nothing_was_sold_out_says_nothing_of_overselling_and_is_trouble() -> None:
    code, _, told = played(load=QuietLoad(scarce=False))
    assert code == 1
    assert told.rounds[0].trouble.endswith("nobody was told that something is sold out")


def test_tracebacks_and_last_words_are_kept(tmp_path: Path) -> None:
    played(raising(KeyError("anything")))
    (kept,) = tmp_path.glob("shanhuo-chaos-*")
    assert "in strike" in (kept / "tracebacks.log").read_text()
    assert (kept / "orders-1.log").read_text() == "its last words"
    assert (kept / "groups.log").read_text() == "orders: nobody"


def test_an_error_without_words_is_a_trouble_all_the_same() -> None:
    assert played(raising(AssertionError()))[2].rounds[0].trouble == "AssertionError: "
    assert played(raising(faults.NoHarm()))[2].rounds[0].trouble == "NoHarm"


def test_a_kill_that_kills_nobody_shows_nothing() -> None:
    code, _, told = played(kind="kill-orders")
    assert (code, told.rounds[0].trouble) == (1, "this killed nobody")


def test_who_stops_a_run_is_told_what_came_of_it() -> None:
    code, said, told = played(raising(KeyboardInterrupt()))
    assert code == 1
    assert told.broken == ["the run: stopped before its end"]
    assert "recovered in s" in said
    assert closing(said).endswith("? lost, ? oversold, ? doubled")


@pytest.mark.parametrize("away", [KafkaError("slow"), requests.ReadTimeout(), KeyError("partition")])
def test_a_last_look_is_taken_again_when_an_engine_is_slow(monkeypatch: pytest.MonkeyPatch, away: Exception) -> None:
    monkeypatch.setattr(Jury, "finds", (away, away, WELL))
    code, said, _ = played()
    assert code == 0
    assert closing(said).endswith("0 lost, 0 oversold, 0 doubled")


def test_a_last_look_that_never_succeeds_fails_the_run_and_finds_nothing_to_be_well() -> None:
    Jury.finds = (KafkaError("slow"),) * 4
    code, said, told = played()
    assert code == 1
    assert told.broken == ["the last look at everything: an engine did not answer: KafkaError: KafkaError: slow"]
    assert told.rounds[0].verdict == WELL
    assert closing(said) == "chaos: seed 7, 0:00 min, 1 faults, 0 kills, 3 acknowledged, ? lost, ? oversold, ? doubled"


def test_what_a_last_look_finds_is_not_looked_at_again() -> None:
    Jury.finds = (LOST, WELL)
    code, said, _ = played()
    assert code == 1
    assert "at the end: no-lost-order: it is gone" in said
    assert closing(said).endswith("2 lost, 0 oversold, 0 doubled")


def test_a_look_goes_on_until_time_is_up() -> None:
    tries = iter(range(100))

    def at_everything() -> Verdict:
        if next(tries) < 20:
            raise KafkaError
        return WELL

    assert look(at_everything, within=60.0) is WELL


def test_what_cannot_be_kept_does_not_keep_the_closing_line_back(tmp_path: Path) -> None:
    code, said, _ = played(json=tmp_path / "nowhere" / "table.json")
    assert code == 1
    assert "Not all of it could be kept" in said
    assert closing(said).startswith("chaos: seed 7, ")


def test_the_table_that_is_kept_says_whether_everything_was_judged(tmp_path: Path) -> None:
    for name, strike in {"well": lambda _: None, "broken": raising(KeyError("anything"))}.items():
        played(strike, json=tmp_path / name)
    kept = {name: msgspec.json.decode((tmp_path / name).read_bytes()) for name in ("well", "broken")}
    assert [kept["well"]["judged_whole"], kept["broken"]["judged_whole"]] == [True, False]
    assert "KeyError" in kept["broken"]["rounds"][0]["trace"]


def test_kinds_without_a_turn_are_named() -> None:
    other = Fault("other", "cut-kafka", (), lambda _: None)
    assert "Without a turn in this time: cut-kafka." in played(others={"other": other})[1].replace(
        "stop.", "cut-kafka."
    )
