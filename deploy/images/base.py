"""A Debian with Python, for machines that can pull no image: what `python:3.11-slim-bookworm` is elsewhere.

Made by debootstrap from the mirror that this machine's apt uses. Nothing of this machine stays in it: neither the
mirror nor its name servers, caches or logs.
"""

import os
import shutil
from pathlib import Path

from images import docker
from images.commands import NotMadeError, need, run

SUITE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
_UNUSED = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/bash-completion")
_OF_THIS_MACHINE = (
    "etc/hostname",
    "etc/resolv.conf",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "var/cache/debconf",
)
_SOURCES = f"deb http://deb.debian.org/debian {SUITE} main\n"  # where anybody's apt would look


def make(image: str, work: Path, *, inputs: str) -> None:
    if os.geteuid() != 0:
        raise NotMadeError("debootstrap must run as root: run make images as root, or where python:3.11 can be pulled")
    need(debootstrap="debootstrap")
    tree = work / "python"
    _forget(tree)
    work.mkdir(parents=True, exist_ok=True)
    try:
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, tree, mirror(), env=_proxy())
        _unmount(tree)
        _scrub(tree)
        docker.load(image, tree, inputs=inputs)
    finally:
        _forget(tree)


def _forget(tree: Path) -> None:
    _unmount(tree)
    shutil.rmtree(tree, ignore_errors=True)


def _unmount(tree: Path) -> None:
    """debootstrap leaves its /proc where somebody looks into it at its end, and is content."""
    inside = f"{tree.absolute()}/"
    for mount in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        if (place := mount.split()[1]).startswith(inside):
            run("umount", "--lazy", place)


def mirror() -> str:
    """Where apt finds this suite's main packages. Raises NotMadeError on a machine that is no Debian."""
    need(**{"apt-get": "apt"})
    lines = run("apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Identifier: Packages")
    for line in lines.splitlines():
        codename, component, uri = line.split(maxsplit=2)
        if (codename, component) == (SUITE, "main"):
            return uri
    raise NotMadeError(f"apt has no packages of Debian {SUITE} here (or has never run apt-get update)")


def _proxy() -> dict[str, str]:
    words = run("apt-config", "shell", "proxy", "Acquire::http::Proxy").strip()
    return {"http_proxy": words.removeprefix("proxy='").removesuffix("'")} if words else {}


def _scrub(tree: Path) -> None:
    for name in (*_UNUSED, *_OF_THIS_MACHINE):
        place = tree / name
        if place.is_dir():
            shutil.rmtree(place)
            place.mkdir()
        else:
            place.unlink(missing_ok=True)
    for lists in (tree / "var/lib/apt/lists/partial", tree / "var/cache/apt/archives/partial"):
        lists.mkdir(parents=True)
    for old in (tree / "var/lib/dpkg").glob("*-old"):
        old.unlink()
    (tree / "etc/apt/sources.list").write_text(_SOURCES)
    (tree / "etc/machine-id").write_text("")
