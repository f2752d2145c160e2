"""Nothing of ours stays behind: who made a container or a volume is on its label, and what the dead made is removed.

A session that ends, ends its containers itself; one that is killed with -9 cannot, so the next one does it.
"""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import docker
from docker.errors import APIError

MAKER: Final = "shanhuo.maker"


def label() -> dict[str, str]:
    """Says which process made it: its machine, its id, and when it started, for ids are used again."""
    return {MAKER: f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"}


def sweep(client: docker.DockerClient) -> None:
    """Remove what processes of this machine made that are no more."""
    for container in client.containers.list(all=True, filters={"label": MAKER}, ignore_removed=True):
        if _orphaned(container.labels[MAKER]):
            with suppress(APIError):  # somebody else sweeps too
                container.remove(force=True, v=True)
    for volume in client.volumes.list(filters={"label": MAKER}):
        if _orphaned((volume.attrs["Labels"] or {})[MAKER]):
            with suppress(APIError):  # the same, or still in use
                volume.remove()


def _orphaned(maker: str) -> bool:
    """Processes of other machines cannot be seen from here; theirs is left alone."""
    host, pid, started = maker.rsplit("/", 2)
    return host == socket.gethostname() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When the process started, in ticks since the machine did; nothing when there is none."""
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "?" if _alive(pid) else ""  # no /proc here: its id has to do
    return stat.rpartition(")")[2].split()[19]  # the name before it may hold spaces


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
