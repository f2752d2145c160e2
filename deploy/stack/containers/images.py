"""Which images are meant. What the environment names wins, then what `make images` chose, then the official ones.

`make images` uses an official image where it is here or can be pulled, and builds one from packages elsewhere; it
writes its choice to `build/images.env`.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import docker
from docker.errors import ImageNotFound

from images.commands import NotMadeError
from images.engines import ENGINES, PYTHON
from images.services import OWN, is_current

ROOT: Final = Path(__file__).parents[3]
CHOSEN: Final = ROOT / "build" / "images.env"
THEIRS: Final = {engine.name: engine.official for engine in ENGINES} | {PYTHON.name: PYTHON.built}


def image(name: str, env: Mapping[str, str] = os.environ, chosen: Path = CHOSEN) -> str:
    """The image of `kafka`, `mongodb` or a service: the setting `KAFKA_IMAGE`, `ORDERS_IMAGE` and so on."""
    setting = _setting(name)
    return env.get(setting) or _read(chosen).get(setting) or THEIRS.get(name) or _own(name)


def lacking(names: Iterable[str], env: Mapping[str, str] = os.environ, chosen: Path = CHOSEN) -> str | None:
    """None when these images are on this machine and ours are of the sources here; otherwise what is amiss."""
    names = list(names)
    client = docker.from_env(timeout=30)
    try:
        missing = [wanted for wanted in (image(name, env, chosen) for name in names) if not here(wanted, client)]
    finally:
        client.close()
    if missing:
        return f"there is no image {', '.join(missing)}: run `make images`"
    return _late([name for name in names if not env.get(_setting(name))], env, chosen)


def here(image: str, client: docker.DockerClient) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


def _setting(name: str) -> str:
    return f"{name.upper()}_IMAGE"


def _late(names: Iterable[str], env: Mapping[str, str], chosen: Path) -> str | None:
    """Ours that `make images` would make anew: tests would be of what was before."""
    python = image(PYTHON.name, env, chosen)
    try:
        late = [own.name for own in OWN if own.name in names and not is_current(own, python)]
    except NotMadeError as error:
        return str(error)
    return f"{', '.join(late)}: not of the sources that are here: run `make images`" if late else None


def _own(name: str) -> str:
    return next(own.image for own in OWN if own.name == name)


def _read(file: Path) -> dict[str, str]:
    """Lines of NAME=value; nothing when `make images` has not run."""
    if not file.is_file():
        return {}
    lines = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    return {name.strip(): value.strip() for name, _, value in lines if value}
