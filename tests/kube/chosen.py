"""What the tests run on: which cluster, which images, and how these get there. Says in one line what is missing.

KUBECONFIG names the cluster. Images are those that `make images` chose, or KAFKA_IMAGE … say. How they
get into the cluster: KUBE_LOAD names a command that takes them; kind and k3d are known by their contexts; elsewhere the
cluster is to pull them.
"""

import json
import os
import secrets
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from docker.errors import DockerException
from tests.kube.cluster import Refused, run

from manifests import tools
from stack.containers.images import image, lacking

SERVICES: Final = ("catalog", "broadcast", "orders", "notify")
IMAGES: Final = (*SERVICES, "kafka", "mongodb", "issuer", "evening", "load")
_LOAD_WITHIN: Final = 300.0  # seconds, for each


class Impossible(Exception):
    """The tests cannot run; the text says what is missing, and what would help."""


@dataclass(frozen=True)
class Chosen:
    """`load`: the command that takes the names of images and brings them into the cluster; empty: it pulls them."""

    cluster: str
    images: Mapping[str, str]
    load: tuple[str, ...]
    helm: Path
    seed: int

    def __str__(self) -> str:
        how = f"images by {shlex.join(self.load)}" if self.load else "images are pulled"
        return f"kube: {self.cluster}; {how}; seed {self.seed}"

    def bring_images(self) -> None:
        """Into the cluster, one after the other. Raises Impossible."""
        for name in dict.fromkeys(self.images.values()) if self.load else ():
            try:
                run(*self.load, name, within=_LOAD_WITHIN)
            except Refused as refused:
                raise Impossible(f"{name} cannot be brought into the cluster: {_last_line(refused)}") from None


def choose(env: Mapping[str, str] = os.environ) -> Chosen:
    """Raises Impossible."""
    if not env.get("KUBECONFIG"):
        raise Impossible("KUBECONFIG names no cluster (docs/testing.md says how to get one)")
    if not shutil.which("kubectl", path=env.get("PATH")):
        raise Impossible("kubectl is not on the PATH")
    context, cluster = _cluster(env)
    load = loader(env, context)
    if load and (missing := _missing(env)):
        raise Impossible(missing)
    seed = env.get("KUBE_SEED") or str(secrets.randbelow(10_000))
    if not seed.isdecimal():
        raise Impossible(f"KUBE_SEED={seed} is no whole number")
    return Chosen(cluster, {name: image(name, env) for name in IMAGES}, load, _helm(), int(seed))


def _helm() -> Path:
    try:
        return tools.helm()
    except tools.Missing as missing:
        raise Impossible(str(missing)) from None


def _cluster(env: Mapping[str, str]) -> tuple[str, str]:
    """Its context, and how it is called in the first line."""
    try:
        context = _asked(env, "config", "current-context").strip()
        told: Any = json.loads(_asked(env, "version", "--output=json"))
        nodes = _asked(env, "get", "nodes", "--output=name").split()
    except Refused as refused:
        raise Impossible(f"no cluster answers (KUBECONFIG={env['KUBECONFIG']}): {_last_line(refused)}") from None
    version = told["serverVersion"]["gitVersion"]
    return context, f"context {context}, Kubernetes {version}, {len(nodes)} node{'s' if len(nodes) > 1 else ''}"


def _asked(env: Mapping[str, str], *words: str) -> str:
    return run("kubectl", "--request-timeout=10s", *words, within=30, env=env)


def loader(env: Mapping[str, str], context: str) -> tuple[str, ...]:
    """The command that brings images into the cluster of this context; empty where it is to pull them."""
    if named := env.get("KUBE_LOAD"):
        return tuple(shlex.split(named))
    kind, _, name = context.partition("-")
    known = {"kind": ("kind", "load", "docker-image", "--name", name), "k3d": ("k3d", "image", "import", "-c", name)}
    return known.get(kind, ())


def _last_line(refused: Refused) -> str:
    return str(refused).splitlines()[-1]


def _missing(env: Mapping[str, str]) -> str | None:
    """Images to be brought must be here, and of the sources that are here."""
    try:
        return lacking(IMAGES, env)
    except DockerException as error:
        return f"images are to be brought to the cluster, and no Docker engine answers ({str(error).splitlines()[0]})"
