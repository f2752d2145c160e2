"""A listener that turns newcomers away: who is connected goes on, nobody else is, and nobody is reset by its end."""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread

import pytest

from chassis.newcomers import turn_away
from stack.processes import LOCAL, free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a filter")
DOORS, KNOCKING = 20, 6


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server((LOCAL, free_port())) as listening:
        yield listening


def test_who_was_there_before_goes_on_and_nobody_else_is_answered(listening: socket.socket) -> None:
    address = listening.getsockname()
    with socket.create_connection(address, timeout=10) as early:
        turn_away(listening)
        with pytest.raises(TimeoutError):
            socket.create_connection(address, timeout=0.3)
        accepted, _ = listening.accept()
        early.sendall(b"x")
        assert accepted.recv(1) == b"x"
        accepted.sendall(b"y")
        accepted.close()
        assert early.recv(2) == b"y"


def test_nobody_is_reset_however_many_knock_while_a_door_is_closed() -> None:
    told: list[str] = []
    for _ in range(DOORS):
        listening = socket.create_server((LOCAL, free_port()), backlog=128)
        callers = [Thread(target=knock, args=(listening.getsockname(), told)) for _ in range(KNOCKING)]
        for caller in callers:
            caller.start()
        while len(told) % 50 < 49:
            answer(listening)
        turn_away(listening)
        listening.setblocking(False)
        for pause in (0.05, 0):  # as the server does: for handshakes that have begun
            with suppress(BlockingIOError):
                while True:
                    answer(listening)
            time.sleep(pause)
        listening.close()
        for caller in callers:
            caller.join(30)
    assert set(told) == {"answered"}


def knock(address: tuple[str, int], told: list[str]) -> None:
    """Again and again, until the door is closed; say what came of it."""
    while True:
        try:
            with socket.create_connection(address, timeout=10) as knocking:
                knocking.sendall(b"x")
                told.append("answered" if knocking.recv(1) else "ended")
        except ConnectionRefusedError:
            return
        except OSError as broken:
            told.append(type(broken).__name__)


def answer(listening: socket.socket) -> None:
    accepted, _ = listening.accept()
    with accepted:
        accepted.setblocking(True)
        accepted.recv(1)
        accepted.sendall(b"y")
