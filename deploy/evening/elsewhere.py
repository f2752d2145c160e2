"""Plays the evening on a system that runs already and audits it from outside: `python -m evening.elsewhere`.

The environment names it: KAFKA_BOOTSTRAP_SERVERS, MONGODB_URI, OIDC_ISSUER (the one for local trial), and CATALOG_URL
… NOTIFY_URL where they are not `http://catalog:8000` and so on. Databases and topics must be empty, and orders' setting
PAY_WITHIN_SECONDS must let unpaid orders lapse within the evening. The last line is the report, as JSON. Exit codes: 0
all of it holds, 1 a check failed or the evening could not be played, 2 a bad argument or setting.
"""

import argparse
import asyncio
import sys
from typing import Any

import httpx
import msgspec
from rich.console import Console
from rich.progress import Progress

from evening import report
from evening.audit import databases
from evening.house import House, Unnamed, named
from evening.idle import NotAtRest
from evening.night import Night, Wish
from evening.stage import Unplayable
from stack.arguments import Arguments, whole_number
from stack.samples import DATA

_UNSUCCESSFUL = (Unplayable, NotAtRest, httpx.HTTPError)


def main() -> None:
    """Play, report, audit."""
    arguments = _arguments()
    wanted = arguments.parse_args()
    console = Console(highlight=False, width=150)
    try:
        found = _evening(named(), wanted)
    except Unnamed as unnamed:
        arguments.error(str(unnamed))
    except BaseExceptionGroup as group:
        if not isinstance(first := _first(group), _UNSUCCESSFUL):
            raise
        sys.exit(f"evening: {_said(first)}")
    except _UNSUCCESSFUL as error:
        sys.exit(f"evening: {_said(error)}")
    console.print(report.audit(found))
    failed = [check["name"] for check in found["audit"] if not check["ok"]]
    print(msgspec.json.encode(found).decode(), flush=True)
    sys.exit(f"evening: the audit failed: {', '.join(failed)}" if failed else 0)


def _evening(house: House, wanted: argparse.Namespace) -> dict[str, Any]:
    if held := databases.held(house.mongodb, house.databases):
        raise Unplayable(f"the databases hold an earlier evening already ({held})")
    wish = Wish(seed=wanted.seed, viewers=wanted.viewers, speed=wanted.speed, lines=wanted.lines)
    with Progress(disable=True) as progress:
        night = Night(house, wish, DATA, progress)
        asyncio.run(night.play())
        return night.examine() | {"phases": night.phases}


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__  # a time-out says nothing


def _arguments() -> Arguments:
    arguments = Arguments(prog="evening.elsewhere", description="Play the evening on a system that runs already.")
    arguments.add_argument("--seed", type=whole_number, default=20181203, help="(default %(default)s)")
    arguments.add_argument("--viewers", type=whole_number, default=900, help="(default %(default)s)")
    arguments.add_argument("--speed", type=float, default=144.0, help="(default %(default)s)")
    arguments.add_argument("--lines", type=whole_number, help="only so many of the other platform's file")
    return arguments


if __name__ == "__main__":
    main()
