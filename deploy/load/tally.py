"""What the outside world was told, counted: placed, refused by reason, failed; and how long placing took.

A refusal is an answer (sold out, over the limit, too late): a system that says so does what it should. A failure is
everything else: no sure answer however often one asked, or one that nobody expects.
"""

from collections import Counter
from typing import Any, Final

_MOST_TOLD: Final = 5


class Tally:
    """One of a process."""

    def __init__(self) -> None:
        self.placed = 0
        self.paid = 0
        self.refused: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.tried_again = 0
        self.early = 0
        self.waiting = 0
        self.pushes = 0
        self.placing: list[float] = []
        self.late: list[float] = []

    def failures(self) -> int:
        """How many things went wrong."""
        return sum(self.failed.values())

    def figures(self) -> dict[str, Any]:
        """All of it, for programs. Times are seconds."""
        return {
            "placed": self.placed,
            "paid": self.paid,
            "refused": dict(self.refused.most_common()),
            "failed": dict(self.failed.most_common()),
            "tried_again": self.tried_again,
            "tapped_early": self.early,
            "waitlisted": self.waiting,
            "pushes_seen": self.pushes,
            "place_seconds": {"p50": percentile(self.placing, 50), "p99": percentile(self.placing, 99)},
            "late_seconds_p99": percentile(self.late, 99),
        }

    def line(self) -> str:
        """The same for people, in one line."""
        why = ", ".join(f"{reason} {number}" for reason, number in self.refused.most_common(_MOST_TOLD))
        what = "; ".join(f"{text} ({number})" for text, number in self.failed.most_common(_MOST_TOLD))
        p50, p99 = percentile(self.placing, 50) * 1000, percentile(self.placing, 99) * 1000
        told = (
            f"placed {self.placed} (paid {self.paid})",
            f"refused {sum(self.refused.values())}{f' ({why})' if why else ''}",
            f"failed {self.failures()}{f' ({what})' if what else ''}",
            f"asked again {self.tried_again}, tapped early {self.early}",
            f"placing p50 {p50:.0f} ms, p99 {p99:.0f} ms",
            f"buyers at most {max(self.late, default=0.0):.2f} s late",
            f"pages saw {self.pushes} pushes",
        )
        return "; ".join(told)


def percentile(values: list[float], per_cent: int) -> float:
    """The value that so many of them do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * per_cent // 100)] if ordered else 0.0
