"""The engines as images: the official ones where they can be had, else built from packages."""

import inspect
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from images import base, docker, hashes, kafka
from images.commands import NotMadeError, need, run
from images.wheels import ROOT, check_python, wheelhouse

HERE = ROOT / "deploy" / "engines"
TOXIPROXY = "2.12.0"


@dataclass(frozen=True)
class Engine:
    """An image that is not ours. `fill` puts what the Dockerfile of its folder takes into a context."""

    name: str
    official: str
    built: str
    fill: Callable[[Path], None] = field(repr=False)

    @property
    def variable(self) -> str:
        return f"{self.name.upper()}_IMAGE"


def _mongodb(context: Path) -> None:
    check_python()
    wheels = wheelhouse(ROOT / "build" / "wheels" / "mongodb", HERE / "mongodb" / "requirements.txt")
    shutil.copytree(wheels / "locked", context / "wheels")


def _prometheus(context: Path) -> None:
    """Debian's package, without what its pages are drawn with."""
    need(**{"dpkg-deb": "dpkg", "apt-get": "apt"})
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder)
        os.chmod(unpacked, 0o755)  # noqa: S103  apt fetches as a user of its own
        run("apt-get", "-qq", "download", "prometheus", cwd=unpacked)
        (package,) = unpacked.glob("prometheus_*.deb")
        run("dpkg-deb", "--extract", package, unpacked)
        for program in ("prometheus", "promtool"):
            shutil.copy(unpacked / "usr/bin" / program, context)


def _toxiproxy(context: Path) -> None:
    version = run("go", "env", "GOVERSION") if shutil.which("go") else ""
    if [int(number) for number in re.findall("[0-9]+", version)[:2]] < [1, 21]:  # bookworm's own is 1.19
        raise NotMadeError(
            "toxiproxy is built by Go 1.21 or newer: install that, or set TOXIPROXY_IMAGE to another one"
        )
    module = f"github.com/Shopify/toxiproxy/v2/cmd/server@v{TOXIPROXY}"
    flags = f"-s -w -X github.com/Shopify/toxiproxy/v2.Version={TOXIPROXY}"
    run("go", "install", "-trimpath", f"-ldflags={flags}", module, env={"CGO_ENABLED": "0", "GOBIN": str(context)})
    (context / "server").rename(context / "toxiproxy")


PYTHON = Engine("python", "python:3.11-slim-bookworm", "shanhuo/python:3.11-bookworm", lambda _: None)
ENGINES = (
    Engine("kafka", "apache/kafka:4.1.0", "shanhuo/kafka:4.1.0", kafka.fill),
    Engine("mongodb", "mongo:8.0", "shanhuo/mongodb:0.7.0b3", _mongodb),
    Engine("prometheus", "prom/prometheus:v3.5.0", "shanhuo/prometheus:2.42", _prometheus),
    Engine("toxiproxy", f"ghcr.io/shopify/toxiproxy:{TOXIPROXY}", f"shanhuo/toxiproxy:{TOXIPROXY}", _toxiproxy),
)


def python_image(say: Callable[[str], None]) -> str:
    """What the services, and the engines that we build, stand on."""
    inputs = hashes.of(base.SUITE, base.PACKAGES, Path(base.__file__))
    work = ROOT / "build" / "images"
    return choose(PYTHON, inputs, lambda: base.make(PYTHON.built, work, inputs=inputs), say)


def image(engine: Engine, python: str, say: Callable[[str], None]) -> str:
    """The name of the image to use."""
    inputs = hashes.of(HERE / engine.name, Path(inspect.getfile(engine.fill)), docker.identity(python))
    return choose(engine, inputs, lambda: _build(engine, python, inputs), say)


def choose(engine: Engine, inputs: str, make: Callable[[], None], say: Callable[[str], None]) -> str:
    """The one asked for by its variable; else the official one; else our own, made again if its `inputs` differ."""
    asked = os.environ.get(engine.variable, "")
    if asked not in ("", engine.built):
        if docker.here_or_pulled(asked):
            return asked
        raise NotMadeError(f"{engine.variable}={asked} is not here and cannot be pulled")
    if not asked and docker.inputs_of(engine.official) is not None:
        return engine.official
    if docker.inputs_of(engine.built) == inputs:
        return engine.built
    if not asked and docker.here_or_pulled(engine.official):
        return engine.official
    say(f"{engine.built}: building from packages ({engine.official} cannot be pulled)")
    make()
    return engine.built


def _build(engine: Engine, python: str, inputs: str) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{engine.name}-") as folder:
        context = Path(folder)
        shutil.copytree(HERE / engine.name, context, dirs_exist_ok=True)
        engine.fill(context)
        dockerfile = HERE / engine.name / "Dockerfile"
        docker.build(engine.built, context, dockerfile, inputs=inputs, arguments={"PYTHON_IMAGE": python})
