"""A member of the town is a container that dies and comes back; the keeper brings it back, as Kubernetes would.

Whoever is killed, or dies by itself, is started again after a second; whoever is held stays down. Knows no fault.
"""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from docker.errors import APIError, NotFound

RESTART_AFTER: Final = 1.0
_LATER: Final = 5.0  # when it died again and again
_SOON: Final = 5.0


class Member:
    """One container. `kills` counts how often it was killed by us."""

    def __init__(self, name: str, container: Any) -> None:
        self.name = name
        self.container = container
        self.held = True
        self.kills = 0
        self.killed_at = 0.0
        self.excused = False  # what is done to it is known to end such a program
        self._expected = False
        self._fast_deaths = 0
        self._started = 0.0

    def start(self) -> None:
        """Run, and be kept running."""
        self.held = False
        self._started = time.monotonic()
        self.container.start()

    def kill(self) -> None:
        """End it without warning: kill -9. Nobody is killed who is down already."""
        self._expected = True
        try:
            self.container.kill()
            self.kills, self.killed_at = self.kills + 1, time.monotonic()
        except APIError:
            self._expected = False

    def stop(self, grace: int = 15) -> None:
        """End it with warning, and keep it down until `start`."""
        self.held = self._expected = True
        self.container.stop(timeout=grace)

    def freeze(self) -> None:
        """Take the processor from it: it is there, and answers nothing."""
        self.container.pause()

    def thaw(self) -> None:
        """Let it go on where it was."""
        self.container.unpause()

    def replace(self, container: Any) -> None:
        """Be another container from now on; both are stopped now."""
        self.container = container

    def log(self, lines: int = 40) -> str:
        """The end of what it wrote."""
        try:
            text: bytes = self.container.logs(tail=lines)
        except (APIError, NotFound) as error:
            return f"(no log: {error})"
        return text.decode(errors="replace")

    def died(self) -> tuple[bool, float]:
        """Whether that was our doing, and after how many seconds it is to be started again."""
        ours, self._expected = self._expected or self.excused, False
        fast = time.monotonic() - self._started < _SOON and not ours
        self._fast_deaths = self._fast_deaths + 1 if fast else 0
        return ours, min(_LATER, RESTART_AFTER * 2**self._fast_deaths)


class Keeper:
    """Hears who died, and starts them again. `deaths`: of those that nobody ordered, with what they wrote last."""

    def __init__(self, client: Any, label: str) -> None:
        self._events = client.events(decode=True, filters={"label": label, "event": "die"})
        self._members: dict[str, Member] = {}
        self._over = False
        self.deaths: list[str] = []
        threading.Thread(target=self._listen, name="keeper", daemon=True).start()

    def keep(self, members: Iterable[Member]) -> None:
        """Look after these."""
        self._members.update((member.name, member) for member in members)

    def stop(self) -> None:
        """Start nobody any more."""
        self._over = True
        self._events.close()

    def _listen(self) -> None:
        for event in self._events:
            labels = event["Actor"]["Attributes"]
            member = self._members.get(labels.get("member", ""))
            if member and not self._over:
                self._hear(member, event["Actor"]["ID"], labels.get("exitCode", "?"))

    def _hear(self, member: Member, dead: str, code: str) -> None:
        if dead != member.container.id:
            return
        ours, pause = member.died()
        if not ours:
            self.deaths.append(f"{member.name} ended by itself with exit code {code}:\n{member.log(15)}")
        if not member.held:
            threading.Timer(pause, self._revive, (member, dead)).start()

    def _revive(self, member: Member, dead: str) -> None:
        if self._over or member.held or member.container.id != dead:
            return
        with suppress(APIError):  # the fault ended in this very moment, and has started it
            member.start()
