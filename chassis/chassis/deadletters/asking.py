"""The command line for dead letters: what may be asked for, and how. Does nothing."""

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from chassis.arguments import Arguments
from chassis.clock import utcnow
from chassis.deadletters import choosing
from chassis.deadletters.choosing import Choice

T = TypeVar("T")


def arguments(prog: str) -> Arguments:
    """The command line."""
    parser = Arguments(prog=prog, description="Dead letters: events that a consumer group could not digest.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="list|show|replay|discard|serve")
    now = utcnow()
    for name, text in {
        "list": "one line a letter, the newest last",
        "show": "everything about each letter",
        "replay": "send letters to their group once more, in the order they came",
        "discard": "end letters for ever",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        _filters(command, now)
        if name in ("replay", "discard"):
            command.add_argument("--all", action="store_true", help="every letter there is, without any filter")
            command.add_argument("--dry-run", action="store_true", help="only say what would be done")
        if name == "discard":
            command.add_argument("--yes", action="store_true", help="do not ask")
    told = "count the letters that wait, for Prometheus"
    serve = commands.add_parser("serve", help=told, description=told)
    serve.add_argument("--bind", type=_typed(choosing.bind), default="0.0.0.0:9464", metavar="[ADDRESS:]PORT")
    return parser


def _filters(command: argparse.ArgumentParser, now: datetime) -> None:
    many: dict[str, Any] = {"action": "append", "default": []}
    topic, some = _typed(choosing.topic), _typed(choosing.some)
    when = _typed(lambda text: choosing.moment(text, now))
    command.add_argument("--topic", type=topic, metavar="TOPIC", help="of this topic", **many)
    command.add_argument("--group", type=some, metavar="GROUP", help="of this consumer group", **many)
    command.add_argument(
        "--reason", type=some, metavar="TEXT", help="whose reason has this in it, or which are of this kind", **many
    )
    command.add_argument("--id", type=some, metavar="LETTER", help="this letter, by the name that `list` says", **many)
    command.add_argument("--since", type=when, metavar="TIME", help="written since: 2h, 30m, 7d ago, or an ISO time")
    command.add_argument("--until", type=when, metavar="TIME", help="written until")
    command.add_argument("--json", action="store_true", help="as JSON")


def _typed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """As argparse wants it: its own error carries the text."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as wrong:
            raise argparse.ArgumentTypeError(str(wrong)) from None

    return parsed


def choice(asked: argparse.Namespace) -> Choice:
    """The letters that were asked for."""
    return Choice(
        topics=tuple(asked.topic),
        groups=tuple(asked.group),
        reasons=tuple(asked.reason),
        names=tuple(asked.id),
        since=asked.since,
        until=asked.until,
    )
