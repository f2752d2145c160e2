"""The book-keeping of an import: what became of each row, and the items as they become while rows are applied to them.

Pure, and without rules of its own: which row lands is decided in `imports.py`.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import msgspec

from catalog import domain
from catalog.domain import Change, Item
from chassis.rows import Good, Refused, RowReport
from contracts.events import Fact

Rows = Sequence[Good[Any] | Refused]
ItemKey = tuple[str, str]


class Unfit(Exception):
    """A row that is refused: the column, why, and the value found there."""

    def __init__(self, field: str, reason: str, value: object = None) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason
        self.value = None if value is None else str(value)


class Outcome(msgspec.Struct):
    """What became of rows, by their numbers. A later verdict on a row replaces the earlier one."""

    accepted: set[int]
    unchanged: set[int]
    refused: dict[int, Refused]

    @classmethod
    def empty(cls) -> "Outcome":
        """No verdicts yet."""
        return cls(set(), set(), {})

    def update(self, later: "Outcome") -> None:
        """Take over the verdicts of another try."""
        told = later.accepted | later.unchanged | later.refused.keys()
        self.accepted = (self.accepted - told) | later.accepted
        self.unchanged = (self.unchanged - told) | later.unchanged
        self.refused.update(later.refused)

    def report(self) -> RowReport:
        """As the sender of the file is told."""
        refused = [self.refused[number] for number in sorted(self.refused)]
        rows = len(self.accepted) + len(self.unchanged) + len(refused)
        return RowReport(rows=rows, accepted=len(self.accepted), unchanged=len(self.unchanged), refused=refused)


class Ledger:
    """Items as they were read, and as they become while rows and events are applied to them."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._before: dict[ItemKey, Item] = {(item.county, item.sku): item for item in items}
        self._after = dict(self._before)
        self._facts: dict[ItemKey, list[Fact]] = {}

    def find(self, county: str, sku: str) -> Item | None:
        """The item as it stands now."""
        return self._after.get((county, sku))

    def put(self, item: Item, *facts: Fact) -> bool:
        """Let the item stand like this from now on; says whether that is different."""
        key = (item.county, item.sku)
        if item == self._after.get(key):
            return False
        self._after[key] = item
        self._facts.setdefault(key, []).extend(facts)
        return True

    def changes(self) -> list[Change]:
        """What is different from what was read, with the facts this causes."""
        return [domain.change(self._before.get(key), self._after[key], *facts) for key, facts in self._facts.items()]


def judge(rows: Rows, column: str, identity: Callable[[Any], Hashable], land: Callable[[Any], bool]) -> Outcome:
    """Try `land` on each readable row (True: it changed something); of those with the same identity the first counts.

    `column` names the thing that a row is about.
    """
    outcome = Outcome.empty()
    first: dict[Hashable, int] = {}
    for row in rows:
        if isinstance(row, Refused):
            outcome.refused[row.number] = row
            continue
        try:
            earlier = first.setdefault(identity(row.row), row.number)
            if earlier != row.number:
                raise Unfit(column, f"repeats row {earlier}", getattr(row.row, column))
            (outcome.accepted if land(row.row) else outcome.unchanged).add(row.number)
        except Unfit as unfit:
            outcome.refused[row.number] = Refused(row.number, unfit.field, unfit.reason, unfit.value)
    return outcome
