"""What Locust runs: `make load`, or `locust -f deploy/load/locustfile.py`, with its web page or `--headless`.

Who comes when is the plan's; how many users Locust keeps follows from it (`Evening`).
"""

import sys
from typing import Any

import gevent
import msgspec
from locust import LoadTestShape, events

from load import options
from load.people import Buyer, Host, Person, Watcher
from load.playing import Play
from stack.samples import DATA

__all__ = ["Buyer", "Evening", "Host", "Watcher"]

_SPAWNED_A_SECOND = 100
_STOP_SECONDS = 30


@events.init_command_line_parser.add_listener
def _options(parser: Any, **_: Any) -> None:
    options.add(parser)


@events.init.add_listener
def _wish(environment: Any, runner: Any, **_: Any) -> None:
    """Before anything is sent: is it a show, and one process?"""
    if type(runner).__name__ != "LocalRunner":
        sys.exit(_refusal("each process plays shows of its own: start several instead of a master and workers"))
    try:
        environment.shanhuo = options.wish(environment.parsed_options, DATA)
    except options.Unplayable as bad:
        sys.exit(_refusal(str(bad)))
    environment.stop_timeout = _STOP_SECONDS  # who is at the door ends the visit
    Host.fixed_count = len(environment.shanhuo.plan.shows())
    Watcher.fixed_count = environment.shanhuo.watchers


@events.test_start.add_listener
def _begin(environment: Any, **_: Any) -> None:
    Person.play = Play(environment.shanhuo)
    gevent.spawn(Person.play.prepare)


@events.user_error.add_listener
def _fell(exception: BaseException, **_: Any) -> None:
    """A mistake of ours, or an answer that is not what the contracts say."""
    if Person.play is not None:
        Person.play.tally.failed[f"{type(exception).__name__}: {exception}"[:200]] += 1


@events.test_stop.add_listener
def _close(environment: Any, **_: Any) -> None:
    """Say what was seen; by Locust's page another run may follow, with a play of its own."""
    play, tally = Person.play, Person.play.tally
    Person.play = None
    if play.broken:
        print(f"load: {play.broken}", file=sys.stderr)
    _last(environment, f"load: {tally.line()}")
    if play.wish.report:
        play.wish.report.write_bytes(msgspec.json.format(msgspec.json.encode(tally.figures())))
    environment.process_exit_code = int(bool(play.broken or tally.failures() or not tally.placed))


class Evening(LoadTestShape):
    """So many users as the plan needs now: hosts, pages, and the buyers at the doors, bursts when an item is shown."""

    def tick(self) -> tuple[int, float] | None:
        play = Person.play
        if play is None:  # the first user begins the test, and with it the play
            return 1, _SPAWNED_A_SECOND
        if play.over():
            return None
        return Host.fixed_count + Watcher.fixed_count + play.lanes(), _SPAWNED_A_SECOND


def _last(environment: Any, line: str) -> None:
    """Print it where one looks first: below the tables of a run without a page; with one, now: more runs may follow."""
    if environment.web_ui:
        print(line)
    else:
        environment.events.quit.add_listener(lambda **_: print(line))


def _refusal(text: str) -> int:
    print(f"load: {text}", file=sys.stderr)
    return 2
