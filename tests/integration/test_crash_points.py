"""A process is killed at every write of its life in turn; what it leaves is made whole by another, and nothing is lost.

`crashing.py` plays the scene and dies; here the next process sweeps, and everything that the dead one had answered is
held against what is at rest and on the topics. Each step is tried, before and after, until the scene comes through.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from tests.integration import crashing
from tests.unit.orders.conftest import Refunds
from tests.unit.orders.evening import Evening
from tests.unit.orders.replicas import Broker, Replica
from tests.unit.orders.resting import at_peace, found_at_once

from chassis.config import load
from chassis.testing import connected
from orders.settings import OrdersSettings
from orders.store import OrdersStore
from stack.engines import Embedded, Engines

ELSEWHERE: Final = 5  # every so manyth step: all of them take ten minutes on a database across a network
ROOT = Path(__file__).parents[2]


class Stage:
    """Where the scene is played, again and again."""

    def __init__(self, env: dict[str, str], files: Path) -> None:
        self.settings = load(OrdersSettings, env)
        self.diary, self.topics = files / "diary", files / "topics"
        self.player = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.crashing", self.diary, self.topics],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **env},
        )

    def play(self, at: int, how: str) -> int:
        """What the player ended with, the database having been empty when it began."""
        for document in OrdersStore.documents:
            document._get_collection().delete_many({})
        for file in (self.diary, self.topics):
            file.unlink(missing_ok=True)
            file.touch()
        assert self.player.stdin is not None
        assert self.player.stdout is not None
        self.player.stdin.write(f"{at} {how}\n")
        self.player.stdin.flush()
        return int(self.player.stdout.readline())

    def mend(self) -> Evening:
        """The next process comes, and finds out what the dead one promised."""
        evening, broker = Evening(), Broker()
        for name, args in crashing.read(self.diary):
            getattr(evening.books, name)(*args)
        for messages in crashing.read(self.topics):
            broker.send(messages)
        next_one = Replica(self.settings, broker, Refunds())
        evening.books.check(next_one.store)
        at_peace(evening, broker, next_one, ())
        return evening


@pytest.fixture
def stage(settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage({**settings, "SETTLE_AFTER_SECONDS": "0", "SOLD_OUT_MEMORY_SECONDS": "0"}, tmp_path)
    found_at_once(monkeypatch)
    with connected(stage.settings, "orders", OrdersStore.documents):
        yield stage
        assert stage.player.stdin is not None
        stage.player.stdin.close()
        assert stage.player.wait(10) == 0


@pytest.fixture
def stride(engines: Engines) -> int:
    """Every step on the embedded database; some of them where the same is only to be seen on another one too."""
    return 1 if isinstance(engines.database, Embedded) else ELSEWHERE


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["before", "after"])
def test_killed_at_every_write_in_turn_nothing_is_lost_leaked_or_said_twice(
    stage: Stage, stride: int, how: str
) -> None:
    for at in count(1, stride):
        ended = stage.play(at, how)
        try:
            evening = stage.mend()
        except AssertionError as wrong:
            wrong.add_note(f"the process was killed {how} step {at}")
            raise
        if ended == 0:
            break
        assert ended == -signal.SIGKILL, f"step {at}: the scene itself failed"
    assert len(evening.orders) >= 8, "the scene came through with all its orders"
    assert at > 40, f"only {at} steps: the scene is not what it was"
    print(f"killed {how} every step" if stride == 1 else f"killed {how} every {stride}th step", f"of {at - 1}")
