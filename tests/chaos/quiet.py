"""A town, its load and its judge with whom all is well, for tests of how a run ends. Starts and connects nothing."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from tests.chaos.goods import Goods
from tests.chaos.judge import Verdict
from tests.chaos.ledger import Ledger
from tests.chaos.shelves import SOLD_OUT

WELL = Verdict(acknowledged=3, lost=0, oversold=0, doubled=0, other=0, seconds=0.1, wrong=())


class QuietTown:
    """One in which all is well; `kills` grows by whoever kills."""

    run, kafka, mongodb = "run", "", ""

    def __init__(self) -> None:
        self.kills, self.last_kill = 0, 0.0
        self.keeper = SimpleNamespace(deaths=[])

    def unready(self) -> list[str]:
        return []

    def logs(self) -> dict[str, str]:
        return {"orders-1": "its last words"}


class QuietLoad:
    """Buyers who are served at once, until all is sold; `fails` is raised by what one of them does."""

    def __init__(self, fails: Exception | None = None, *, scarce: bool = True) -> None:
        self.ledger = Ledger()
        self._fails, self._scarce = fails, scarce

    def start(self) -> None:
        """Everybody is there."""

    def open(self, _: Goods, __: float) -> None:
        self.ledger.turn_page()
        if self._scarce:
            self.ledger.told_no(SOLD_OUT)

    def pause(self, _: float) -> None:
        if self._fails:
            raise self._fails

    def close(self, within: float) -> None:
        """All is sent off."""

    def check(self) -> None:
        """Nobody's work has ended."""


class Reader:
    """Has read everything, and is at rest."""

    def __init__(self, *_: object) -> None:
        """Nobody has to be connected with."""

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        """Nor left."""

    def renew(self) -> None:
        """There is nothing new."""

    def said(self) -> dict[Any, int]:
        return {}

    def behind(self, _: object) -> str:
        return ""

    def busy(self) -> str:
        return ""

    def describe(self) -> str:
        return "orders: nobody"


class Jury:
    """Finds every round well, and everything as it is told to, time after time: a verdict, or what goes wrong."""

    finds: tuple[Verdict | BaseException, ...] = (WELL,)

    def __init__(self, *_: object) -> None:
        self._finds: Iterator[Verdict | BaseException] = iter(type(self).finds)

    def round(self, *_: object) -> Verdict:
        return WELL

    def whole(self, *_: object) -> Verdict:
        found = next(self._finds)
        if isinstance(found, BaseException):
            raise found
        return found
