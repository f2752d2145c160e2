"""The selector of Kafka clients: sockets may be closed while it waits, and nothing is left behind in eventlet's hub."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any

import eventlet
import pytest
from eventlet.green import socket as green
from eventlet.hubs import get_hub

from chassis.selecting import GreenSelector, selector


@pytest.fixture
def pair() -> Iterator[tuple[Any, Any]]:
    one, other = green.socketpair()
    yield one, other
    one.close()
    other.close()


@pytest.fixture
def waiting() -> Iterator[GreenSelector]:
    selector = GreenSelector()
    yield selector
    selector.close()


def full(end: Any) -> Any:
    """A socket that nothing more can be written to for now."""
    end.setblocking(False)
    try:
        while True:
            end.send(b"x" * 65_536)
    except OSError:
        return end


def listeners() -> int:
    hub = get_hub()
    return sum(len(hub.listeners[kind]) for kind in (hub.READ, hub.WRITE))


def test_what_can_be_read_is_told(waiting: GreenSelector, pair: tuple[Any, Any]) -> None:
    waiting.register(pair[0], EVENT_READ, "mine")
    eventlet.spawn_after(0.01, pair[1].send, b"x")
    assert [(key.data, events) for key, events in waiting.select(5.0)] == [("mine", EVENT_READ)]


def test_nothing_ready_is_told_when_time_is_up(waiting: GreenSelector, pair: tuple[Any, Any]) -> None:
    waiting.register(pair[0], EVENT_READ)
    assert waiting.select(0.01) == []
    assert waiting.select(0) == []


def test_a_look_without_patience_sees_what_is_ready(waiting: GreenSelector, pair: tuple[Any, Any]) -> None:
    waiting.register(pair[0], EVENT_READ | EVENT_WRITE)
    pair[1].send(b"x")
    assert [events for _, events in waiting.select(0)] == [EVENT_READ | EVENT_WRITE]


def test_two_that_are_ready_at_once_are_told_together_and_wake_nobody_twice(waiting: GreenSelector) -> None:
    pairs = [green.socketpair() for _ in range(2)]
    for one, other in pairs:
        waiting.register(one, EVENT_READ)
        other.send(b"x")
    assert len(waiting.select(1.0)) == 2
    slept = eventlet.Timeout(0.05, False)
    with slept:
        eventlet.Event().wait()  # a second wake-up would end this at once
        pytest.fail("woken once more")
    for end in (end for both in pairs for end in both):
        end.close()


def test_a_socket_closed_meanwhile_breaks_nothing_and_leaves_nothing(
    waiting: GreenSelector, pair: tuple[Any, Any]
) -> None:
    before, (wake, woken) = listeners(), green.socketpair()
    waiting.register(full(pair[0]), EVENT_READ | EVENT_WRITE)
    waiting.register(wake, EVENT_READ, "wake")

    def close_and_wake() -> None:
        pair[0].close()
        woken.send(b"x")

    eventlet.spawn_after(0.01, close_and_wake)
    assert "wake" in {key.data for key, _ in waiting.select(5.0)}
    assert listeners() == before
    assert "wake" in {key.data for key, _ in waiting.select(5.0)}
    wake.close()
    woken.close()


def test_a_socket_whose_number_is_reused_ends_the_wait(waiting: GreenSelector, pair: tuple[Any, Any]) -> None:
    before = listeners()
    waiting.register(pair[0], EVENT_READ)
    made: list[Any] = []

    def reuse() -> None:
        number = pair[0].fileno()
        pair[0].close()
        for _ in range(10):  # another thread may have let go of lower ones
            made.extend(green.socketpair())
            if number in {end.fileno() for end in made}:
                break
        assert number in {end.fileno() for end in made}

    eventlet.spawn_after(0.01, reuse)
    began = time.monotonic()
    waiting.select(30.0)
    assert time.monotonic() - began < 10.0
    assert listeners() == before
    for end in made:
        end.close()


def test_a_process_without_greenthreads_selects_as_ever() -> None:
    assert selector() is DefaultSelector
    code = (
        "import eventlet; eventlet.monkey_patch(); from chassis.selecting import selector; print(selector().__name__)"
    )
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "GreenSelector"


def test_it_works_with_a_real_connection(waiting: GreenSelector) -> None:
    server = green.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    client = green.socket()
    client.setblocking(False)
    assert client.connect_ex(server.getsockname()) in {0, 115}
    waiting.register(client, EVENT_WRITE)
    assert waiting.select(5.0)
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    client.close()
    server.close()
