"""The audit from outside: reads the databases and the topics directly, never asks a service, and judges what it finds.

A library for the demo, the benchmarks and the chaos tests alike:

    for check in audit("mongodb://…", {"orders": "orders", …}, "127.0.0.1:9092"):
        print(check.name, check.ok, check.figures)

Reading (`topics`, `databases`) is apart from judging (`selling`, `stock`, `facts`, `people`, `books`), which is pure.
"""

from collections.abc import Callable, Mapping
from typing import Final

from evening.audit import books, databases, facts, heard, people, selling, stock, topics
from evening.audit.check import Check
from evening.audit.records import Evidence, Promise, Told

CHECKS: Final[tuple[Callable[[Evidence], Check], ...]] = (
    selling.no_oversell,
    selling.no_lost_order,
    selling.twice_is_once,
    facts.order_of_facts,
    selling.price,
    stock.rehearsal,
    people.tenancy,
    facts.whole_numbers,
    stock.stock,
    people.parcels,
    people.notices,
    heard.heard,
    books.books,
    books.imported,
    facts.outboxes_empty,
    facts.dead_letters,
)


def gather(mongodb_uri: str, names: Mapping[str, str], kafka: str, told: Told | None = None) -> Evidence:
    """Read everything once. `names` are the services' databases, `told` what the outside world was told meanwhile."""
    evidence = Evidence(topics=topics.read(kafka), told=told or Told())
    databases.read(mongodb_uri, names, evidence)
    return evidence


def judge(evidence: Evidence) -> list[Check]:
    """Every check's verdict."""
    return [check(evidence) for check in CHECKS]


def audit(mongodb_uri: str, names: Mapping[str, str], kafka: str, told: Told | None = None) -> list[Check]:
    """Read and judge."""
    return judge(gather(mongodb_uri, names, kafka, told))


__all__ = ["CHECKS", "Check", "Evidence", "Promise", "Told", "audit", "gather", "judge"]
