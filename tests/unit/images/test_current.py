"""Whether an image of ours is of the sources that are here: by what is in them, not by when they were written."""

import os
from pathlib import Path

import pytest

from images import docker, services, wheels
from images.services import Own

ORDERS = Own("orders", "services/orders", "services/orders", ("contracts", "orders"))
ELSEWHERE = ("services/notify/notify/a.py", "services/orders/settings.txt")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of which `make images` has just made the image of orders, by an engine that only keeps its label."""
    for package in ("contracts", "services/orders", "services/notify"):
        folder = tmp_path / package / Path(package).name
        folder.mkdir(parents=True)
        for name in ("__init__.py", "a.py"):
            (folder / name).write_text("A = 1\n")
        for name in ("pyproject.toml", "README.md", "Dockerfile", "requirements.txt"):
            (tmp_path / package / name).write_text('[project]\nversion = "7"\n')
    labels: dict[str, str] = {}
    monkeypatch.setattr(wheels, "ROOT", tmp_path)
    monkeypatch.setattr(services, "ROOT", tmp_path)
    monkeypatch.setattr(wheels, "_pip", lambda *_, into: (into / f"{into.name}.whl").write_text("a wheel"))
    monkeypatch.setattr(docker, "identity", lambda image: f"sha256:{image}")
    monkeypatch.setattr(docker, "inputs_of", labels.get)
    monkeypatch.setattr(docker, "build", lambda name, *_, inputs, **__: labels.update({name: inputs}))
    services.image(ORDERS, "python:1", lambda _: None)
    return tmp_path


def test_it_is_until_something_of_it_is_another(tree: Path) -> None:
    assert services.is_current(ORDERS, "python:1")
    assert not services.is_current(ORDERS, "python:2")


@pytest.mark.parametrize(
    "file", ["services/orders/orders/a.py", "services/orders/Dockerfile", "contracts/pyproject.toml"]
)
def test_a_change_of_what_goes_into_it_makes_it_old_until_it_is_made_again(tree: Path, file: str) -> None:
    (tree / file).write_text('[project]\nversion = "7"\nB = 2\n')
    assert not services.is_current(ORDERS, "python:1")
    services.image(ORDERS, "python:1", lambda _: None)
    assert services.is_current(ORDERS, "python:1")


def test_a_lock_that_was_compiled_anew_makes_it_old(tree: Path) -> None:
    (tree / "services/orders/requirements.txt").write_text("rich==1\n")
    assert not services.is_current(ORDERS, "python:1")


def test_what_is_written_later_but_is_the_same_or_not_in_it_leaves_it_current(tree: Path) -> None:
    os.utime(tree / "services/orders/orders/a.py")
    for file in ELSEWHERE:
        (tree / file).write_text("B = 2\n")
    assert services.is_current(ORDERS, "python:1")


def test_one_that_could_not_be_made_again_is_old_whatever_else_was_made_since(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise wheels.NotMadeError("no wheel")

    (tree / "services/orders/orders/a.py").write_text("A =\n")
    monkeypatch.setattr(wheels, "_pip", fails)
    with pytest.raises(wheels.NotMadeError):
        services.image(ORDERS, "python:1", lambda _: None)
    assert not services.is_current(ORDERS, "python:1")
