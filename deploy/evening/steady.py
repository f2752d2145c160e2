"""A steady load on one service of a running system, until SIGTERM: `python -m evening.steady orders`.

For whoever upgrades, kills or scales meanwhile and wants to know whether anybody noticed. It writes lines of JSON to
standard output: `{"answered": …}` twice a second, and at the end one that says what came of all requests and, with
`--audit`, of what they left behind. Exit codes: 0 nobody noticed, 1 somebody did, 2 a bad argument or setting.
"""

import asyncio
import signal
import sys
import threading
from argparse import Namespace
from typing import Any, Final

import httpx
import msgspec

from evening.audit import Told, audit
from evening.callers import Caller, Door, Failed, Load, Said
from evening.errands import ERRANDS, Buying, Errand, SellingOut, Unprepared
from evening.house import House, Unnamed, named
from evening.idle import NotAtRest, Watch, until
from stack.arguments import Arguments, whole_number

_TOLD: Final = 20
_EVERY_SECONDS: Final = 0.5
_REST_WITHIN: Final = 120.0
_NOT_HERE: Final = frozenset({"imported", "rehearsal", "parcels", "price"})  # looked at by none of these errands alone


def main() -> None:
    """Read the command line, load, tell."""
    arguments = _arguments()
    wanted = arguments.parse_args()
    over = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: over.set())
    try:
        house = named()
        errand = _errand(house, wanted)
        errand.prepare()
    except Unnamed as unnamed:
        arguments.error(str(unnamed))
    except (Unprepared, httpx.HTTPError) as error:
        sys.exit(f"steady: {error}")
    said = _load(errand, wanted, over)
    found = figures(errand, said)
    if wanted.audit:
        found |= {"audit": _audit(house, errand)}
    _say(found)
    sys.exit(1 if said.failures or any(not check["ok"] for check in found.get("audit", ())) else 0)


def figures(errand: Errand, said: Said) -> dict[str, Any]:
    """What came of it all."""
    return {
        "errand": errand.service,
        "requests": said.statuses.total(),
        "statuses": {str(status): number for status, number in sorted(said.statuses.items())},
        "failed": len(said.failures),
        "failures": said.failures[:_TOLD],
        "retried": said.retried,
        "connections": said.connections,
        "slowest_seconds": round(said.longest, 3),
        "offered": errand.offered if isinstance(errand, SellingOut) else None,
        "promised_orders": len({promise.order_id for promise in errand.promises}),
        "promised_units": sum({promise.order_id: promise.quantity for promise in errand.promises}.values()),
    }


def _errand(house: House, wanted: Namespace) -> Errand:
    kind = ERRANDS[wanted.errand]
    return kind(house, wanted.offered) if issubclass(kind, Buying) and wanted.offered else kind(house)


def _load(errand: Errand, wanted: Namespace, over: threading.Event) -> Said:
    door = Door(errand.house.urls[errand.service].removeprefix("http://"))
    load = Load(door, errand.turn, wanted.callers, wanted.pause / 1000, fresh=True, stubborn=wanted.stubborn)
    with load:
        while not over.wait(_EVERY_SECONDS):
            _say({"answered": load.said.statuses.total(), "failed": len(load.said.failures)})
    last = [Caller(door, load.said, stubborn=wanted.stubborn) for _ in range(wanted.callers)]
    threads = [threading.Thread(target=_finish, args=(errand, caller)) for caller in last]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load.said


def _finish(errand: Errand, caller: Caller) -> None:
    try:
        errand.finish(caller)
    except Failed:
        return  # it is noted already
    finally:
        caller.drop()


def _audit(house: House, errand: Errand) -> list[dict[str, Any]]:
    """The audit from outside, of everything there is, when all is at rest. What nobody did is not judged."""
    try:
        with Watch(house.kafka, house.mongodb, groups=house.groups, databases=house.databases) as watch:
            asyncio.run(until(watch.busy, within=_REST_WITHIN, times=2))
    except NotAtRest as restless:
        return [{"name": "at-rest", "ok": False, "faults": [str(restless)]}]
    checks = audit(house.mongodb, house.databases, house.kafka, Told(promises=errand.promises))
    return [check.as_dict() for check in checks if check.figures["looked_at"] or check.name not in _NOT_HERE]


def _say(what: dict[str, Any]) -> None:
    print(msgspec.json.encode(what).decode(), flush=True)


def _arguments() -> Arguments:
    arguments = Arguments(prog="evening.steady", description="A steady load on one service, until SIGTERM.")
    arguments.add_argument("errand", choices=sorted(ERRANDS), help="the service, or what is to be bought of it")
    arguments.add_argument("--callers", type=whole_number, default=6, help="how many at once (default %(default)s)")
    arguments.add_argument(
        "--pause", type=whole_number, default=50, metavar="MS", help="between turns (default %(default)s)"
    )
    arguments.add_argument("--offered", type=whole_number, help="units that there are to be bought")
    arguments.add_argument(
        "--stubborn", type=whole_number, default=0, metavar="SECONDS", help="ask again for so long (default: never)"
    )
    arguments.add_argument("--audit", action="store_true", help="audit what was left behind, from outside")
    return arguments


if __name__ == "__main__":
    main()
