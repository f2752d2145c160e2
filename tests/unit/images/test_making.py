"""How images are chosen and made: nothing twice, nothing half, and a client that can build."""

import subprocess
import sys
from pathlib import Path

import pytest

from images import commands, docker, engines, hashes, wheels
from images.__main__ import write
from images.commands import NotMadeError
from images.engines import Engine

KAFKA = Engine("kafka", "apache/kafka:4.1.0", "shanhuo/kafka:4.1.0", lambda _: None)


class Registry:
    """Images by name with the hash that each was made of, and those that can be pulled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, here: dict[str, str], there: tuple[str, ...] = ()) -> None:
        self.here, self.made = here, 0
        monkeypatch.setattr(docker, "inputs_of", self.here.get)
        monkeypatch.setattr(docker, "here_or_pulled", lambda image: image in self.here or image in there)
        monkeypatch.delenv("KAFKA_IMAGE", raising=False)

    def choose(self) -> str:
        return engines.choose(KAFKA, "now", self.make, lambda _: None)

    def make(self) -> None:
        self.made += 1


def test_the_official_image_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(monkeypatch, {KAFKA.official: "", KAFKA.built: "now"})
    assert (registry.choose(), registry.made) == (KAFKA.official, 0)


def test_one_built_of_the_same_is_used_without_asking_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(monkeypatch, {KAFKA.built: "now"}, there=(KAFKA.official,))
    assert (registry.choose(), registry.made) == (KAFKA.built, 0)


def test_the_official_image_is_pulled_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(monkeypatch, {}, there=(KAFKA.official,))
    assert (registry.choose(), registry.made) == (KAFKA.official, 0)


@pytest.mark.parametrize("here", [{}, {KAFKA.built: "before"}], ids=["none", "one of other inputs"])
def test_it_is_built_where_none_can_be_had(monkeypatch: pytest.MonkeyPatch, here: dict[str, str]) -> None:
    registry = Registry(monkeypatch, here)
    assert (registry.choose(), registry.made) == (KAFKA.built, 1)


def test_an_image_that_was_asked_for_is_not_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(monkeypatch, {KAFKA.official: ""})
    monkeypatch.setenv("KAFKA_IMAGE", "registry.example/kafka:5")
    with pytest.raises(NotMadeError, match=r"registry\.example/kafka:5"):
        registry.choose()


def test_the_hash_changes_with_a_byte_and_with_a_name(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("one")
    seen = {hashes.of(tmp_path)}
    (tmp_path / "run").write_text("two")
    seen.add(hashes.of(tmp_path))
    (tmp_path / "run").rename(tmp_path / "start")
    seen.add(hashes.of(tmp_path))
    assert len(seen) == 3
    assert hashes.of("ab", "c") != hashes.of("a", "bc")


def test_what_was_made_of_the_same_is_not_made_again_and_what_failed_is(tmp_path: Path) -> None:
    made: list[str] = []

    def make(into: Path, *, fail: bool = False) -> None:
        made.append(into.name)
        (into / "half").touch()
        if fail:
            raise NotMadeError("no index")

    folder = tmp_path / "wheels"
    with pytest.raises(NotMadeError):
        wheels.once(folder, "1", lambda into: make(into, fail=True))
    for inputs in ("1", "1", "2"):
        wheels.once(folder, inputs, make)
    assert len(made) == 3


def test_the_names_of_an_earlier_call_are_kept_beside_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "build" / "images.env"
    path.parent.mkdir()
    write(path, {"KAFKA_IMAGE": "a:1", "ORDERS_IMAGE": "o:1"})
    write(path, {"ORDERS_IMAGE": "o:2"})
    assert path.read_text() == "KAFKA_IMAGE=a:1\nORDERS_IMAGE=o:2\n"


def test_what_a_person_wrote_beside_them_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nORDERS_PORT=9003\n\nORDERS_IMAGE=o:1\nDEBUG\n")
    write(path, {"ORDERS_IMAGE": "o:2", "KAFKA_IMAGE": "a:1"})
    assert path.read_text() == "# mine\nORDERS_PORT=9003\n\nORDERS_IMAGE=o:2\nDEBUG\nKAFKA_IMAGE=a:1\n"


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders on the PATH, and nothing else."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}:/usr/bin:/bin")
    docker.client.cache_clear()
    monkeypatch.setattr(commands, "run", lambda *_, **__: "")
    return tmp_path


def client(folder: Path, version: str, *, buildx: bool) -> str:
    path = folder / "docker"
    path.write_text(
        f"#!/bin/sh\ncase $1 in buildx) {'echo v0.12' if buildx else 'exit 1'};; *) echo {version};; esac\n"
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (("28.2.2", False), ("20.10.24", False), "second"),
        (("28.2.2", True), ("20.10.24", False), "first"),
        (("20.10.24", False), ("28.2.2", True), "first"),
    ],
    ids=["newer without buildx", "newer with buildx", "older"],
)
def test_the_first_client_that_can_build_is_taken(
    clients: Path, first: tuple[str, bool], second: tuple[str, bool], taken: str
) -> None:
    for name, (version, buildx) in (("first", first), ("second", second)):
        client(clients / name, version, buildx=buildx)
    assert docker.client() == str(clients / taken / "docker")
    docker.client.cache_clear()


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    done = subprocess.run([sys.executable, "-m", "images", "kafak"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "kafak: there is kafka, mongodb" in done.stderr


def test_what_a_program_said_last_is_told_when_it_fails() -> None:
    with pytest.raises(NotMadeError, match="ended with 3:\n  no such suite"):
        commands.run("sh", "-c", "echo no such suite; exit 3")
