"""One number for all that an image is made of, so that nothing is made twice."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def of(*parts: str | Path) -> str:
    """Over texts, files and whole folders (names and contents; not times, not owners)."""
    total = hashlib.sha256()
    for part in parts:
        for name, content in _read(part):
            total.update(f"{len(name)}:{name}{len(content)}:".encode())
            total.update(content)
    return total.hexdigest()


def _read(part: str | Path) -> Iterable[tuple[str, bytes]]:
    if isinstance(part, str):
        yield "", part.encode()
    elif part.is_dir():
        for path in sorted(path for path in part.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            yield str(path.relative_to(part)), path.read_bytes()
    else:
        yield part.name, part.read_bytes()
