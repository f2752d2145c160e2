"""What is in the services' images, and that they need no more than they should."""

import json
import re
import subprocess
from collections.abc import Iterable
from typing import Any

import pytest

from images import docker
from images.engines import PYTHON
from images.services import SERVICES, Own, image
from images.wheels import ROOT
from stack.containers.images import image as chosen

pytestmark = [pytest.mark.containers, pytest.mark.timeout(600)]

EACH = pytest.mark.parametrize("own", SERVICES, ids=[own.name for own in SERVICES])
HARDENED = (
    "--rm",
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=none",
)


def run(own: Own, *command: str, entrypoint: str = "") -> subprocess.CompletedProcess[str]:
    """In a container as tight as ours are run."""
    options = [*HARDENED, *([f"--entrypoint={entrypoint}"] if entrypoint else [])]
    return subprocess.run(
        [docker.client(), "run", *options, chosen(own.name), *command], capture_output=True, text=True, timeout=120
    )


def configuration(name: str) -> Any:
    found = subprocess.run([docker.client(), "image", "inspect", name], capture_output=True, text=True, check=True)
    return json.loads(found.stdout)[0]


@EACH
def test_it_says_in_one_line_which_settings_are_missing(own: Own) -> None:
    done = run(own)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert all(name in done.stderr for name in ("KAFKA_BOOTSTRAP_SERVERS", "MONGODB_URI", "OIDC_ISSUER"))


@EACH
def test_it_runs_as_nobody_in_particular_and_says_how_it_is(own: Own) -> None:
    settings = configuration(chosen(own.name))["Config"]
    assert settings["User"] == "10001:10001"
    assert settings["Entrypoint"] == ["python", "-m", own.name]
    assert settings["Healthcheck"]["Test"] == ["CMD", "python", "-m", "chassis.healthcheck"]
    assert settings["Labels"]["org.opencontainers.image.version"] == own.version
    assert settings["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


LISTED = """
import importlib.metadata as metadata, json, re, sys
print(json.dumps({re.sub("[-_.]+", "-", found.name).lower(): found.version for found in metadata.distributions()
                  if found.locate_file("").is_relative_to(sys.prefix)}))
"""


def wanted(own: Own) -> dict[str, str]:
    """What the lock says for Linux."""
    lock = (ROOT / own.folder / "requirements.txt").read_text()
    entries = re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)(?: ; (.*?))? \\", lock, flags=re.MULTILINE)
    return {name: version for name, version, marker in entries if "sys_platform == 'win32'" not in marker}


@EACH
def test_it_holds_what_its_lock_names_and_our_own(own: Own) -> None:
    listed = run(own, "-c", LISTED, entrypoint="python")
    found: dict[str, str] = json.loads(listed.stdout)
    ours = {name: found.pop(name) for name in list(found) if name.startswith("shanhuo-")}
    assert ours == dict.fromkeys(("shanhuo-contracts", "shanhuo-chassis"), own.version) | {
        f"shanhuo-{own.name}": own.version
    }
    assert found == wanted(own)


@EACH
def test_there_is_nothing_in_it_to_build_or_install_with(own: Own) -> None:
    tools = run(own, "-c", "for tool in cc gcc make pip pip3 git; do command -v $tool; done", entrypoint="sh")
    assert (tools.stdout, tools.stderr) == ("", "")
    for module in ("pip", "setuptools", "pytest"):
        assert f"No module named '{module}'" in run(own, "-c", f"import {module}", entrypoint="python").stderr


@EACH
def test_all_of_it_is_compiled_and_belongs_to_root(own: Own) -> None:
    script = (
        "cd /opt/shanhuo; for name in '*.py' '*.pyc'; do find . -name \"$name\" | wc -l; done; find . -not -user root"
    )
    sources, compiled, *foreign = run(own, "-c", script, entrypoint="sh").stdout.split()
    assert int(sources) == int(compiled) > 1000
    assert foreign == []


def test_the_same_wheels_give_the_same_files_twice() -> None:
    own = SERVICES[0]
    python = chosen("python")
    names = [image(own, python, lambda _: None, fresh=True, tag=f"shanhuo/{own.name}:twice-{turn}") for turn in (1, 2)]
    try:
        first, second = (configuration(name)["RootFS"]["Layers"] for name in names)
    finally:
        subprocess.run([docker.client(), "image", "rm", *names], capture_output=True, check=False)
    assert first == second


def test_nothing_of_the_machine_that_made_it_is_in_the_base() -> None:
    base = chosen("python")
    if base != PYTHON.built:
        pytest.skip(f"{base} was not made here")
    script = (
        "cat /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/auth.conf.d/* /etc/apt/apt.conf.d/* 2>/dev/null"
    )
    shown = subprocess.run(
        [docker.client(), "run", *HARDENED, base, "sh", "-c", script], capture_output=True, text=True, check=False
    ).stdout
    assert addresses(shown.splitlines()) == {"http://deb.debian.org/debian"}


def addresses(lines: Iterable[str]) -> set[str]:
    """Those that are no comments."""
    return {found for line in lines if not line.startswith("//") for found in re.findall(r"\w+://[^\s\"';]+", line)}
