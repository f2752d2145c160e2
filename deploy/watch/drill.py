"""A drill: every fault is turned on under load, must be seen on its panel and caught by its alert: `make drill`.

First a crowd comes while all is well, and nothing may be seen of them; then a larger one with all four on at once,
aimed so that none hides another: poison is for notify, the stall is of what broadcast hears of orders, payments are
orders' alone. Then they are turned off, and what stood still goes on.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from dashboards.places import UIDS, Engine, Events, Place
from stack.arguments import Arguments
from watch import shown
from watch.prometheus import NotInstalledError
from watch.run import Found, Watched, watch, watched

# Of the rules: what alerts see in five minutes they see in twenty seconds. No more, since lag is measured each five:
# with two minutes made four seconds, a measurement that is not renewed yet would be a consumer that stalls.
HASTE: Final = 15.0
_SECRET: Final = "drill"  # noqa: S105  of the test provider, whose money is none
_LOAD: Final = Path(__file__).parents[1] / "load"
_WITHIN: Final = 60.0
_WIDTH: Final = 150  # of the report where it goes to a file
_OF_ORDERS: Final = ("order.placed", "order.paid")
_QUIET: Final = ("--buyers", "300", "--speed", "144", "--seed", "1")
_LOUD: Final = ("--buyers", "900", "--speed", "48", "--seed", "2", "--paying-later", "0.7")


class Caught(NamedTuple):
    """How a fault is seen: a panel goes above a figure, which it does not in peace, and an alert fires."""

    fault: str
    place: Place
    above: float
    alert: str
    service: str
    topics: tuple[str, ...] = ()

    @property
    def rule(self) -> dict[str, Any]:
        """Of JsonLogic: whom it strikes."""
        here: dict[str, Any] = {"==": [{"var": "service"}, self.service]}
        return {"and": [here, {"in": [{"var": "topic"}, list(self.topics)]}]} if self.topics else here


EVERY: Final = (
    Caught("slow-payment", Engine.PAYMENT_SECONDS, 2.5, "PaymentsSlow", "orders"),
    Caught("lost-webhook", Engine.PAYMENTS_FOUND, 0.0, "PaymentWebhooksLost", "orders"),
    Caught("poison-event", Events.DEAD_LETTERED, 0.0, "DeadLettersGrowing", "notify"),
    Caught(
        "consumer-stall", Events.LAG_BY_TOPIC, 100.0, "ConsumerStalled", "broadcast", ("order.placed", "order.paid")
    ),
)


class Verdict(NamedTuple):
    """What was seen of a fault: on its panel (at the end of each time), and of its alert (seconds of firing)."""

    caught: Caught
    peace: float
    drill: float
    fired_in_peace: float
    fired: float

    @property
    def seen(self) -> bool:
        """On the dashboard, and only while it was on."""
        return self.peace <= self.caught.above < self.drill

    @property
    def alerted(self) -> bool:
        """By the alert, and only while it was on."""
        return self.fired > 0 and not self.fired_in_peace


class Flags:
    """The file of flags that the services read, all off at first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.turn(())

    def turn(self, on: Collection[str]) -> None:
        """These on, each in the service where this drill has it, all others off. Written whole: nobody reads a half."""
        said: dict[str, Any] = json.loads((_LOAD / "faults.json").read_text(encoding="utf-8"))
        for one in EVERY:
            said["flags"][one.fault]["targeting"] = {"if": [one.rule, "on"]} if one.fault in on else {}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(said), encoding="utf-8")
        fresh.replace(self.path)


def settings(flags: Flags) -> dict[str, str]:
    """What services must be told for a drill. Orders lapse soon, so that payments nobody told of are asked for."""
    return {
        "FAULT_FLAGS_PATH": str(flags.path),
        "PAYMENT_TEST_WEBHOOK_SECRET": _SECRET,
        "PAY_WITHIN_SECONDS": "20",
    }


class Drilled(NamedTuple):
    """What was seen of each fault, and of everything while all were on."""

    verdicts: list[Verdict]
    loud: Found


def drill(here: Watched, flags: Flags) -> Drilled:
    """Peace, then all faults, then peace again; what was seen. Raises `TimeoutError` when they do not come or go."""
    peace = watch(here, lambda here: crowd(here, *_QUIET))
    flags.turn([one.fault for one in EVERY])
    _until(lambda: _sum(here, "sum(fault_flag_on) >= 4"), "the services did not read the flags")
    loud = watch(here, lambda here: crowd(here, *_LOUD))
    flags.turn(())
    _until(lambda: not _sum(here, "sum(fault_flag_on) > 0"), "the flags do not go off")
    _until(lambda: not _sum(here, 'sum(consumer_lag_records{group!="fanout"}) > 0'), "what stood still does not go on")
    return Drilled([_verdict(one, peace, loud) for one in EVERY], loud)


def crowd(here: Watched, *asked: str) -> None:
    """Locust, in a process of its own. What buyers are told in a drill is no matter here."""
    urls = {service.name: service.url for service in here.stack.services} | {"issuer": here.stack.issuer.url}
    where = [word for name, url in urls.items() for word in (f"--{name}", url)]
    command = [
        sys.executable,
        "-m",
        "load",
        "play",
        "--headless",
        "--only-summary",
        "--loglevel",
        "ERROR",
        *where,
        *asked,
    ]
    with (here.run_dir / "locust.log").open("ab") as log:
        env = {**os.environ, "PAYMENT_TEST_WEBHOOK_SECRET": _SECRET}
        subprocess.run(command, stdout=log, stderr=log, env=env, check=False, timeout=300)


def _verdict(one: Caught, peace: Found, loud: Found) -> Verdict:
    return Verdict(
        one, _on_panel(one, peace), _on_panel(one, loud), _firing(one.alert, peace), _firing(one.alert, loud)
    )


def _on_panel(one: Caught, found: Found) -> float:
    """The greatest that the panel showed; of a lag, which comes and goes in peace too, at the end."""
    uid = UIDS[type(one.place)]
    seen = [panel for panel in found.panels if (panel.ask.uid, panel.ask.panel_id) == (uid, one.place.value)]
    if one.place is Events.LAG_BY_TOPIC:
        return max((panel.last or 0.0 for panel in seen), default=0.0)
    return max((value for panel in seen for value in panel.values), default=0.0)


def _firing(alert: str, found: Found) -> float:
    return next(one.firing for one in found.alerts if one.name == alert)


def _sum(here: Watched, expr: str) -> bool:
    return bool(here.prometheus.query(expr, time.time()))


def _until(check: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + _WITHIN
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(0.5)


def table(verdicts: Collection[Verdict]) -> Table:
    """A row for each fault."""
    told = Table(title="What every fault did", title_justify="left", title_style="bold")
    for name in ("fault", "panel", "in peace", "in the drill", "alert", "fired in peace", "fired"):
        told.add_column(name)
    for one in verdicts:
        place = one.caught.place
        told.add_row(
            one.caught.fault,
            f"{UIDS[type(place)]} {place.value}",
            f"{one.peace:.2f}",
            f"{one.drill:.2f}",
            one.caught.alert,
            f"{one.fired_in_peace:.0f} s",
            f"{one.fired:.0f} s",
            style=None if one.seen and one.alerted else "red",
        )
    return told


def main() -> None:
    """Drill and tell; exit with 1 when a fault was not seen or not caught."""
    Arguments(prog="watch.drill", description="Turn every fault on under load; see it, and be alerted.").parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="shanhuo-drill-") as folder:
            flags = Flags(Path(folder) / "flags.json")
            with watched(Path(folder), settings(flags), haste=HASTE) as here:
                verdicts, loud = drill(here, flags)
                told = (here.run_dir / "locust.log").read_text(encoding="utf-8")
    except NotInstalledError as error:
        sys.exit(f"watch.drill: {error}")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    console.print(shown.panels(loud.panels), shown.alerts(loud.alerts), table(verdicts))
    print(*(line for line in told.splitlines() if line.startswith("load: ")), sep="\n")
    sys.exit(0 if all(one.seen and one.alerted for one in verdicts) else 1)


if __name__ == "__main__":
    main()
