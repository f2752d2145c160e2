"""`make images`: have every image, and write which ones they are to build/images.env. Quick when nothing changed."""

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from images import docker, engines, services
from images.commands import NotMadeError
from images.wheels import ROOT
from stack.arguments import Arguments

# The second is what `docker compose -f deploy/compose.yaml` reads by itself.
WRITTEN = (ROOT / "build" / "images.env", ROOT / "deploy" / ".env")
NAMES = [engine.name for engine in engines.ENGINES] + [own.name for own in services.OWN]


def main() -> None:
    arguments = Arguments(
        prog="images", description="Have the images of engines and services; names in build/images.env."
    )
    arguments.add_argument("names", nargs="*", metavar="NAME", help=f"only these, of {', '.join(NAMES)} (default: all)")
    wanted = arguments.parse_args().names or NAMES
    if unknown := [name for name in wanted if name not in NAMES]:
        arguments.error(f"{', '.join(unknown)}: there is {', '.join(NAMES)}")
    try:
        with _alone(ROOT / "build" / "images.lock"):
            for variable, image in have(wanted):
                for path in WRITTEN:
                    write(path, {variable: image})
    except NotMadeError as error:
        sys.exit(f"images: {error}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One at a time in this tree: a second call waits, and finds all done."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def have(names: list[str]) -> Iterator[tuple[str, str]]:
    """Each image's variable and name, as soon as there is one."""
    docker.check_engine()
    python = engines.python_image(say)
    yield engines.PYTHON.variable, python
    own = {one.name: one for one in services.OWN}
    for name in (name for name in NAMES if name in names and name in own):
        yield own[name].variable, services.image(own[name], python, say)
    for engine in engines.ENGINES:
        if engine.name in names:
            yield engine.variable, engines.image(engine, python, say)


def write(path: Path, made: dict[str, str]) -> None:
    """One line an image, in place of what an earlier call said of it; whatever else stands there stays as it is."""
    left = dict(sorted(made.items()))
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition("=")[0].strip() for line in lines]
    kept = [f"{name}={left.pop(name)}" if name in left else line for name, line in zip(names, lines, strict=True)]
    path.write_text("".join(f"{line}\n" for line in [*kept, *(f"{name}={image}" for name, image in left.items())]))


_started = time.monotonic()


def say(line: str) -> None:
    print(f"{time.monotonic() - _started:6.1f} s  {line}", flush=True)


if __name__ == "__main__":
    main()
