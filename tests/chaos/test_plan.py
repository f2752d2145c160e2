"""The plan: what matters most first, all of it by the seed; what cannot be done is said and never skipped."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from tests.chaos import faults, images
from tests.chaos.plan import SHORT_HOLD, Wish, order, without_turn

KNOWN = faults.every()
ESSENTIAL = {"kill-orders", "kill-kafka", "kill-mongodb", "restart-kafka", "full-disk"}
OTHER_KILLS = {"kill-catalog", "kill-broadcast", "kill-notify", "kill-storm"}


def names(wish: Wish, number: int) -> list[str]:
    return [fault.name for fault in islice(order(KNOWN, wish), number)]


def chaos(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.chaos", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**env, "PATH": "/usr/bin"})


def test_every_service_and_engine_is_killed_stopped_and_frozen() -> None:
    for victim in ("catalog", "broadcast", "orders", "notify", "kafka", "mongodb"):
        assert {f"kill-{victim}", f"stop-{victim}", f"freeze-{victim}"} <= KNOWN.keys()


def test_each_kind_has_its_turn_before_any_has_a_second() -> None:
    kinds = {fault.kind for fault in KNOWN.values()}
    assert {KNOWN[name].kind for name in names(Wish(7, 3), len(kinds))} == kinds


@pytest.mark.parametrize("seed", range(20))
def test_orders_and_engines_are_killed_before_all_else_and_then_the_others(seed: int) -> None:
    first = names(Wish(seed, 3), len(ESSENTIAL) + len(OTHER_KILLS))
    assert set(first[: len(ESSENTIAL)]) == ESSENTIAL
    assert set(first[len(ESSENTIAL) :]) == OTHER_KILLS


def test_the_seed_decides_which_of_them_is_first() -> None:
    assert {names(Wish(seed, 3), 1)[0] for seed in range(50)} == ESSENTIAL


def test_kinds_that_had_no_turn_are_known() -> None:
    played = names(Wish(7, 3), 9)
    left = without_turn(KNOWN, set(played))
    assert {KNOWN[name].kind for name in played}.isdisjoint(left)
    assert len(left) == len({fault.kind for fault in KNOWN.values()}) - len(played)


def test_a_run_is_over_when_its_time_is_up_or_its_kills_are_done_whichever_is_first() -> None:
    assert [Wish(7, 3).over(seconds, kills=0) for seconds in (179.0, 180.0)] == [False, True]
    assert [Wish(7, None, kills=5).over(9_999.0, kills) for kills in (4, 5)] == [False, True]
    assert [Wish(7, 3, kills=5).over(seconds, 4) for seconds in (179.0, 180.0)] == [False, True]
    assert Wish(7, 3, kills=5).over(10.0, kills=5)


def test_the_same_seed_is_the_same_plan_and_another_is_not() -> None:
    assert names(Wish(7, 3), 60) == names(Wish(7, 3), 60)
    assert names(Wish(7, 3), 60) != names(Wish(8, 3), 60)


def test_who_wants_kills_gets_mostly_kills() -> None:
    late = names(Wish(7, None, kills=200), 200)[len(KNOWN) :]
    assert sum(KNOWN[name].kills for name in late) > len(late) / 2


def test_a_short_run_holds_shortly_and_a_long_one_for_half_a_minute() -> None:
    stop = KNOWN["stop-mongodb"]
    assert Wish(7, 3).hold(stop) == Wish(7, 3, kills=200).hold(stop) == SHORT_HOLD
    assert Wish(7, 40).hold(stop) == Wish(7, None, kills=200).hold(stop) == 30.0


def test_the_list_names_every_fault() -> None:
    said = chaos("--list")
    assert said.returncode == 0
    assert said.stdout.split() == list(KNOWN)


@pytest.mark.parametrize("some", ["stop-orders,kill-kafka", "rebalance-storm"])
def test_kills_may_be_counted_where_some_fault_kills(some: str) -> None:
    said = chaos("--kills", "5", "--faults", some, DOCKER_HOST="tcp://127.0.0.1:1")
    assert "no Docker engine answers" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "lacks"),
    [
        (["--faults", "kill-everybody"], "no such fault: kill-everybody"),
        (["--minutes", "0"], "is no number from 0.1 to 600"),
        (["--kills", "many"], "is no whole number"),
        (["--kills", "5", "--faults", "stop-orders,full-disk"], "none of these faults kills anybody"),
        (["--rate", "x"], "is no number"),
        (["--json", "/proc/nowhere.json"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: list[str], lacks: str) -> None:
    said = chaos(*arguments)
    assert said.returncode == 2
    assert lacks in said.stderr
    assert len(said.stderr.splitlines()) == 1


def test_without_a_docker_engine_it_says_what_to_run() -> None:
    said = chaos("--seed", "7", DOCKER_HOST="tcp://127.0.0.1:1")
    assert said.returncode == 2
    assert "no Docker engine answers" in said.stderr
    assert len(said.stderr.splitlines()) == 1


class Engine:
    """One that has these images."""

    def __init__(self, *images: str) -> None:
        self.images = self
        self._images = images

    def get(self, image: str) -> str:
        if image not in self._images:
            raise images.ImageNotFound("no such image")
        return image


def test_images_are_those_that_were_made_unless_the_environment_names_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "is_current", lambda *_: True)
    written = tmp_path / "images.env"
    written.write_text("".join(f"{name}_IMAGE=made/{name.lower()}:1\n" for name in images.NEEDED))
    engine = Engine("own/kafka:4", *(f"made/{name.lower()}:1" for name in images.NEEDED))
    chosen = images.chosen(engine, {"KAFKA_IMAGE": "own/kafka:4"}, written)
    assert chosen["kafka"] == "own/kafka:4"
    assert chosen["orders"] == "made/orders:1"


def test_what_was_built_before_the_sources_were_changed_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "is_current", lambda own, _: own.name != "orders")
    written = tmp_path / "images.env"
    written.write_text("".join(f"{name}_IMAGE=made/{name.lower()}:1\n" for name in images.NEEDED))
    engine = Engine("own/orders:4", *(f"made/{name.lower()}:1" for name in images.NEEDED))
    with pytest.raises(images.NotThere, match="orders: not of the sources that are here: run `make images` first"):
        images.chosen(engine, {}, written)
    assert images.chosen(engine, {"ORDERS_IMAGE": "own/orders:4"}, written)["orders"] == "own/orders:4"


def test_an_image_that_is_not_here_is_named_with_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(images.NotThere, match=r"no image for kafka, .*notify: run `make images` first"):
        images.chosen(Engine(), {}, tmp_path / "none.env")


def test_without_libfaketime_the_skew_says_which_package_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults.glob, "glob", lambda _: [])
    with pytest.raises(images.NotThere, match="install the Debian package `libfaketime`"):
        faults.faketime()
