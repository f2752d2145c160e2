"""Plays a fixed scene with a real engine on the real database, and is really killed (SIGKILL) at the step it is told.

`python -m tests.integration.crashing DIARY TOPICS` reads one step a line (`17 before`, `17 after`) and plays the scene
in a fork of its own for each, which costs no new interpreter. Everything that was asked and answered goes to the file
DIARY the moment it happens, everything published to the file TOPICS, so that both survive. A step is a command that
writes, as the driver's own monitoring tells it, or a sending to the broker.
"""

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from pymongo import monitoring
from tests.unit.orders.acting import (
    Action,
    Allot,
    Cancel,
    Close,
    Feature,
    GiveBack,
    Join,
    Pay,
    Place,
    Tend,
)
from tests.unit.orders.bookkeeper import Bookkeeper
from tests.unit.orders.elsewhere import Import, Receive, Row, Sold
from tests.unit.orders.evening import Evening, Wish
from tests.unit.orders.issuing import Issue
from tests.unit.orders.replicas import Broker, Replica

from chassis.config import load
from chassis.mongo import connect
from chassis.producer import Message
from orders.payments import TestProvider
from orders.settings import OrdersSettings

LAST: Final = -1
SCENE: Final[Sequence[Action]] = (
    Allot(offered=20, limit=None, slot=None),
    Allot(offered=9, limit=3, slot="now"),
    Place((Wish(stock=0, buyer=0, key=0, quantity=2),)),
    Place((Wish(stock=1, buyer=1, key=0, quantity=3),)),
    Tend("publish"),
    Place(
        (
            Wish(stock=0, buyer=2, key=0, quantity=1),
            Wish(stock=1, buyer=2, key=1, quantity=2),
            Wish(stock=0, buyer=2, key=0, quantity=1),  # the same again
            Wish(stock=1, buyer=1, key=1, quantity=1),  # over the limit
            Wish(stock=1, buyer=0, key=0, quantity=2),  # a key that another request has
            Wish(stock=1, buyer=3, key=0, quantity=2),
            Wish(stock=0, buyer=3, key=0, quantity=2),  # one key for both, at once
            Wish(stock=0, buyer=3, key=1, quantity=99),  # more than there is
            Wish(stock=0, buyer=3, key=2, quantity=1, pays_late=True),
        )
    ),
    Pay(0),
    Pay(1),
    Tend("tick"),
    Cancel(1, "county"),
    GiveBack(0, back=0, quantity=1, restock=True),
    GiveBack(0, back=0, quantity=1, restock=True),  # the same again
    Tend("sweep"),
    Tend("publish"),
    Import((Row("1001", 0, 1, 2), Row("1001", 0, 1, 1), Row("1002", 0, 2, 50), Row("1003", 0, 2, 3))),
    Import((Row("1001", 0, 1, 2), Row("C1004", 0, 2, -2))),
    Feature(1, "now", 2990),
    Place((Wish(stock=1, buyer=0, key=7, quantity=1),)),
    Cancel(2),
    Allot(offered=2, limit=None, slot=None),
    Place((Wish(stock=2, buyer=1, key=8, quantity=2),)),
    Join(Wish(stock=2, buyer=2, key=8, quantity=1)),
    Join(Wish(stock=2, buyer=3, key=8, quantity=2)),
    Cancel(LAST),
    Tend("sweep"),
    Allot(offered=9, limit=None, slot="now"),
    Issue(slot=1, budget_fen=1000),
    Place(
        (
            Wish(stock=3, buyer=4, key=0, quantity=1, coupon=0),
            Wish(stock=1, buyer=4, key=1, quantity=1, coupon=0),  # once for each buyer
            Wish(stock=3, buyer=5, key=0, quantity=1, coupon=0),
            Wish(stock=3, buyer=6, key=0, quantity=1, coupon=0),  # more than the budget
        )
    ),
    Cancel(LAST),
    Receive((Sold(1, stock=0, customer=1, quantity=1), Sold(2, stock=0, customer=1, quantity=99))),
    Receive((Sold(2, stock=0, customer=1, quantity=1), Sold(1, stock=0, customer=1, quantity=1))),
    Close(2),
    Close(0),
    GiveBack(0, back=1, quantity=1, restock=True),
    Close(1),
    Tend("tick"),
    Tend("publish"),
)
WRITES: Final = frozenset(("insert", "update", "delete", "findAndModify", "bulkWrite"))
NOTED: Final = (
    "allotted",
    "featured",
    "request",
    "answered",
    "ask",
    "promise",
    "imported",
    "joining",
    "issuing",
    "told",
    "read_to",
)


class Doom(monitoring.CommandListener):
    """Counts steps, and ends the process before the nth of them is taken or right after it was."""

    def __init__(self, at: int, how: str) -> None:
        self._at, self._how = at, how
        self._steps = 0

    def begin(self) -> None:
        self._steps += 1
        self._meet("before")

    def end(self) -> None:
        self._meet("after")

    def _meet(self, how: str) -> None:
        if (self._steps, how) == (self._at, self._how):
            os.kill(os.getpid(), signal.SIGKILL)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in WRITES:
            self.begin()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if event.command_name in WRITES:
            self.end()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """A refused write is no step taken."""


class Scroll:
    """A file that is written to the operating system with each note, so that it survives who writes it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, what: Any) -> None:
        os.write(self._file, pickle.dumps(what))


def read(path: Path) -> Iterable[Any]:
    """Everything that was noted."""
    with path.open("rb") as file:
        while file.peek(1):
            yield pickle.load(file)


class Diary(Bookkeeper):
    """A bookkeeper whose knowledge outlives its process."""

    def __init__(self, scroll: Scroll) -> None:
        super().__init__()
        self._scroll = scroll

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return self._noting(name, found) if name in NOTED else found

    def _noting(self, name: str, method: Any) -> Any:
        def noting(*args: Any) -> None:
            self._scroll.note((name, args))
            method(*args)

        return noting


class Topics(Broker):
    """A broker that keeps what it acknowledged in a file."""

    def __init__(self, scroll: Scroll, doom: Doom) -> None:
        super().__init__()
        self._scroll, self._doom = scroll, doom

    def send(self, messages: Sequence[Message]) -> None:
        self._doom.begin()
        self._scroll.note(messages)
        self._doom.end()


def play(doom: Doom, diary: Path, topics: Path) -> None:
    """The scene, in a process that has done nothing before."""
    settings = load(OrdersSettings, os.environ)
    monitoring.register(doom)
    connect(settings, "orders")
    evening = Evening()
    evening.books = Diary(Scroll(diary))
    replica = Replica(settings, Topics(Scroll(topics), doom), TestProvider())
    for action in SCENE:
        action.run(evening, replica)


def _play_and_leave(doom: Doom, diary: Path, topics: Path) -> None:
    """Nothing that the parent would do at its end is done by its fork."""
    code = 1
    try:
        play(doom, diary, topics)
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def main(diary: Path, topics: Path) -> None:
    """A fork for each line; says the signal or the code that each ended with."""
    for line in sys.stdin:
        at, how = line.split()
        child = os.fork()
        if not child:
            _play_and_leave(Doom(int(at), how), diary, topics)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
