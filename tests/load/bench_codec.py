"""How many events a second one core decodes and encodes, typed and validated, beside json.loads in the same run.

    python tests/load/bench_codec.py [--seconds 1] [--rounds 5] [--json FILE] [--least 200000]

Counted in CPU seconds of this process, so that what else the machine does matters little; each figure is the median of
the rounds, and in every round all figures are taken one after the other. Exit code 1 when the typed decode of a small
event is below `--least` a second.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

import msgspec

from contracts.codec import decode, record, to_message
from contracts.events import EVENTS
from contracts.examples import EXAMPLES

MEASURED = ("audience.sampled", "order.cancelled", "order.placed")
NOW = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
SLICE = 2_000  # calls between two looks at the clock


def tasks(event: str) -> dict[str, Callable[[], object]]:
    """What is measured of an event, by the name of its figure."""
    fact, owner = EXAMPLES[event], EVENTS[event].owner
    _, _, value, headers = to_message(record(fact, source=owner, sequence=7, time=NOW))
    reader = msgspec.json.Decoder(EVENTS[event].cls)
    writer = msgspec.json.Encoder()
    return {
        "json_loads": lambda: json.loads(value),
        "decode_data": lambda: reader.decode(value),
        "decode_message": lambda: decode(headers, value),
        "encode_data": lambda: writer.encode(fact),
        "encode_message": lambda: to_message(record(fact, source=owner, sequence=7, time=NOW)),
    }


def rate(task: Callable[[], object], seconds: float) -> float:
    """Calls a CPU second."""
    done = 0
    begun = now = time.process_time()
    while now - begun < seconds:
        for _ in repeat(None, SLICE):
            task()
        done += SLICE
        now = time.process_time()
    return done / (now - begun)


def measure(seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Every figure of every measured event: calls a second, the size of its data, and the ratio to json.loads."""
    found = {}
    for event in MEASURED:
        named = tasks(event)
        taken: dict[str, list[float]] = {name: [] for name in named}
        for _ in range(rounds):
            for name, task in named.items():
                taken[name].append(rate(task, seconds / rounds))
        figures = {name: round(statistics.median(rates)) for name, rates in taken.items()}
        ratio = round(figures["decode_data"] / figures["json_loads"], 2)
        size = len(msgspec.json.encode(EXAMPLES[event]))
        found[event] = {"bytes": size, **figures, "decode_data_to_json_loads": ratio}
    return found


def show(figures: dict[str, dict[str, float]]) -> None:
    """The figures as a table for people."""
    names = list(next(iter(figures.values())))
    print(f"events a CPU second on one core, Python {platform.python_version()}, msgspec {msgspec.__version__}")
    print(f"{'':18}" + "".join(f"{name.replace('decode_data_to_', '× '):>16}" for name in names))
    for event, told in figures.items():
        print(f"{event:18}" + "".join(f"{value:>16,}" for value in told.values()))


def main() -> int:
    """Measure, show, and say whether the codec is as fast as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds for each figure (default 1)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds the median is taken of (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--least", type=float, default=200_000, help="small events a second to reach (default 200000)")
    asked = parser.parse_args()
    if asked.seconds <= 0 or asked.rounds < 1:
        parser.error("--seconds and --rounds are above 0")
    figures = measure(asked.seconds, asked.rounds)
    show(figures)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    slowest = min(figures[event]["decode_data"] for event in ("audience.sampled", "order.cancelled"))
    enough = slowest >= asked.least
    print(f"typed decode of small events: {slowest:,} a second, {'at least' if enough else 'BELOW'} {asked.least:,.0f}")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
