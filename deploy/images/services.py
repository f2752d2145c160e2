"""Images of ours, each from its Dockerfile, its lock and our wheels: the services', and three for local trial."""

import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from images import docker, hashes, wheels
from images.wheels import EPOCH, ROOT, check_python, wheelhouse


@dataclass(frozen=True)
class Own:
    """An image of ours: where its Dockerfile and lock are, whose version it carries, which of our packages it has."""

    name: str
    folder: str
    project: str
    packages: tuple[str, ...]

    @property
    def variable(self) -> str:
        return f"{self.name.upper()}_IMAGE"

    @property
    def version(self) -> str:
        text = (ROOT / self.project / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text)["project"]["version"])

    @property
    def image(self) -> str:
        return f"shanhuo/{self.name}:{self.version}"

    @property
    def dockerfile(self) -> Path:
        return ROOT / self.folder / "Dockerfile"

    @property
    def wheels(self) -> tuple[Path, Path, tuple[str, ...]]:
        """The folder of its wheels, the lock that names them, and our packages that are among them."""
        return ROOT / "build" / "wheels" / self.name, ROOT / self.folder / "requirements.txt", self.packages


SERVICES = tuple(
    Own(name, f"services/{name}", f"services/{name}", ("contracts", "chassis", name))
    for name in ("catalog", "broadcast", "orders", "notify")
)
ISSUER = Own("issuer", "deploy/engines/issuer", "deploy", ("chassis", "deploy"))
EVENING = Own("evening", "deploy/engines/evening", "deploy", ("contracts", "chassis", "deploy"))
LOAD = Own("load", "deploy/engines/load", "deploy", ("contracts", "chassis", "deploy"))
OWN = (*SERVICES, ISSUER, EVENING, LOAD)


def image(own: Own, python: str, say: Callable[[str], None], *, fresh: bool = False, tag: str = "") -> str:
    """Build it unless it was built of the same already; its name."""
    check_python()
    context, name = wheelhouse(*own.wheels), tag or own.image
    inputs = _inputs(own, python)
    if fresh or docker.inputs_of(name) != inputs:
        say(f"{name}: building")
        arguments = {
            "PYTHON_IMAGE": python,
            "SOURCE_DATE_EPOCH": EPOCH,
            "VERSION": own.version,
            "REVISION": _revision(),
        }
        docker.build(name, context, own.dockerfile, inputs=inputs, arguments=arguments, fresh=fresh)
    return name


def is_current(own: Own, python: str) -> bool:
    """Whether its image is of the sources that are here now. Makes nothing; raises NotMadeError as `image` does."""
    return wheels.is_current(*own.wheels) and docker.inputs_of(own.image) == _inputs(own, python)


def _inputs(own: Own, python: str) -> str:
    return hashes.of(own.dockerfile, own.wheels[0], own.version, docker.identity(python))


def _revision() -> str:
    """The commit this tree is at, marked when it has changes of its own; nothing outside a checkout."""
    describe = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    return subprocess.run(describe, capture_output=True, text=True, check=False).stdout.strip()
