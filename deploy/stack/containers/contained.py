"""One container of ours, with the interface of a `Child`: started with a log, watched, stopped, never left behind.

It is made by testcontainers; what that does not know (signals, pauses, exit codes) goes to the Docker SDK below it.
It is removed when it is stopped or killed: its log is kept in a file, its data must be in a volume.
"""

import atexit
import signal
import time
from contextlib import suppress
from pathlib import Path

from docker.errors import APIError, DockerException, NotFound
from testcontainers.core.container import DockerContainer

from stack.processes import ProcessError, ending, stop_all

_POLL = 0.02


class Contained:
    """A running container. `box` says what it is made of, and is started here."""

    def __init__(self, name: str, box: DockerContainer, *, log: Path) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            self._log_from = file.tell()
        self.started = time.monotonic()
        self._box = box
        self._exit_code: int | None = None
        self._removed = False
        atexit.register(self.kill)
        try:
            box.start()
        except DockerException as error:
            self.kill()
            raise ProcessError(f"{name} does not start from {box.image}: {error}") from error
        self._container = box.get_wrapped_container()
        self._container.reload()
        self.pid = int(self._container.attrs["State"]["Pid"])

    @property
    def exit_code(self) -> int | None:
        """As `Popen.returncode`: -9 when it was killed; None while it lives."""
        if self._exit_code is None:
            self._container.reload()
            state = self._container.attrs["State"]
            if state["Status"] in ("exited", "dead"):
                code = int(state["ExitCode"])
                self._exit_code = code if code <= 128 else 128 - code
        return self._exit_code

    @property
    def alive(self) -> bool:
        return self.exit_code is None

    def text(self) -> str:
        """What it has written so far."""
        if not self._removed:
            return bytes(self._container.logs()).decode(errors="replace")
        with self.log.open("rb") as file:
            file.seek(self._log_from)
            return file.read().decode(errors="replace")

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.text().splitlines()[-lines:]) or "(its log is empty)"

    def check(self) -> None:
        """Raise ProcessError, with the end of its log, if it is no longer there."""
        if (code := self.exit_code) is not None:
            raise ProcessError(f"{self.name} ended with {ending(code)}; the end of its log:\n{self.tail()}")

    def send_signal(self, number: int) -> None:
        if self.alive:
            with suppress(APIError):  # it has ended in between
                self._container.kill(signal=signal.Signals(number).name)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def wait(self, within: float) -> int | None:
        """Its exit code; None when it still lives after so many seconds."""
        deadline = time.monotonic() + within
        while self.alive and time.monotonic() < deadline:
            time.sleep(_POLL)
        return self.exit_code

    def pause(self) -> None:
        """Stop it where it is: its connections stay open, and nothing is answered."""
        self._container.pause()

    def unpause(self) -> None:
        self._container.unpause()

    def kill(self) -> None:
        """End it without warning, as a power cut would; its log is kept, its container is not."""
        if not self._removed and hasattr(self, "_container"):
            with suppress(NotFound):
                self._end()
        self._removed = True
        with suppress(NotFound):
            self._box.stop()
        atexit.unregister(self.kill)

    def stop(self, grace: float = 15.0) -> None:
        stop_all([self], grace)

    def _end(self) -> None:
        self.send_signal(signal.SIGKILL)
        if self.wait(30.0) is None:
            raise ProcessError(f"{self.name} does not die")
        with self.log.open("ab") as file:
            file.write(self._container.logs())
