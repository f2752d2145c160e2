"""Child processes: started with a log, watched, stopped by id, never left behind. Knows nothing of what it runs."""

import atexit
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

LOCAL = "127.0.0.1"
LEASH = Path(__file__).with_name("leash.py")
# Below the range that outgoing connections take ports from: free now is most likely still free when it is bound.
PORTS = range(20_000, 32_000)
SHARE = "SHANHUO_PORTS"  # "2/3": of those, the second third; so that tests side by side do not meet each other's
_given: deque[int] = deque(maxlen=1000)  # by `free_port`, the latest; few of them may be listened on yet

# glibc keeps an arena a thread and what was freed in it; the database has a thread a connection. One arena that gives
# back took about a tenth off the database's footprint in a small load (88 MB to 79); its speed was lost in the noise.
_FRUGAL = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072"}

Probe = Callable[[], str | None]  # None when it answers; otherwise what is lacking, for the error


class ProcessError(RuntimeError):
    """Something did not start, or died. The message is for people and quotes the end of the log."""


class PortTakenError(ProcessError):
    """A port that was asked for is in use."""

    def __init__(self, port: int, whose: str) -> None:
        super().__init__(f"port {port} ({whose}) is taken")
        self.port = port
        self.whose = whose


class Program(Protocol):
    """Something of ours that runs, in a process of this machine or in a container."""

    name: str
    log: Path
    started: float  # as the monotonic clock had it

    @property
    def pid(self) -> int: ...
    @property
    def alive(self) -> bool: ...
    @property
    def exit_code(self) -> int | None: ...
    def text(self) -> str: ...
    def tail(self, lines: int = 20) -> str: ...
    def check(self) -> None: ...
    def send_signal(self, number: int) -> None: ...
    def terminate(self) -> None: ...
    def wait(self, within: float) -> int | None: ...
    def kill(self) -> None: ...
    def stop(self, grace: float = 15.0) -> None: ...


P = TypeVar("P", bound=Program)


class Child:
    """One process of ours. Start it from the main thread: the kernel ends it with the *thread* that started it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"start {name} from the main thread: it would be killed when this thread ends")
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        with log.open("ab") as out:
            self._log_from = out.tell()
            # A session of its own: Ctrl-C reaches only us, and we stop the children in the right order.
            self.process = subprocess.Popen(
                _leashed(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**_FRUGAL, **(os.environ if env is None else env)},
                cwd=cwd,
                start_new_session=True,
            )
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Minus the signal that ended it, if one did; None while it lives."""
        return self.process.poll()

    def text(self) -> str:
        """What this process has written so far."""
        with self.log.open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.text().splitlines()[-lines:]) or "(its log is empty)"

    def check(self) -> None:
        """Raise ProcessError, with the end of its log, if it is no longer there."""
        if not self.alive:
            raise ProcessError(
                f"{self.name} ended with {ending(self.process.returncode)}; the end of {self.log}:\n{self.tail()}"
            )

    def send_signal(self, number: int) -> None:
        if self.alive:
            self.process.send_signal(number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def wait(self, within: float) -> int | None:
        """Its exit code; None when it still lives after so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(within)
        return None

    def kill(self) -> None:
        """End it without warning, as a power cut would."""
        if self.alive:
            self.process.kill()
        self.process.wait()
        atexit.unregister(self.kill)

    def stop(self, grace: float = 15.0) -> None:
        stop_all([self], grace)


def stop_all(children: Iterable[Program], grace: float = 15.0) -> None:
    """Ask all to end at once, wait for them together, kill who has not ended in time."""
    children = list(children)
    for child in children:
        child.terminate()
    deadline = time.monotonic() + grace
    for child in children:
        child.wait(max(0.0, deadline - time.monotonic()))
        child.kill()


def wait_for(probes: Mapping[P, Probe], *, within: float) -> dict[P, float]:
    """Wait until every child answers; seconds that each took from its start. Fails when one dies or time is up."""
    took: dict[P, float] = {}
    deadline = time.monotonic() + within
    while pending := [child for child in probes if child not in took]:
        for child in pending:
            lacking = probes[child]()
            child.check()  # after the probe: it may have been another's answer from the same port
            if lacking is None:
                took[child] = time.monotonic() - child.started
            elif time.monotonic() > deadline:
                late = f"{child.name} is not ready after {within:.0f} s: {lacking}"
                raise ProcessError(f"{late}; the end of {child.log}:\n{child.tail()}")
        time.sleep(0.02)
    return took


def free_port() -> int:
    """A port of this machine that nobody listens on now, and that was not given to somebody else here just before."""
    return free_ports(1)[0]


def free_ports(count: int) -> range:
    """So many of them side by side. Whoever got one may take its time to bind it: it is not given again soon."""
    share, shares = map(int, os.environ.get(SHARE, "1/1").split("/"))
    ports = PORTS[len(PORTS) * (share - 1) // shares : len(PORTS) * share // shares]
    for first in random.sample(ports[: len(ports) - count + 1], 200):
        wanted = range(first, first + count)
        if not any(port in _given or taken(port) for port in wanted):
            _given.extend(wanted)
            return wanted
    raise ProcessError(f"no free port found between {ports.start} and {ports.stop}")


def taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCAL, port))
        except OSError:
            return True
    return False


def _leashed(command: Sequence[str]) -> list[str]:
    """Elsewhere than on Linux there is no such leash: `atexit` covers every end of ours but kill -9."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *command]


def ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
