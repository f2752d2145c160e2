"""Whether the last units are sold exactly: more buyers than units, round after round, also while a replica is killed.

A round: a stock of 200, 64 buyers, 400 attempts of one unit. Exactly 200 are to be placed, exactly 200 refused, each
with the count that remains. A buyer whose replica dies asks the next one with the same key.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from bench import crowd
from bench.outside import Auditor
from bench.plan import Answer, Kill, Plan
from bench.shop import Shop, open_shop
from contracts.ids import new_id
from evening.audit.check import Check, Findings
from stack.engines import Engines
from stack.issuer import Issuer
from stack.services import wait_ready

STOCK: Final = 200
BUYERS: Final = 64
ATTEMPTS: Final = 400
KILL_AFTER: Final = 100  # answers: in the middle of the selling
_PATIENCE: Final = 60.0
_TAKEN: Final = frozenset({200, 201})


class Refusal(msgspec.Struct):
    """What a buyer is told who came too late."""

    type: str
    remaining: int | None = None


class Rounds(msgspec.Struct, frozen=True, kw_only=True):
    """What so many rounds came to: how many were exact, and how long they took."""

    replicas: int
    killed: bool
    rounds: int
    exact: int
    placed: int
    refused: int
    replayed: int
    checks: int
    seconds: float
    faults: list[str] = []


class Variant(msgspec.Struct, frozen=True):
    """How the rounds are played."""

    replicas: int
    killed: bool

    def __str__(self) -> str:
        return f"{self.replicas} replicas" + (", one killed in each" if self.killed else "")


def variants(replicas: Iterable[int]) -> list[Variant]:
    """With so many replicas; where there is another one to ask, also with one killed in each round."""
    return [Variant(number, killed) for number in replicas for killed in (False, True) if number > 1 or not killed]


def play(
    engines: Engines, issuer: Issuer, run_dir: Path, variant: Variant, rounds: int, tick: Callable[[], object]
) -> Rounds:
    """The rounds one after the other, each on new stock; in the end the audit from outside over all of them."""
    began, first, faults = time.monotonic(), new_id(), list[str]()
    answers: list[Answer] = []
    with _opened(engines, issuer, run_dir, variant) as (shop, auditor):
        stocks = [list(shop.stock(1, STOCK)) for _ in range(rounds)]
        for number, stock in enumerate(stocks):
            heard = _round(shop, stock, number, variant, tick)
            answers += heard
            faults += [f"round {number + 1}: {fault}" for fault in judge(heard).faults]
            if variant.killed:
                _revive(shop)
        rest = auditor.at_rest()
        checks = [*auditor.run(first, [one for stock in stocks for one in stock], answers), rest]
    return _rounds(variant, rounds, answers, began, faults, checks)


def judge(answers: list[Answer]) -> Check:
    """Exactly the stock is placed, everybody else is told that nothing remains, and everybody is answered."""
    found = Findings("exact")
    taken = [one for one in answers if one.status in _TAKEN]
    refused = [one for one in answers if one.status == 409]
    found.expect(len(taken) == STOCK, f"{len(taken)} were placed, not {STOCK}")
    found.expect(len(refused) == ATTEMPTS - STOCK, f"{len(refused)} were refused, not {ATTEMPTS - STOCK}")
    found.expect(len({one.key for one in answers}) == ATTEMPTS, "not every attempt was answered once")
    for one in answers:
        if one.status not in _TAKEN:
            told = msgspec.json.decode(one.body, type=Refusal) if one.status == 409 else Refusal("no answer")
            whole = told.type == "/problems/sold-out" and told.remaining == 0
            found.expect(whole, f"{one.key} was answered {one.status} {told.type}, {told.remaining} remaining")
    return found.check()


@contextmanager
def _opened(engines: Engines, issuer: Issuer, run_dir: Path, variant: Variant) -> Iterator[tuple[Shop, Auditor]]:
    with open_shop(engines, issuer, run_dir, variant.replicas) as shop, Auditor(shop) as auditor:
        yield shop, auditor


def _round(shop: Shop, stock: list[str], number: int, variant: Variant, tick: Callable[[], object]) -> list[Answer]:
    victim = shop.replicas[number % variant.replicas].process.pid
    plan = Plan(
        ports=shop.ports,
        tokens=shop.tokens(BUYERS),
        allotments=stock,
        run=f"exact-{shop.database.name}-{number}",
        seconds=_PATIENCE,
        attempts=ATTEMPTS,
        kill=Kill(victim, KILL_AFTER) if variant.killed else None,
    )
    return crowd.send(plan, shop.run_dir, tick).answers


def _revive(shop: Shop) -> None:
    """Who was killed starts again at the same address, as Kubernetes would have it."""
    dead = [replica for replica in shop.replicas if not replica.process.alive]
    for replica in dead:
        replica.start_again()
    wait_ready(dead)


def _rounds(
    variant: Variant, rounds: int, answers: list[Answer], began: float, faults: list[str], checks: list[Check]
) -> Rounds:
    held = [f"{check.name}: {fault}" for check in checks if not check.ok for fault in check.faults]
    return Rounds(
        replicas=variant.replicas,
        killed=variant.killed,
        rounds=rounds,
        exact=rounds - len({fault.partition(":")[0] for fault in faults}),
        placed=sum(one.status in _TAKEN for one in answers),
        refused=sum(one.status == 409 for one in answers),
        replayed=sum(one.replayed for one in answers),
        checks=rounds + len(checks),
        seconds=round(time.monotonic() - began, 1),
        faults=faults + held,
    )
