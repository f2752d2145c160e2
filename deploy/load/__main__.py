"""`python -m load record|shows|check|play`: records shows, and has Locust play them or an evening drawn by lot.

Reads the settings of the broker from the environment, as services do. Exit code 0 when it was done, 1 when it was not
(the broker is away, there is no such show), 2 for what was asked for wrongly, a file that is no recording included.
"""

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from chassis import brokers
from chassis.arguments import Arguments
from chassis.config import BadSettings, load
from chassis.engines import BrokerSettings
from chassis.reading import partitions, to_the_end
from load import recording, taking

_KEY_BYTES = 32


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    arguments = Arguments(prog="load", description="Recordings of shows, to be played again under load.")
    commands = arguments.add_subparsers(dest="command", required=True, metavar="shows|record|check")
    commands.add_parser("shows", help="the shows that are on the topics, the ids of them")
    record = commands.add_parser("record", help="write a show to standard output, a line for each thing that happened")
    record.add_argument("--show", required=True, metavar="ID", help="which")
    check = commands.add_parser("check", help="whether a file is a recording, and what is in it")
    check.add_argument("file", type=Path, metavar="FILE")
    commands.add_parser("play", help="have Locust play; what follows are its options: play --help", add_help=False)
    asked, options = arguments.parse_known_args(argv)
    if asked.command == "play":
        _play(options)
    elif options:
        arguments.error(f"unrecognized arguments: {' '.join(options)}")
    try:
        return _check(asked.file) if asked.command == "check" else _from_topics(asked)
    except (BadSettings, recording.BadRecording, OSError) as wrong:
        return _say(str(wrong), 2)
    except (KafkaError, taking.NotRecorded) as failed:
        return _say(str(failed), 1)


def _play(options: Sequence[str]) -> NoReturn:
    """Become Locust, in a new interpreter: it wants to patch the standard library before anything else is imported."""
    file = str(Path(__file__).with_name("locustfile.py"))
    os.execv(sys.executable, [sys.executable, "-m", "locust", "-f", file, *options])  # noqa: S606  no shell


def _from_topics(asked: Any) -> int:
    told = taking.events(_messages(load(BrokerSettings, os.environ)))
    if asked.command == "shows":
        for show_id, what in taking.shows(told).items():
            print(f"{show_id}  {what}")
        return 0
    rows = taking.recording(told, asked.show, secrets.token_bytes(_KEY_BYTES))
    sys.stdout.writelines(recording.written(rows))
    return 0


def _check(path: Path) -> int:
    rows = recording.read_file(path)
    orders = [row for row in rows if isinstance(row, recording.Placed)]
    buyers = len({row.who for row in orders})
    slots = sum(isinstance(row, recording.Featured) for row in rows)
    print(f"{path}: {rows[-1].at:.0f} s, {slots} times on screen, {len(orders)} orders of {buyers} buyers")
    return 0


def _messages(settings: BrokerSettings) -> Iterator[Any]:
    brokers.reach(settings)
    options = {"group_id": None, "enable_auto_commit": False}
    with closing(KafkaConsumer(**brokers.connection(settings), **options)) as consumer:
        parts = partitions(consumer, taking.TOPICS)
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        yield from to_the_end(consumer, parts, lambda _: None)


def _say(line: str, code: int) -> int:
    print(f"load: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
