"""Embedded engines and processes, or containers: what SHANHUO_ENGINES asks for, and in `auto` what can be had here.

It decides and says why; `stack.engines`, `stack.services` and `stack.containers` do it. Those of the last are imported
when they are wanted: they need the extra `containers`.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from stack.arguments import Arguments
from stack.engines import ROOMY_CACHE, Engine, Engines, start_engines
from stack.services import NAMES, Service

SETTING: Final = "SHANHUO_ENGINES"
MODES: Final = ("auto", "embedded", "containers")
NAMED: Final = {"kafka": "KAFKA_BOOTSTRAP_SERVERS", "mongodb": "MONGODB_URI"}


class ImpossibleError(ValueError):
    """What was asked for is unknown or cannot be had. The message is one line for a person."""


@dataclass(frozen=True)
class Choice:
    """`containers` or not, and why."""

    containers: bool
    why: str

    def __str__(self) -> str:
        return f"{'containers' if self.containers else 'embedded'}: {self.why}"


def choose(env: Mapping[str, str] = os.environ) -> Choice:
    """Raises ImpossibleError when the setting has another value, or containers are demanded and cannot be had."""
    wanted = _mode(env)
    if wanted == "embedded":
        return Choice(False, f"{SETTING}=embedded" + _named(env))
    if lacking := lacks(env):
        if wanted == "containers":
            raise ImpossibleError(f"{SETTING}=containers, but {lacking}")
        return Choice(False, lacking + _named(env))
    return Choice(True, _what(env) + _named(env))


def lacks(env: Mapping[str, str] = os.environ, *, images: bool = True) -> str | None:
    """None when containers can be had; otherwise what is missing. Without `images`, those may still be to be made."""
    if not find_spec("testcontainers"):
        return "testcontainers is not installed (pip install 'shanhuo-deploy[containers]')"
    from stack.containers import daemon
    from stack.containers import images as those

    if silent := daemon.silent():
        return silent
    return those.lacking(_images(env), env) if images else None


def start(choice: Choice, run_dir: Path, env: Mapping[str, str] = os.environ) -> Engines:
    """The engines so chosen; those that the environment names are used as they are."""
    if not choice.containers:
        return start_engines(run_dir, cache=ROOMY_CACHE, env=env)
    from stack.containers import engines as contained

    ours: list[Engine] = []
    try:
        broker = None if env.get(NAMED["kafka"]) else contained.start_kafka(run_dir, ready=False)
        ours += [broker] if broker else []
        database = None if env.get(NAMED["mongodb"]) else contained.start_mongodb(run_dir)
        ours += [database] if database else []
        if broker:
            broker.wait_ready()  # both were starting meanwhile
    except BaseException:
        for engine in ours:
            engine.discard()
        raise
    return Engines(
        kafka=broker.address if broker else env[NAMED["kafka"]],
        mongodb=contained.mongodb_uri(database.port) if database else env[NAMED["mongodb"]],
        broker=broker,
        database=database,
    )


def kind(choice: Choice) -> type[Service]:
    """How services run."""
    if not choice.containers:
        return Service
    from stack.containers.services import ContainedService

    return ContainedService


def main() -> None:
    """For `make test`: 0 when images are wanted, 1 when not, 2 with a line when what is asked for is impossible."""
    arguments = Arguments(prog="stack.choosing", description=main.__doc__)
    arguments.parse_args()
    try:
        wanted = _mode(os.environ)
    except ImpossibleError as error:
        arguments.error(str(error))
    lacking = "" if wanted == "embedded" else lacks(images=False)
    if lacking and wanted == "containers":
        arguments.error(f"{SETTING}=containers, but {lacking}")
    sys.exit(wanted == "embedded" or lacking is not None)


def _mode(env: Mapping[str, str]) -> str:
    wanted = env.get(SETTING) or "auto"
    if wanted not in MODES:
        raise ImpossibleError(f"{SETTING}={wanted}: there is {', '.join(MODES)}")
    return wanted


def _images(env: Mapping[str, str]) -> list[str]:
    return [engine for engine, setting in NAMED.items() if not env.get(setting)] + list(NAMES)


def _what(env: Mapping[str, str]) -> str:
    from stack.containers import daemon
    from stack.containers.images import image

    return ", ".join([f"Docker {daemon.version()}", *(image(name, env) for name in _images(env))])


def _named(env: Mapping[str, str]) -> str:
    given = [setting for setting in NAMED.values() if env.get(setting)]
    return f"; {' and '.join(given)} given" if given else ""


if __name__ == "__main__":
    main()
