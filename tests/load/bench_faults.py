"""What asking for a fault costs: where none can be turned on, where none is on, and where one is.

`python tests/load/bench_faults.py` prints nanoseconds of processor time of one question, the best of five rounds. It is
asked for each payment, webhook and event that is read, and for each partition at each turn of a consumer's loop.
"""

import json
import subprocess
import sys
import tempfile
import timeit
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import Any

from chassis.drills import Drills

QUESTIONS = 20_000
TARGETED = {"if": [{"and": [{"==": [{"var": "service"}, "orders"]}, {"in": [{"var": "topic"}, ["a", "b"]]}]}, "on"]}


def drills(path: str) -> Drills:
    made = Drills()
    made.container = SimpleNamespace(service_name="orders", config={"settings": SimpleNamespace(fault_flags_path=path)})
    made.setup()
    return made


def flags(folder: Path, default: str, targeting: Any = None) -> str:
    variants = {"on": {"share": 0.5}, "off": {"share": 0}}
    flag = {"state": "ENABLED", "variants": variants, "defaultVariant": default, "targeting": targeting or {}}
    path = folder / f"{default}-{bool(targeting)}.json"
    path.write_text(json.dumps({"flags": {"poison-event": flag}}))
    return str(path)


def nanoseconds(asked: Drills) -> float:
    rounds = timeit.repeat(
        lambda: asked.strikes("poison-event", topic="order.placed"), number=QUESTIONS, repeat=5, timer=process_time
    )
    return min(rounds) / QUESTIONS * 1e9


def megabytes(program: str) -> float:
    """Most memory that a Python took that ran this."""
    told = "; print(next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')) / 1e3)"
    return float(
        subprocess.run([sys.executable, "-W", "ignore", "-c", program + told], capture_output=True, check=True).stdout
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, path in {
            "no FAULT_FLAGS_PATH": "",
            "a file, all off": flags(folder, "off"),
            "on": flags(folder, "on"),
            "on by targeting": flags(folder, "off", TARGETED),
        }.items():
            print(f"{what:20} {nanoseconds(drills(path)):8.0f} ns")
    without, with_it = megabytes("import chassis.drills"), megabytes("import chassis.drills, chassis.openflags")
    print(f"{'the SDK, loaded':20} {with_it - without:8.1f} MB")


if __name__ == "__main__":
    main()
