"""The whole stack on this machine until Ctrl-C: `make up`. Prints where everything is."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.table import Column, Table

from stack.arguments import Arguments, port_number
from stack.footprint import own_footprint
from stack.local import DATA, Ports, Stack, launch
from stack.market import NotOpenedError, open_market
from stack.processes import PortTakenError, ProcessError, taken

OPTIONS = {"Kafka": "--kafka-port", "MongoDB": "--mongodb-port"}  # every other port follows --base-port


def main() -> None:
    arguments = _arguments()
    wanted = arguments.parse_args()
    console = Console(highlight=False)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    try:
        ports = _ports(wanted.base_port, wanted.kafka_port, wanted.mongodb_port)
        _stay_up(wanted.data_dir, ports, console, market=not wanted.empty)
    except PortTakenError as error:
        arguments.error(f"{error}; choose another with {OPTIONS.get(error.whose, '--base-port')}")
    except OSError as error:  # a data directory that cannot be written
        arguments.error(str(error))
    except ProcessError as error:
        sys.exit(f"stack.up: {error}")
    except KeyboardInterrupt:
        console.print("Stopped.")


def _arguments() -> Arguments:
    arguments = Arguments(prog="stack.up", description="Start engines, issuer and services; stay up until Ctrl-C.")
    options: list[tuple[str, Callable[[str], object], object, str]] = [
        ("--base-port", port_number, 8000, "N: services on N+1 to N+4, issuer on N+9"),
        ("--kafka-port", port_number, 19092, "of the embedded broker"),
        ("--mongodb-port", port_number, 27117, "of the embedded database"),
        ("--data-dir", Path, Path("var"), "where database, key and logs are kept"),
    ]
    for name, kind, default, what in options:
        arguments.add_argument(name, type=kind, default=default, help=f"{what} (default %(default)s)")
    arguments.add_argument(
        "--empty", action="store_true", help="import nothing; otherwise the market of the demo is opened"
    )
    arguments.epilog = "KAFKA_BOOTSTRAP_SERVERS and MONGODB_URI, when set, are used instead of the embedded engines."
    return arguments


def _ports(base: int, kafka: int, mongodb: int) -> Ports:
    ports = Ports.from_base(
        base,
        kafka=None if os.environ.get("KAFKA_BOOTSTRAP_SERVERS") else kafka,
        mongodb=None if os.environ.get("MONGODB_URI") else mongodb,
    )
    for whose, port in ports.named().items():  # before anything is started
        if taken(port):
            raise PortTakenError(port, whose)
    return ports


def _stay_up(data_dir: Path, ports: Ports, console: Console, *, market: bool) -> NoReturn:
    run_dir = data_dir / "run"
    for log in run_dir.glob("*.log"):
        log.unlink()  # of the last time
    with console.status("Starting engines, issuer and services…"):
        stack = launch(run_dir, storage=data_dir / "mongodb", key_file=data_dir / "issuer.pem", ports=ports)
    with stack:
        show(stack, console)
        if market:
            _open(stack, console)
        console.print(f"Logs are in {_short(stack.run_dir)}. Ctrl-C stops everything.", soft_wrap=True)
        while True:
            stack.check()
            time.sleep(0.5)


def _open(stack: Stack, console: Console) -> None:
    """The market of the demo. A refusal is told, and no reason to go down: what stands so far can be looked at."""
    try:
        with console.status("Opening the market…"):
            shows = open_market(stack.services, DATA)
        line = (
            f"The market is open: counties, items, hubs and {len(shows)} shows with their stock, from {_short(DATA)}."
        )
    except NotOpenedError as error:
        line = f"The market is not open: {error}"
    console.print(line, soft_wrap=True, markup=False)


def show(stack: Stack, console: Console) -> None:
    """Where everything is, what it takes, and how to talk to it."""
    console.print(_addresses(stack))
    ask = f"curl -s {stack.issuer.url}/token -H 'Content-Type: application/json' -H 'Accept: text/plain'"
    upload = f"curl -s {stack.services.url('catalog')}/counties/import -H 'Content-Type: text/csv'"
    lines = [
        'A token (roles: platform, county, host, producer, buyer; with "county": "520123" for that county):',
        f"""  TOKEN=$({ask} -d '{{"subject": "me", "roles": ["platform"]}}')""",
        "Use it, for instance to look at the stock, or to import a file:",
        f"""  curl -s {stack.services.url("catalog")}/stock -H "Authorization: Bearer $TOKEN\"""",
        f"""  {upload} -H "Authorization: Bearer $TOKEN" --data-binary @{_short(DATA)}/counties.csv""",
    ]
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def _addresses(stack: Stack) -> Table:
    table = Table("", Column("Address", no_wrap=True), "Pages", Column("Ready", no_wrap=True), "Memory")
    memory = {one.name: f"{one.pss / 1e6:.0f} MB" for one in [*stack.footprint(), own_footprint("issuer")]}
    for service in stack.services:
        ready = f"{service.ready_seconds:.1f} s"
        table.add_row(service.name, service.url, "/docs /metrics", ready, memory.get(service.name))
    table.add_row("issuer", stack.issuer.url, "/jwks.json", "", memory.get("issuer"))
    table.add_row("Kafka", stack.engines.kafka, "", "", memory.get("broker", "not ours"))
    table.add_row("MongoDB", stack.engines.mongodb, "", "", memory.get("database", "not ours"))
    return table


def _short(path: Path) -> str:
    """Relative to where the user is, when it is below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
