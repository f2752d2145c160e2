"""For tests of services.

Waiting for facts, and a relay that only remembers. No engine and no service is known here.
"""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from mongoengine import Document

T = TypeVar("T")


def eventually(check: Callable[[], T], within: float = 10.0, every: float = 0.05) -> T:
    """Call `check` until it returns something true and raises no AssertionError.

    Its value, or the last failure after `within` seconds.
    """
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


class FakeRelay:
    """Remembers which documents were said to have events; publishes nothing."""

    def __init__(self) -> None:
        self.told: list[tuple[type[Document], str]] = []

    def publish(self, document: type[Document], ids: Iterable[str], inserted: object = None) -> None:  # noqa: ARG002
        """As `Relay.publish`; what was inserted is not kept."""
        self.told.extend((document, key) for key in ids)
