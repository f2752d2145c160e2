"""What the outside world asked and was told, as it happened: promises, refusals, stalls. Judges only manners.

Written by the load's thread, read by the run's.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from evening.audit import Promise

_TOLD: Final = 20
_PUT_OFF: Final = 503  # the house gives neither a 429 nor a 504


class Manners(NamedTuple):
    """How callers were treated during a fault. `refused`: put off for the moment; `stall`: the longest that anybody
    waited for an answer that counts; `told_no`: orders refused by the rules, by the reason.
    """

    asked: int
    refused: int
    unanswered: int
    stall: float
    told_no: Mapping[str, int] = {}

    @property
    def share(self) -> float:
        """The part of all requests that was refused for the moment."""
        return self.refused / self.asked if self.asked else 0.0


class Ledger:
    """Everything that callers remember."""

    def __init__(self) -> None:
        self.promises: list[Promise] = []
        self.rude: list[str] = []
        self.lines: list[str] = []  # numbers of the other platform's orders that the broker took
        self._firsts: dict[str, list[float]] = defaultdict(list)
        self._counts: Counter[str] = Counter()
        self._told_no: Counter[str] = Counter()
        self._stall = 0.0

    def turn_page(self) -> None:
        """Count manners anew: a new round begins."""
        self._counts.clear()
        self._told_no.clear()
        self._firsts.clear()
        self._stall = 0.0

    def heard(self, what: str, status: int, media_type: str) -> bool:
        """Note an answer; whether it settles the matter. `status` 0: none came."""
        self._counts["asked"] += 1
        if status == 0:
            self._counts["unanswered"] += 1
            return False
        polite = status == _PUT_OFF and media_type == "application/problem+json"
        if polite:
            self._counts["refused"] += 1
            return False
        if status >= 500 or status in {401, 403}:
            self.complain(f"{what} was answered {status} ({media_type or 'no media type'})")
            return False
        return True

    def settled(self, kind: str, began: float, good: bool) -> None:
        """Note that somebody has the answer they were waiting for since `began`."""
        now = time.monotonic()
        self._stall = max(self._stall, now - began)
        if good:
            self._firsts[kind].append(now)

    def told_no(self, code: str) -> None:
        """Note that somebody's order was refused by the rules."""
        self._told_no[code] += 1

    def seen(self, kind: str) -> None:
        """Note that somebody found what they looked for."""
        self._firsts[kind].append(time.monotonic())

    def complain(self, what: str) -> None:
        """Note something that must not happen."""
        if len(self.rude) < _TOLD:
            self.rude.append(what)

    def promise(self, order: dict[str, Any], key: str) -> None:
        """Note an order that somebody was told is theirs."""
        self.promises.append(
            Promise(
                order_id=order["id"],
                key=key,
                buyer_id=order["buyer_id"],
                allotment_id=order["allotment_id"],
                quantity=order["quantity"],
            )
        )

    @property
    def acknowledged(self) -> int:
        """How many orders somebody was told of."""
        return len({promise.order_id for promise in list(self.promises)})

    def success_after(self, kind: str, moment: float) -> float | None:
        """When something of this kind first succeeded after `moment`."""
        return next((when for when in list(self._firsts[kind]) if when > moment), None)

    def manners(self) -> Manners:
        """Since the page was turned."""
        counts = self._counts
        return Manners(counts["asked"], counts["refused"], counts["unanswered"], self._stall, dict(self._told_no))
