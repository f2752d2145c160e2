"""The Docker engine of this machine, as testcontainers and we talk to it."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import docker
from docker.errors import DockerException
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.container import DockerContainer

from stack.containers.images import here
from stack.containers.leftovers import label, sweep
from stack.processes import LOCAL


def version() -> str:
    """The engine's version; DockerException when none answers."""
    client = docker.from_env(timeout=10)
    try:
        return str(client.version()["Version"])
    finally:
        client.close()


def silent() -> str | None:
    """None when an engine answers; otherwise why none does, in one line."""
    try:
        version()
    except DockerException as error:
        return f"no Docker engine answers ({str(error).splitlines()[0]})"
    return None


@cache
def client() -> docker.DockerClient:
    """This process's own. Made once, and with it: the end of what dead sessions have left, and settings nobody made."""
    own = docker.from_env()
    if not here(testcontainers_config.ryuk_image, own):  # our labels do without testcontainers' reaper
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    if testcontainers_config.connection_mode_override is None:
        # Where tests run in a container themselves, it would answer with addresses of the bridge.
        testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    sweep(own)
    return own


def new_box(
    image: str, env: Mapping[str, str], *, ports: Mapping[int, int] | None = None, **options: Any
) -> DockerContainer:
    """A container to be, with our label; its ports are bound to ports of this machine's loopback address."""
    client()
    box = DockerContainer(image, env=dict(env)).with_kwargs(labels=label(), **options)
    # testcontainers knows numbers only, which would be open to the network; it hands a pair on to the SDK as it is.
    bound: dict[str, Any] = {f"{inside}/tcp": (LOCAL, outside) for inside, outside in (ports or {}).items()}
    box.ports.update(bound)
    return box
