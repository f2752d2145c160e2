"""Writes the dashboards as JSON: `python -m dashboards`; with `--check` it only says what differs, and fails then."""

import argparse
import sys
from pathlib import Path
from typing import Final

from dashboards.board import DOCS
from dashboards.every import documents

COMMITTED: Final = Path(__file__).parents[1] / "grafana/dashboards"


def main() -> None:
    arguments = argparse.ArgumentParser(prog="dashboards", description="Write Shanhuo's Grafana dashboards as JSON.")
    arguments.add_argument("--check", action="store_true", help="write nothing; fail when what is there differs")
    arguments.add_argument("--docs", default=DOCS, metavar="URL", help="where you read this repository: links go there")
    arguments.add_argument(
        "--out", type=Path, default=COMMITTED, metavar="DIR", help="where to (default: as committed)"
    )
    wanted = arguments.parse_args()
    files = {f"{uid}.json": text for uid, text in documents(wanted.docs.rstrip("/")).items()}
    stale = differing(files, wanted.out)
    if wanted.check:
        sys.exit(f"dashboards: not as `make dashboards` writes them: {', '.join(stale)}" if stale else 0)
    write(files, wanted.out)
    print(f"{len(files)} dashboards in {wanted.out}, {len(stale)} of them changed")


def differing(files: dict[str, str], directory: Path) -> list[str]:
    """Names of files that are missing, other than they should be, or should not be there."""
    there = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.json")}
    return sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))


def write(files: dict[str, str], directory: Path) -> None:
    """Write all of them, and remove a dashboard that is no more."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
