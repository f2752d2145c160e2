"""Waits for facts, and knows how much longer they may take where others keep the machine busy.

What must be true is the same there.
"""

import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE: Final = "SHANHUO_PATIENCE"
T = TypeVar("T")


def patience() -> float:
    """How many times as long as on a machine of one's own a fact may take: SHANHUO_PATIENCE, 1 if it is not set."""
    return float(os.environ.get(PATIENCE) or 1)


def eventually(check: Callable[[], T], within: float = 10.0, every: float = 0.05) -> T:
    """Call `check` until it returns something true and raises no AssertionError.

    Its value, or the last failure after `within` seconds (of a machine as fast as `patience` says).
    """
    within *= patience()
    deadline = time.monotonic() + within
    while True:
        try:
            value = check()
            if value or time.monotonic() > deadline:
                assert value, f"still {value!r} after {within} s"
                return value
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(every)
