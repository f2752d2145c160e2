"""A service in a container from its own image, with the interface of one that runs as a process.

It is on this machine's network: it listens on the loopback address, and every URL is what it would be for a process.
It has no more rights than in production: no root, no capabilities, nothing to write to but /tmp.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stack.containers.contained import Contained
from stack.containers.daemon import new_box
from stack.containers.images import image
from stack.issuer import Issuer
from stack.processes import Program
from stack.services import Service

# Nobody stands before it who would have to look elsewhere first; a test of that says otherwise.
_AT_ONCE: Final = {"SHUTDOWN_DELAY_SECONDS": "0"}
_LOCKED_UP: Final[Mapping[str, Any]] = {
    "network": "host",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}


class ContainedService(Service):
    """One running service. Files and folders that a setting names are there under the same path, to be read only.

    `mounts` are more of them: the path here, the path there.
    """

    def __init__(
        self,
        name: str,
        *,
        issuer: Issuer,
        run_dir: Path,
        env: Mapping[str, str],
        log: str = "",
        mounts: Mapping[Path, str] | None = None,
    ) -> None:
        self._mounts = dict(mounts or {})
        super().__init__(name, issuer=issuer, run_dir=run_dir, env=env, log=log)

    def _start(self) -> Program:
        box = new_box(image(self.name), {**_AT_ONCE, **self.env}, **_LOCKED_UP).with_tmpfs_mount("/tmp")  # noqa: S108
        for here, there in (self._mounts | named_files(self.env)).items():
            box.with_volume_mapping(here.absolute(), there, "ro")
        return Contained(self.name, box, log=self._log)

    def pause(self) -> None:
        """It stands still: connections to it stay open, and nothing is answered."""
        self._contained.pause()

    def unpause(self) -> None:
        self._contained.unpause()

    @property
    def _contained(self) -> Contained:
        assert isinstance(self.process, Contained)
        return self.process


def named_files(env: Mapping[str, str]) -> dict[Path, str]:
    """What is here and named by a setting, as whole value."""
    return {Path(value): value for value in env.values() if value.startswith("/") and Path(value).exists()}
