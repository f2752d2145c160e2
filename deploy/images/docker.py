"""The Docker engine, by its command line: which client can build, what is there, pull, build, import."""

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from images.commands import NotMadeError, run

INPUTS = "shanhuo.inputs"  # label: the hash of all that an image was made of
PULL_WITHIN = 600.0  # seconds; where there is no way to a registry, the engine says so at once or within 15
_BUNDLED = 23  # the first client without BuildKit of its own: it needs the component buildx


@functools.cache
def client() -> str:
    """The first client on the PATH that can build with BuildKit. Raises NotMadeError when none can."""
    for folder in os.get_exec_path():
        if (found := shutil.which("docker", path=folder)) and _builds(found):
            return found
    raise NotMadeError(
        "no docker that can build with BuildKit is on the PATH (docker 20 to 22, or a newer one with buildx)"
    )


def _builds(docker: str) -> bool:
    if _says(docker, "buildx", "version"):
        return True
    version = _says(docker, "version", "--format", "{{.Client.Version}}").partition(".")[0]
    return version.isdecimal() and int(version) < _BUNDLED


def _says(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def check_engine() -> None:
    """Raise NotMadeError when no engine answers."""
    run(client(), "version", within=30)


def inputs_of(image: str) -> str | None:
    """The hash that this image was built of here; "" if it was not built here, None if there is no such image."""
    done = subprocess.run(
        [client(), "image", "inspect", "--format", f'{{{{index .Config.Labels "{INPUTS}"}}}}', image],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else None


_unreachable: set[str] = set()


def here_or_pulled(image: str) -> bool:
    """Whether this image is here now, if need be by pulling it. A registry that fails once is not asked again."""
    if inputs_of(image) is not None:
        return True
    registry = image.partition("/")[0] if "." in image.partition("/")[0] else "docker.io"
    if registry in _unreachable:
        return False
    try:
        run(client(), "pull", "--quiet", image, within=PULL_WITHIN)
    except NotMadeError:
        _unreachable.add(registry)
        return False
    return True


def build(
    image: str, context: Path, dockerfile: Path, *, inputs: str, arguments: Mapping[str, str], fresh: bool = False
) -> None:
    """Build without a network: all that goes in is in the context and the base."""
    words = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    options = ["--network=none", "--quiet", f"--label={INPUTS}={inputs}", *words, *(["--no-cache"] if fresh else [])]
    run(
        client(), "build", *options, f"--file={dockerfile}", f"--tag={image}", context,
        env={"DOCKER_BUILDKIT": "1"},
    )  # fmt: skip


def load(image: str, tree: Path, *, inputs: str) -> None:
    """Make an image of a folder's whole content, owners and all."""
    change = f'LABEL {INPUTS}="{inputs}"'
    archive = tree.with_suffix(".tar")
    run("tar", "--sort=name", "--numeric-owner", "--xattrs", "-C", tree, "-cf", archive, ".")
    try:
        run(client(), "import", "--change", change, archive, image)
    finally:
        archive.unlink()


def identity(image: str) -> str:
    """The content of an image as one word."""
    return run(client(), "image", "inspect", "--format", "{{.Id}}", image).strip()
