"""`python -m chassis.deadletters list|show|replay|discard|serve`: for people who look after dead letters.

Reads the settings of the broker from the environment, as services do. Exit code 0 when it was done, 1 when it was not
(the broker is away, a letter that was named is not there), 2 for what was asked for wrongly.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from threading import Thread

from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from chassis.config import BadSettings, load
from chassis.deadletters import asking, shown
from chassis.deadletters.choosing import Choice
from chassis.deadletters.exporter import Waiting, server
from chassis.deadletters.letters import Letter
from chassis.deadletters.post import Post
from chassis.engines import BrokerSettings

_PROG = "deadletters"


class Unclear(Exception):
    """What was asked for cannot be done so; the text says what is missing."""


class Undone(Exception):
    """It was not done; the text says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    logging.getLogger("kafka").addHandler(logging.NullHandler())  # its warnings are not for who reads a table
    asked = asking.arguments(_PROG).parse_args(argv)
    try:
        settings = load(BrokerSettings, os.environ)
        if asked.command == "serve":
            return _serve(settings, *asked.bind)
        choice = asking.choice(asked)
        _refuse_everything(asked, choice)
        with closing(Post(settings, choice.topics)) as post:
            found = _found(post, choice)
            _COMMANDS[asked.command](asked, post, found)
    except (BadSettings, Unclear) as wrong:
        return _say(f"{wrong}", 2)
    except (KafkaError, Undone) as failed:
        away = f"kafka is away or refuses: {failed}" if isinstance(failed, KafkaError) else f"{failed}"
        return _say(away, 1)
    except KeyboardInterrupt:
        return _say("interrupted; what was said to be done is done, the other letters wait", 130)
    return 0


def _say(problem: str, code: int) -> int:
    print(f"{_PROG}: {shown.printable(problem)}", file=sys.stderr)
    return code


def _serve(settings: BrokerSettings, address: str, port: int) -> int:
    """Until SIGTERM or SIGINT, which is how it is meant to end."""
    with closing(Waiting(settings)) as waiting:
        try:
            answering = server(waiting, address, port)
        except OSError as taken:
            raise Unclear(f"{address}:{port} cannot be listened on: {taken.strerror}") from None
        for number in (signal.SIGTERM, signal.SIGINT):  # an exception from here could end in whoever answers just now
            signal.signal(number, lambda *_: Thread(target=answering.shutdown).start())
        with answering:
            print(f"{_PROG}: the letters that wait, at http://{address}:{port}/metrics", file=sys.stderr)
            answering.serve_forever()
    return 0


# --- the commands ---


def _list(asked: argparse.Namespace, _post: Post, found: list[Letter]) -> None:
    print(shown.json(found) if asked.json else shown.table(found))


def _show(asked: argparse.Namespace, _post: Post, found: list[Letter]) -> None:
    if asked.json:
        print(shown.json(found))
    else:
        print("\n\n".join([*map(shown.whole, found), shown.count(found, "waiting")]))


def _replay(asked: argparse.Namespace, post: Post, found: list[Letter]) -> None:
    if partial := [letter.name for letter in found if not letter.whole]:
        raise Undone(f"too large to be kept, so it cannot be replayed from here: {', '.join(partial)}")
    _deal(asked, found, "would be replayed" if asked.dry_run else "replayed", post.replay)


def _discard(asked: argparse.Namespace, post: Post, found: list[Letter]) -> None:
    if found and not asked.dry_run and not asked.yes:
        _ask(found)
    _deal(asked, found, "would be discarded" if asked.dry_run else "discarded", post.discard)


def _ask(found: Sequence[Letter]) -> None:
    if not sys.stdin.isatty():
        raise Unclear("discarding is for ever: say --yes")
    for letter in found:
        print(shown.line(letter, "to discard:"), file=sys.stderr)
    print(f"{shown.count(found, 'to discard for ever. Go on? [y/N]')} ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Undone("nothing was discarded")


def _deal(asked: argparse.Namespace, found: list[Letter], done: str, act: Callable[[Letter], None]) -> None:
    with _progress(found, done) as each:
        for letter in each:
            if not asked.dry_run:
                act(letter)
            if not asked.json:
                print(shown.line(letter, done), flush=True)
    print(shown.json(found, done=done) if asked.json else shown.count(found, done))


_COMMANDS: dict[str, Callable[[argparse.Namespace, Post, list[Letter]], None]] = {
    "list": _list,
    "show": _show,
    "replay": _replay,
    "discard": _discard,
}


# --- what is asked for ---


def _refuse_everything(asked: argparse.Namespace, choice: Choice) -> None:
    if asked.command not in ("replay", "discard"):
        return
    if choice.everything and not asked.all:
        raise Unclear(
            f"say which letters to {asked.command} (--topic, --group, --reason, --since, --until, --id), or --all"
        )
    if asked.all and not choice.everything:
        raise Unclear("--all and a filter do not go together")


def _found(post: Post, choice: Choice) -> list[Letter]:
    with _reading() as progress:
        found = [letter for letter in post.waiting(progress) if choice.fits(letter)]
    unknown = [name for name in choice.names if not any(name in (letter.name, letter.id) for letter in found)]
    if unknown:
        raise Undone(f"no such letter waits: {', '.join(unknown)}")
    return found


# --- how far it is, on a terminal ---


@contextmanager
def _reading() -> Iterator[Callable[[int], object]]:
    console = Console(stderr=True)
    with console.status("reading the dead letters") as status:
        yield lambda read: status.update(f"reading the dead letters: {read} messages")


@contextmanager
def _progress(found: Sequence[Letter], done: str) -> Iterator[Iterable[Letter]]:
    console = Console(stderr=True)
    columns = (TextColumn(done), BarColumn(), MofNCompleteColumn())
    bar = Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),  # else what is piped on would land on the terminal
    )
    with bar as progress:
        yield progress.track(found)


if __name__ == "__main__":
    sys.exit(main())
