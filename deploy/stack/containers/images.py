"""Which images are meant. What the environment names wins, then what `make images` chose, then the official ones.

`make images` uses an official image where it is here or can be pulled, and builds one from packages elsewhere; it
writes its choice to `build/images.env`.
"""

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import docker
from docker.errors import ImageNotFound

from images.engines import ENGINES

ROOT: Final = Path(__file__).parents[3]
CHOSEN: Final = ROOT / "build" / "images.env"
OF_NO_MATTER: Final = frozenset((".md", ".pyc"))
_PLAYED: Final = ["deploy/stack", "deploy/evening", "deploy/data"]
# Images of ours that are no service's, and what is in them.
FOR_TRIAL: Final = {"issuer": ["deploy/stack"], "evening": _PLAYED, "load": [*_PLAYED, "deploy/load"]}
OFFICIAL: Final = {engine.name: engine.official for engine in ENGINES}


def image(name: str, env: Mapping[str, str] = os.environ, chosen: Path = CHOSEN) -> str:
    """The image of `kafka`, `mongodb` or a service: the setting `KAFKA_IMAGE`, `ORDERS_IMAGE` and so on."""
    setting = _setting(name)
    return env.get(setting) or _read(chosen).get(setting) or OFFICIAL.get(name) or _own(name)


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
    late = newer((name for name in names if name not in OFFICIAL and not env.get(_setting(name))), chosen)
    return f"{late} is newer than the images: run `make images`" if late else None


def here(image: str, client: docker.DockerClient) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


def _setting(name: str) -> str:
    return f"{name.upper()}_IMAGE"


def newer(services: Iterable[str], chosen: Path = CHOSEN, root: Path = ROOT) -> str | None:
    """A source of these services that was written since `make images` ran: tests would be of what was before it."""
    made = chosen.stat().st_mtime if chosen.is_file() else 0.0
    own = [folder for name in services for folder in FOR_TRIAL.get(name, [f"services/{name}"])]
    for folder in ["contracts", "chassis", *own] if own else []:
        for file in (root / folder).rglob("*"):
            if file.is_file() and file.suffix not in OF_NO_MATTER and file.stat().st_mtime > made:
                return str(file.relative_to(root))
    return None


def _own(service: str) -> str:
    distribution = "deploy" if service in FOR_TRIAL else service
    return f"shanhuo/{service}:{version(f'shanhuo-{distribution}')}"


def _read(file: Path) -> dict[str, str]:
    """Lines of NAME=value; nothing when `make images` has not run."""
    if not file.is_file():
        return {}
    lines = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    return {name.strip(): value.strip() for name, _, value in lines if value}
