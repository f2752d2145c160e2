"""The faults: what is done to whom, for how long, and what it hurts. Each does its harm and, but for kills, mends it.

Who was killed is brought back by the keeper. A fault that cannot be done here says so; none is ever skipped.
"""

import glob
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Final, NamedTuple

from docker.types import Mount
from tests.chaos.images import NotThere
from tests.chaos.town import ENGINES, GUEST, SERVICES, Town

from chassis.patience import patience
from evening.idle import LISTENS

SKEW_SECONDS: Final = 120
_LIBRARY: Final = "/opt/faketime/libfaketime.so.1"
_HURTS: Final[Mapping[str, tuple[str, ...]]] = {
    "catalog": ("allot",),
    "broadcast": ("watch",),
    "orders": ("place", "pay", "pack"),
    "notify": ("notice",),
}
_ALL: Final = tuple(kind for kinds in _HURTS.values() for kind in kinds)
_BITES_WITHIN: Final = 60.0
_READY_WITHIN: Final = 30.0  # for a service whose clock is wrong; as long again as patience says
_AGAIN: Final = 0.5  # how often somebody is killed once more while they come back, twice more at most


class NoHarm(Exception):
    """The fault did nothing to anybody: whatever holds after it shows nothing."""


class Blow(NamedTuple):
    """Who does what to whom: the town, the dice, and how long a fault that lasts is to last."""

    town: Town
    dice: Random
    hold: float


class Fault(NamedTuple):
    """A fault by name. `kind`: what it is like; of each kind one has its turn first. `hold`: seconds, in a long run."""

    name: str
    kind: str
    hurts: tuple[str, ...]
    strike: Callable[[Blow], None]
    hold: float = 30.0

    @property
    def kills(self) -> bool:
        """Whether it is a kill -9."""
        return self.kind.startswith("kill")

    @property
    def may_kill(self) -> bool:
        """Whether kills can come of it at all."""
        return self.kills or self.kind == "rebalance"

    @property
    def skews(self) -> bool:
        """Whether a clock is wrong in it."""
        return self.kind == "skew"


def every() -> dict[str, Fault]:
    """All faults by their names."""
    victims = {name.partition("-")[0]: name for name in (*SERVICES, *ENGINES)}
    found = [fault for which in victims for fault in _upon(which)]
    found.append(Fault("kill-storm", "kill-storm", _ALL, _kills, 20.0))
    found += [Fault("restart-kafka", "restart", _ALL, _restart), Fault("full-disk", "full-disk", _ALL, _full, 10.0)]
    for engine in ENGINES:
        found.append(Fault(f"slow-{engine}", f"slow-{engine}", _ALL, _wire("slow", engine)))
        found.append(Fault(f"cut-{engine}", f"cut-{engine}", _ALL, _wire("cut", engine)))
    found.append(Fault("rebalance-storm", "rebalance", _ALL, _storm, 20.0))
    found.append(Fault("clock-skew", "skew", _ALL, _skew, 10.0))
    return {fault.name: fault for fault in found}


def _upon(which: str) -> Iterator[Fault]:
    hurts = _HURTS.get(which, _ALL)
    what = which if which in ENGINES else "service"
    yield Fault(f"kill-{which}", f"kill-{which}", hurts, lambda blow: _kill(blow, _one(blow, which)))
    yield Fault(f"stop-{which}", f"stop-{what}", hurts, lambda blow: _stop(blow, _one(blow, which)))
    yield Fault(f"freeze-{which}", f"freeze-{what}", hurts, lambda blow: _freeze(blow, _one(blow, which)))


def _one(blow: Blow, which: str) -> str:
    """One of the replicas, by the dice."""
    return blow.dice.choice([name for name in blow.town.members if name.startswith(which) and name != GUEST])


def _kill(blow: Blow, name: str) -> None:
    """Kill -9; now and then once or twice more while it comes back."""
    victim = blow.town.members[name]
    victim.kill()
    for _ in range(2):
        if blow.dice.random() > _AGAIN:
            return
        time.sleep(blow.dice.uniform(1.5, 4.0))
        victim.kill()


def _kills(blow: Blow) -> None:
    """Kill -9 one after the other, anybody, whether or not the last one is back."""
    until = time.monotonic() + blow.hold
    while time.monotonic() < until:
        blow.town.members[blow.dice.choice((*SERVICES, *ENGINES))].kill()
        time.sleep(blow.dice.uniform(1.0, 3.0))


def _stop(blow: Blow, name: str) -> None:
    blow.town.members[name].stop()
    time.sleep(blow.hold)
    blow.town.members[name].start()


def _freeze(blow: Blow, name: str) -> None:
    blow.town.members[name].freeze()
    try:
        time.sleep(blow.hold)
    finally:
        blow.town.members[name].thaw()


def _restart(blow: Blow) -> None:
    """As in a rolling update of the broker: asked to stop, and started at once."""
    blow.town.members["kafka"].stop(grace=30)
    blow.town.members["kafka"].start()


def _full(blow: Blow) -> None:
    """Fill the file system of the database's folder, until the database refuses to write; then give the room back.

    One that does not write again by itself is restarted, as whoever made room would do.
    """
    database = blow.town.members["mongodb"]
    database.excused = True
    try:
        _no_room(blow)
    finally:
        database.excused = False
    if not blow.town.takes_writes():
        database.stop(grace=5)
        database.start()


def _no_room(blow: Blow) -> None:
    within = _BITES_WITHIN * patience()
    blow.town.disk.fill()
    try:
        until = time.monotonic() + within
        while blow.town.takes_writes():  # it still has what it set aside before
            if time.monotonic() > until:
                raise NoHarm(f"the database still writes {within:.0f} s after its disk is full")
        time.sleep(blow.hold)
    finally:
        blow.town.disk.free()


def _wire(how: str, engine: str) -> Callable[[Blow], None]:
    def strike(blow: Blow) -> None:
        getattr(blow.town.wires, how)(engine)
        try:
            time.sleep(blow.hold)
        finally:
            blow.town.wires.mend(engine)

    return strike


def _storm(blow: Blow) -> None:
    """A replica of orders joins and leaves, politely or killed; members join the other groups and vanish."""
    until = time.monotonic() + blow.hold
    guest = blow.town.members[GUEST]
    while time.monotonic() < until:
        guest.start()
        with _phantoms(blow):
            time.sleep(blow.dice.uniform(2.0, 4.0))
        guest.held = True
        guest.kill() if blow.dice.random() < 0.5 else guest.stop()


@contextmanager
def _phantoms(blow: Blow) -> Iterator[None]:
    groups = blow.dice.sample(sorted(LISTENS), 2)
    command = [sys.executable, "-m", "tests.chaos.phantom", blow.town.kafka]
    running = [subprocess.Popen([*command, group, *sorted(LISTENS[group])]) for group in groups]
    try:
        yield
    finally:
        for phantom in running:
            phantom.kill()
            phantom.wait()


def _skew(blow: Blow) -> None:
    """One service runs in a wrong time; it is started anew before and after, as clocks of containers do not jump."""
    library = faketime()
    name = blow.dice.choice(SERVICES)
    apart = blow.dice.choice((SKEW_SECONDS, -SKEW_SECONDS))
    more = {"LD_PRELOAD": _LIBRARY, "FAKETIME": f"{apart:+d}", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
    member, right = blow.town.members[name], blow.town.members[name].container
    wrong = blow.town.service(name, more, [Mount(_LIBRARY, library, type="bind", read_only=True)])
    try:
        member.stop()
        member.replace(wrong)
        member.start()
        blow.town.wait_ready([name], within=_READY_WITHIN)
        time.sleep(blow.hold)
    finally:
        member.stop()
        member.replace(right)
        member.start()
        wrong.remove(force=True)


def faketime() -> str:
    """Where libfaketime is on this machine."""
    found = sorted(glob.glob("/usr/lib/*/faketime/libfaketime.so.1"))
    if not found:
        raise NotThere("clock-skew needs libfaketime: install the Debian package `libfaketime`, or choose --faults")
    return found[0]
