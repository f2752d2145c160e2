"""A memory that does not grow: the last so many of what was added."""

from collections.abc import Iterable
from itertools import islice


class Lately:
    """The last so many of the things that were added."""

    def __init__(self, most: int) -> None:
        self._known: dict[str, None] = {}
        self._most = most

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def add(self, keys: Iterable[str]) -> None:
        """Remember these, and forget the oldest where they are too many."""
        self._known.update(dict.fromkeys(keys))
        for key in list(islice(self._known, max(0, len(self._known) - self._most))):
            del self._known[key]
