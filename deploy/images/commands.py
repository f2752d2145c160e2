"""Runs other programs: quietly when they do well, with the end of what they said when they do not."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SHOWN_LINES = 15


class NotMadeError(RuntimeError):
    """An image could not be had; the text is for a person."""


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    within: float = 1800,
) -> str:
    """What the command printed. Raises `NotMadeError` with the end of its words when it fails or takes too long."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotMadeError(f"{words[0]} {words[1]} took longer than {within:g} s") from None
    if done.returncode:
        end = "\n  ".join(done.stdout.strip().splitlines()[-_SHOWN_LINES:])
        raise NotMadeError(f"{' '.join(words[:4])} … ended with {done.returncode}:\n  {end}")
    return done.stdout


def need(**packages: str) -> None:
    """Have these programs, each of the Debian package named: installed if this is root on Debian, else asked for."""
    missing = {program: package for program, package in packages.items() if not shutil.which(program)}
    if not missing:
        return
    names = sorted(set(missing.values()))
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NotMadeError(f"{', '.join(missing)} not found; install it ({' '.join(names)} in Debian) and try again")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-qq", "update", env=quiet)
    run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", *names, env=quiet)
