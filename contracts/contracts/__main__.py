"""`python -m contracts`: writes, checks, prints what is generated from the event types, and compares versions of it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from contracts import acls, compat, generate
from contracts.schemas import schemas


class _Parser(argparse.ArgumentParser):
    """Answers a wrong word with one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 as it should be, 1 drifted or incompatible, 2 could not be told."""
    asked = _parser().parse_args(words)
    try:
        if asked.command == "compat":
            return _compat(asked.root, asked.against)
        if asked.command == "acls":
            return _acls()
        return _check(asked.root) if asked.check else _generate(asked.root)
    except (OSError, compat.NotThere) as problem:
        print(f"python -m contracts {asked.command}: {problem}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m contracts", description=__doc__)
    shared = _Parser(add_help=False)
    shared.add_argument(
        "--root", type=Path, default=generate.ROOT, metavar="DIR", help="the contracts folder of a checkout"
    )
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    writing = commands.add_parser("generate", parents=[shared], help="write schemas, asyncapi.yaml and EVENTS.md")
    writing.add_argument("--check", action="store_true", help="write nothing; exit 1 naming each file that differs")
    comparing = commands.add_parser("compat", parents=[shared], help="exit 1 naming each incompatible change")
    comparing.add_argument("--against", metavar="REV", help="a git revision (default: the last tag contracts-v*)")
    commands.add_parser("acls", help="print what each service must be allowed, as arguments of kafka-acls.sh")
    return parser


def _acls() -> int:
    for grant in acls.grants():
        print(grant)
    return 0


def _generate(root: Path) -> int:
    for path in generate.write(root):
        print(path)
    return 0


def _check(root: Path) -> int:
    drifted = list(generate.drift(root))
    for path, difference in drifted:
        print(f"{path} is not what the event types say; run `make contracts`\n{difference}")
    return 1 if drifted else 0


def _compat(root: Path, against: str | None) -> int:
    earlier = against or compat.last_tag(root)
    if earlier is None:
        print(f"no tag {compat.TAGS} yet: nothing to be compatible with")
        return 0
    found = list(compat.breaks(compat.at(root, earlier), schemas(generate.version(root))))
    for each in found:
        print(each)
    print(f"{len(found) or 'no'} incompatible change{'' if len(found) == 1 else 's'} since {earlier}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
