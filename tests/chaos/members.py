"""A member of the town is a container that dies and comes back; the keeper brings it back, as Kubernetes would.

Whoever is killed, or dies by itself, is started again after a second; whoever is held stays down. Knows no fault.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from docker.errors import APIError

RESTART_AFTER: Final = 1.0
_LATER: Final = 5.0  # when it died again and again
_SOON: Final = 5.0
_ALIVE: Final = frozenset({"running", "paused"})


class Member:
    """One container, another one after `replace`. `kills` counts how often it was killed by us.

    The deaths that we ordered are counted by the containers that were to die, so that none is taken for another's: what
    died is heard of later, when somebody else may stand in its place.
    """

    def __init__(self, name: str, container: Any) -> None:
        self.name = name
        self.container = container
        self.held = True
        self.kills = 0
        self.killed_at = 0.0
        self.excused = False  # what is done to it is known to end such a program
        self._ordered: Counter[str] = Counter()
        self._fast_deaths = 0
        self._started = 0.0
        self._doing = threading.RLock()  # a death is heard of after what has caused it is noted

    def start(self) -> None:
        """Run, and be kept running."""
        with self._doing:
            self.held = False
            self._run()

    def revive(self, dead: str) -> None:
        """Run again after this container's death, unless it is to stay down or somebody is in its place."""
        with self._doing:
            if not self.held and self.container.id == dead:
                self._run()

    def kill(self) -> None:
        """End it without warning: kill -9. Nobody is killed who is down already."""
        with self._doing:
            if self._hit():
                self._ordered[self.container.id] += 1
                self.kills, self.killed_at = self.kills + 1, time.monotonic()

    def stop(self, grace: int = 15) -> None:
        """End it with warning, and keep it down until `start`. Who is down already does not die of it."""
        with self._doing:
            self.held = True
            if self._runs():
                self._ordered[self.container.id] += 1
        self.container.stop(timeout=grace)

    def freeze(self) -> None:
        """Take the processor from it: it is there, and answers nothing."""
        self.container.pause()

    def thaw(self) -> None:
        """Let it go on where it was."""
        self.container.unpause()

    def replace(self, container: Any) -> None:
        """Be another container from now on; both are stopped now."""
        with self._doing:
            self.container = container

    def log(self, lines: int = 40) -> str:
        """The end of what it wrote."""
        try:
            text: bytes = self.container.logs(tail=lines)
        except OSError as error:  # APIError is one
            return f"(no log: {error})"
        return text.decode(errors="replace")

    def died(self, dead: str) -> tuple[bool, float]:
        """Whether that was our doing, and after how many seconds it is to be started again."""
        with self._doing:
            ordered = self._ordered[dead] > 0
            if ordered:
                self._ordered[dead] -= 1
        ours = ordered or self.excused
        fast = time.monotonic() - self._started < _SOON and not ours
        self._fast_deaths = self._fast_deaths + 1 if fast else 0
        return ours, min(_LATER, RESTART_AFTER * 2**self._fast_deaths)

    def _run(self) -> None:
        self._started = time.monotonic()
        self.container.start()

    def _runs(self) -> bool:
        self.container.reload()
        return self.container.status in _ALIVE

    def _hit(self) -> bool:
        try:
            self.container.kill()
        except APIError:
            if self._runs():  # the engine failed, not the aim
                raise
            return False
        return True


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
        ours, pause = member.died(dead)
        if not ours:
            words = member.log(15) if dead == member.container.id else "(another one is in its place)"
            self.deaths.append(f"{member.name} ended by itself with exit code {code}:\n{words}")
        if not member.held:
            self._revive_after(pause, member, dead)

    def _revive_after(self, pause: float, member: Member, dead: str) -> None:
        timer = threading.Timer(pause, self._revive, (member, dead))
        timer.daemon = True
        timer.start()

    def _revive(self, member: Member, dead: str) -> None:
        if self._over:
            return
        try:
            member.revive(dead)
        except OSError:  # the engine is slow to answer, or it is started by somebody else: no harm in once more
            self._revive_after(_LATER, member, dead)
