"""Which images the town is built from: what `make images` wrote, unless the environment names another one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import docker
from docker.errors import DockerException, ImageNotFound

from images.commands import NotMadeError
from images.engines import PYTHON
from images.services import SERVICES, is_current

WRITTEN: Final = Path("build/images.env")
NEEDED: Final = ("KAFKA", "MONGODB", "TOXIPROXY", "CATALOG", "BROADCAST", "ORDERS", "NOTIFY")


class NotThere(Exception):
    """What the suite needs is not on this machine; the text says in one line what to run."""


def engine() -> Any:
    """The Docker engine."""
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except DockerException as error:
        raise NotThere(f"no Docker engine answers ({type(error).__name__}): start one, then `make images`") from error
    return client


def chosen(client: Any, env: Mapping[str, str], written: Path = WRITTEN) -> dict[str, str]:
    """The image of each part, by its name in lower case; all of them are on this machine."""
    lines = written.read_text(encoding="utf-8").splitlines() if written.exists() else []
    known = dict(line.split("=", 1) for line in lines if "=" in line) | dict(env)
    images = {name.lower(): known.get(f"{name}_IMAGE", "") for name in NEEDED}
    lacking = [name for name, image in images.items() if not image or not _here(client, image)]
    if lacking:
        raise NotThere(f"no image for {', '.join(lacking)}: run `make images` first")
    python = known.get(PYTHON.variable, PYTHON.built)
    try:
        late = [own.name for own in SERVICES if own.variable not in env and not is_current(own, python)]
    except NotMadeError as error:
        raise NotThere(str(error)) from error
    if late:
        raise NotThere(f"{', '.join(late)}: not of the sources that are here: run `make images` first")
    return images


def _here(client: Any, image: str) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True
