"""What can be asked of a load: Locust's own command line and environment, with what is ours besides.

A mistake is answered by one line and exit code 2, before anything is sent.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from evening.plan import Plan, lineup, plan
from load import recording, replaying

SERVICES: Final = ("catalog", "broadcast", "orders", "notify")
_PORTS: Final = {name: 8000 + number for number, name in enumerate(SERVICES, 1)} | {"issuer": 8009}
_LONGEST_SECONDS: Final = 4 * 3600
_MOST_VISITS: Final = 200_000


class Unplayable(ValueError):
    """This cannot be played; the text says why."""


class Wish(NamedTuple):
    """What shall be played, and before how many pages that only watch."""

    urls: dict[str, str]
    plan: Plan
    watchers: int
    lanes: int
    webhook_secret: str
    paying_later: float
    report: Path | None


def add(parser: Any) -> None:
    """Our options, beside Locust's; each may be given by its variable too."""
    group = parser.add_argument_group("Shanhuo", "The show that is played, and where.")

    def option(name: str, kind: Callable[[str], Any], default: Any, told: str, env: str = "") -> None:
        variable = env or f"LOAD_{name.upper().replace('-', '_')}"
        group.add_argument(f"--{name}", type=kind, default=default, env_var=variable, help=f"{told} [{variable}]")

    for name, port in _PORTS.items():
        option(name, str, f"http://127.0.0.1:{port}", f"address of {name}")
    option("buyers", _count(1, 100_000), 1_000, "how many buyers come to an evening drawn by lot")
    option("watchers", _count(0, 2_000), 20, "live pages that only watch and listen")
    option("lanes", _count(1, 1_000), 200, "buyers that may be at the doors at once")
    option("speed", _number(0.01, 1_000), 48.0, "seconds of the show that pass in one of ours")
    option("volume", _count(1, 100), 1, "with a recording: buyers and stock, times this")
    option("seed", _count(0, 2**31), 2018, "which evening is drawn")
    option("paying-later", _number(0, 1), 0.3, "share of the payments that a webhook tells of, with a webhook secret")
    option("recording", Path, None, "play this recorded show instead of drawing an evening")
    option("report", Path, None, "write what was seen to this file, as JSON")
    # In the environment only as a rule: what stands on a command line, everybody on the machine can read.
    option(
        "webhook-secret",
        str,
        "",
        "of the test payment provider; some buyers then pay later",
        "PAYMENT_TEST_WEBHOOK_SECRET",
    )
    option("webhook-secret-file", Path, None, "a file that holds it", "PAYMENT_TEST_WEBHOOK_SECRET_FILE")


def wish(given: Any, market: Path) -> Wish:
    """What these options ask for. Raises `Unplayable`."""
    try:
        played, secret = _plan(given, market), _secret(given)
    except (recording.BadRecording, OSError) as bad:
        raise Unplayable(str(bad)) from bad
    seconds = max(played.seconds(slot.starts_min + slot.minutes) for slot in played.slots)
    if seconds > _LONGEST_SECONDS:
        raise Unplayable(f"it would take {seconds:.0f} s; at most {_LONGEST_SECONDS} s: give a higher --speed")
    if len(played.arrivals) > _MOST_VISITS:
        raise Unplayable(f"it would be {len(played.arrivals)} visits; at most {_MOST_VISITS}: give a lower --volume")
    return Wish(
        urls={name: str(getattr(given, name)).rstrip("/") for name in _PORTS},
        plan=played,
        watchers=given.watchers,
        lanes=given.lanes,
        webhook_secret=secret,
        paying_later=given.paying_later,
        report=given.report,
    )


def _secret(given: Any) -> str:
    """By itself, or by file without the line's end, as services read theirs."""
    path: Path | None = given.webhook_secret_file
    return str(given.webhook_secret) if path is None else path.read_text(encoding="utf-8").removesuffix("\n")


def _plan(given: Any, market: Path) -> Plan:
    if given.recording:
        return replaying.plan(
            recording.read_file(given.recording), seed=given.seed, speed=given.speed, volume=given.volume
        )
    if given.volume != 1:
        raise Unplayable("--volume is for a recording; an evening drawn by lot has as many --buyers as you say")
    slots = lineup((market / "lineup.csv").read_text(encoding="utf-8"))
    return plan(slots, seed=given.seed, viewers=given.buyers, speed=given.speed, who="buyer")


def _count(least: int, most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not (text.isdecimal() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return count


def _number(least: float, most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least:g} to {most:g}")
        return found

    return number
