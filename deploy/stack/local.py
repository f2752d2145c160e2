"""The whole stack as one thing that is launched and stopped: engines, issuer, services, in this order and back."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from stack.engines import Engines, start_engines
from stack.footprint import Footprint, footprint
from stack.issuer import Issuer
from stack.processes import Program
from stack.samples import DATA
from stack.services import NAMES, Services, start_services


@dataclass(frozen=True)
class Ports:
    """Where to listen; None means any free port."""

    services: Mapping[str, int] | None = None
    issuer: int | None = None
    kafka: int | None = None
    mongodb: int | None = None

    @classmethod
    def from_base(cls, base: int, *, kafka: int | None = None, mongodb: int | None = None) -> "Ports":
        """The services on base+1 to base+4, the issuer on base+9."""
        return cls({name: base + number for number, name in enumerate(NAMES, 1)}, base + 9, kafka, mongodb)

    def named(self) -> dict[str, int]:
        every = {**(self.services or {}), "issuer": self.issuer, "Kafka": self.kafka, "MongoDB": self.mongodb}
        return {name: port for name, port in every.items() if port}


@dataclass(frozen=True)
class Stack:
    """A running stack. A context manager: it stops at the end of the block."""

    engines: Engines
    issuer: Issuer
    services: Services
    run_dir: Path
    _undo: ExitStack

    @property
    def children(self) -> list[Program]:
        return [*self.engines.children, *self.services.children]

    def check(self) -> None:
        """Raise ProcessError with the end of its log if any process has died."""
        for child in self.children:
            child.check()

    def footprint(self) -> list[Footprint]:
        return footprint(self.children)

    def stop(self) -> None:
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def launch(
    run_dir: Path,
    *,
    storage: Path | None = None,
    key_file: Path | None = None,
    ports: Ports | None = None,
    env: Mapping[str, str] = os.environ,
    settings: Mapping[str, str] | None = None,
) -> Stack:
    """Start everything and wait until it is ready. Logs go to `run_dir`, the database to `storage` or there too.

    `settings` are given to every service besides those that name the engines and the issuer.
    """
    run_dir, ports = run_dir.absolute(), ports or Ports()
    with ExitStack() as undo:
        engines = start_engines(run_dir, storage=storage, kafka_port=ports.kafka, mongodb_port=ports.mongodb, env=env)
        undo.callback(engines.stop)
        issuer = Issuer(port=ports.issuer, key_file=key_file).start()
        undo.callback(issuer.stop)
        services = start_services(engines, issuer, run_dir, ports=ports.services, env=settings)
        undo.callback(services.stop)
        return Stack(engines, issuer, services, run_dir, undo.pop_all())
    raise AssertionError("an ExitStack swallows nothing")  # for the type checker


__all__ = ["DATA", "Ports", "Stack", "launch"]
