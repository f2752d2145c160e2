"""Wheelhouses: for each image a folder with the wheels its lock names, and those of our own packages.

The images are made of these alone. Third-party wheels are checked against the lock's hashes; our own are the same for
the same sources.
"""

import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from images import hashes
from images.commands import NotMadeError, run

ROOT = Path(__file__).parents[2]
OWN = ("contracts", "chassis", "services/catalog", "services/broadcast", "services/orders", "services/notify", "deploy")
PYTHON = (3, 11)  # the minor version of PYTHON_IMAGE
EPOCH = "1577836800"  # 2020-01-01: the time of every file we make, so that the same sources give the same bytes


def check_python() -> None:
    """Wheels are made for one minor version of Python, on Linux."""
    wanted = ".".join(map(str, PYTHON))
    if sys.version_info[:2] != PYTHON or sys.platform != "linux":
        raise NotMadeError(
            f"wheels for the images are made by Python {wanted} on Linux: make images PYTHON=python{wanted}"
        )


def wheelhouse(folder: Path, lock: Path, own: Iterable[str] = ()) -> Path:
    """`locked/` and `own/` in this folder, made anew only when the lock or the sources have changed."""
    once(folder / "locked", _lock_inputs(lock), lambda into: _locked(lock, into))
    ours = [_ours(name, folder.parent) for name in own]
    once(folder / "own", hashes.of(*ours), lambda into: _copies(ours, into))
    return folder


def is_current(folder: Path, lock: Path, own: Iterable[str] = ()) -> bool:
    """Whether `wheelhouse` would leave it as it is. Makes nothing."""
    ours = {folder.parent / "ours" / name: _wheel_inputs(_source(name)) for name in own}
    made = {folder / "locked": _lock_inputs(lock), **ours}
    return all(_filled(*each) for each in made.items()) and _filled(folder / "own", hashes.of(*ours))


def _lock_inputs(lock: Path) -> str:
    return hashes.of(lock, sys.version)


def _locked(lock: Path, into: Path) -> None:
    _pip("--require-hashes", "--requirement", lock, into=into)


def _ours(name: str, beside: Path) -> Path:
    """The folder with the wheel of one of our packages."""
    source, folder = _source(name), beside / "ours" / name
    once(folder, _wheel_inputs(source), lambda into: _pip("--no-build-isolation", f"{source}/", into=into))
    return folder


def _source(name: str) -> Path:
    (source,) = (ROOT / path for path in OWN if Path(path).name == name)
    return source


def _wheel_inputs(package: Path) -> str:
    """Of what goes into a package's wheel: its pyproject, README, folders with Python in them, and sample data."""
    return hashes.of(
        package / "pyproject.toml",
        package / "README.md",
        *sorted(path.parent for path in package.glob("*/__init__.py")),
        *package.glob("data"),
    )


def _pip(*wanted: str | Path, into: Path) -> None:
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--wheel-dir", into, *wanted,
        env={"SOURCE_DATE_EPOCH": EPOCH}, cwd=into,
    )  # fmt: skip


def _copies(ours: Iterable[Path], into: Path) -> None:
    for wheel in (wheel for folder in ours for wheel in folder.glob("*.whl")):
        shutil.copy(wheel, into)


def once(folder: Path, inputs: str, make: Callable[[Path], None]) -> None:
    """Fill the folder unless it was filled from the same inputs. A failure in the middle leaves nothing half full."""
    if _filled(folder, inputs):
        return
    stamp = _stamp(folder)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(folder)
    stamp.write_text(inputs)


def _filled(folder: Path, inputs: str) -> bool:
    stamp = _stamp(folder)
    return folder.is_dir() and stamp.is_file() and stamp.read_text() == inputs


def _stamp(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.inputs")
