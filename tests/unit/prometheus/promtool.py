"""Prometheus' own tool, which reads, checks and tries rules."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest


def promtool(*args: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it. Where it is not installed the test is skipped, with the reason."""
    program = shutil.which("promtool")
    if program is None:
        lacking("promtool is not installed (Debian: apt-get install prometheus)")
    return subprocess.run([program, *map(str, args)], capture_output=True, text=True, check=False)


def lacking(what: str) -> NoReturn:
    """A tool that is not here: the test is skipped, or fails where SHANHUO_PROMETHEUS=required."""
    if os.environ.get("SHANHUO_PROMETHEUS") == "required":
        pytest.fail(what)
    pytest.skip(what)
