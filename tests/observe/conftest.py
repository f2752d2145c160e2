"""What is here needs Prometheus: skipped, with its package's name, where there is none; in CI it must be there."""

import os
import shutil

import pytest

from watch.prometheus import PACKAGE


@pytest.fixture(scope="session", autouse=True)
def prometheus_is_here() -> None:
    """SHANHUO_PROMETHEUS=required makes it an error that it is not."""
    if shutil.which("prometheus") is None:
        (pytest.fail if os.environ.get("SHANHUO_PROMETHEUS") == "required" else pytest.skip)(PACKAGE)
