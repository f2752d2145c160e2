"""`python -m chassis.topics check|apply`: for people who look after a cluster's topics.

Reads the settings of the broker from the environment, as services do. Exit code 0 when the topics are as the contracts
say, 1 when they are not or the broker is away, 2 for what was asked for wrongly.
"""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from kafka.errors import KafkaError

from chassis import topics
from chassis.arguments import Arguments
from chassis.config import BadSettings, load
from chassis.engines import BrokerSettings
from contracts.events import EVENTS

_PROG = "topics"
_KEYS_MOVE = """\
{names}: more partitions, so keys move to others: an aggregate's next event can be met before its last one is read. \
Do this while every group has read what there is."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    logging.getLogger("kafka").addHandler(logging.NullHandler())  # what it would say is said here
    asked = _arguments().parse_args(argv)
    try:
        settings = load(BrokerSettings, os.environ)
        with closing(topics.client(settings)) as admin:
            return (_apply if asked.command == "apply" else _check)(admin, settings)
    except BadSettings as wrong:
        return _say(f"{wrong}", 2)
    except KafkaError as failed:
        return _say(f"kafka is away or refuses: {failed}", 1)


def _arguments() -> Arguments:
    parser = Arguments(prog=_PROG, description="Topics of every event and of its dead letters, as the contracts say.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="check|apply")
    for name, text in {
        "check": "say where the cluster differs, change nothing; exit code 1 if it does",
        "apply": "create what is missing, set what differs, add partitions; nothing is made smaller",
    }.items():
        commands.add_parser(name, help=text, description=text)
    return parser


def _check(admin: Any, settings: BrokerSettings) -> int:
    wanted = topics.wanted(EVENTS, settings)
    found = list(topics.differences(admin, wanted, settings))
    for each in found:
        print(each)
    print(f"{len(found) or 'no'} difference{'' if len(found) == 1 else 's'} in {len(wanted)} topics")
    return 1 if found else 0


def _apply(admin: Any, settings: BrokerSettings) -> int:
    wanted = topics.wanted(EVENTS, settings)
    found = list(topics.differences(admin, wanted, settings))
    if growing := sorted(each.topic for each in found if each.what == "partitions" and each.mendable):
        _say(_KEYS_MOVE.format(names=", ".join(growing)), 0)
    topics.mend(admin, found, wanted, settings)
    for each in found:
        print(f"{each}: {'done' if each.mendable else 'left as it is, which is not done from here'}")
    left = sum(not each.mendable for each in found)
    print(f"{len(found) - left} of {len(found)} differences in {len(wanted)} topics mended")
    return 1 if left else 0


def _say(problem: str, code: int) -> int:
    print(f"{_PROG}: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
