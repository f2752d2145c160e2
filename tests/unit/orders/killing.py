"""Kills a process at a chosen step towards the database or the broker, takes these away from it, or lets somebody else
act just before it.

No signal is sent: a step is a call of pymongo's or of the broker's, and whoever was killed reaches neither any more,
whatever `finally` and `except` it still runs through. That is what `kill -9` looks like from the database. What really
kills a process is in `tests/integration/test_crash_points.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, PyMongoError

How = Literal["before", "after", "half", "meanwhile", "overtaken", "away", "unheard"]
HALVED: Final = ("insert_many", "bulk_write")
_WRITES: Final = (
    "insert_one",
    "insert_many",
    "update_one",
    "update_many",
    "replace_one",
    "delete_one",
    "delete_many",
    "bulk_write",
    "find_one_and_update",
    "find_one_and_replace",
    "find_one_and_delete",
)
_READS: Final = ("find", "find_one", "aggregate", "count_documents", "distinct")


class Killed(BaseException):
    """The process is no more. Not an `Exception`: nothing that answers errors may answer this one."""


class Fate:
    """What befalls a process at its nth step, counted from 1.

    It is killed `before` the step or `after` it: then writes (and sendings) are counted. Or when `half` of what it
    writes in bulk is written: then only writes of more than one are. Or somebody else acts just before: `meanwhile`
    counts readings as well, `overtaken` counts writes only, so that it comes between what was read and what is
    written. Or the engines are `away` from that step on, a reading or a write, until the fate ends: the process is
    told so and lives. `unheard`: they take that one write, and nobody is told.
    """

    def __init__(self, at: int = 0, how: How = "before", act: Callable[[], object] = lambda: None) -> None:
        self.at, self.how, self.act = at, how, act
        self.steps = 0
        self.met = False

    @property
    def killed(self) -> bool:
        """Whether it has come to that."""
        return self.met and self.how in ("before", "after", "half")

    @property
    def away(self) -> bool:
        """Whether the engines are."""
        return self.met and self.how in ("away", "unheard")

    def meet(self, step: str, take: Callable[[], Any], half: Callable[[], Any] | None = None) -> Any:
        """Take the step, unless fate has it otherwise."""
        if self.met and self.how not in ("meanwhile", "overtaken"):
            raise self._end(step)
        counts = self._counts(step, half is not None)
        self.steps += counts
        if not counts or self.steps != self.at:
            return take()
        self.met = True
        if self.how in ("meanwhile", "overtaken"):
            self.act()
            return take()
        if self.how in ("after", "unheard"):
            take()
        elif self.how == "half" and half is not None:
            half()
        raise self._end(step)

    def _end(self, step: str) -> BaseException:
        """What whoever takes a step meets from then on."""
        if self.killed:
            return Killed()
        return KafkaTimeoutError("away") if step == "send" else AutoReconnect("away")

    def _counts(self, step: str, of_more_than_one: bool) -> bool:
        return self.how in ("meanwhile", "away") or (step not in _READS and (self.how != "half" or of_more_than_one))


_fates: list[Fate] = []


@contextmanager
def fated(fate: Fate) -> Iterator[Fate]:
    """Within, what is done is the fate's; it ends there if the process is killed, or the engines go away."""
    _fates.append(fate)
    try:
        yield fate
    except Killed:
        pass
    except (PyMongoError, KafkaError):
        if not fate.away:
            raise
    finally:
        _fates.remove(fate)


def step(name: str, take: Callable[[], Any], half: Callable[[], Any] | None = None) -> Any:
    """A step of whoever acts now. What it consists of, and what others do meanwhile, are no steps of its own."""
    if not _fates:
        return take()
    fate = _fates.pop()
    try:
        return fate.meet(name, take, half)
    finally:
        _fates.append(fate)


def mortal_database(patch: pytest.MonkeyPatch) -> None:
    """From now on each call of a collection is a step."""
    for name in (*_WRITES, *_READS):
        patch.setattr(Collection, name, _stepping(name, getattr(Collection, name)))


def _stepping(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        half = _halved(name, original, self, args, kwargs)
        return step(name, lambda: original(self, *args, **kwargs), half)

    return call


def _halved(
    name: str, original: Callable[..., Any], collection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], Any] | None:
    """The first half of what is written in bulk: one command of many documents is no transaction."""
    if name not in HALVED or not args:
        return None
    every: Sequence[Any] = args[0]
    if len(every) < 2:
        return None
    return lambda: original(collection, every[: len(every) // 2], *args[1:], **kwargs)
