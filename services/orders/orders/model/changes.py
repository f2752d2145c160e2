"""How a rule says what is to be written, and what a document owes another. No rule."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from contracts.events import Fact


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One write to a document, guarded by `version`: set `fields`, append to lists, announce `facts`."""

    id: str
    version: int
    fields: Mapping[str, Any] = {}
    append: Mapping[str, list[Any]] = {}
    facts: tuple[Fact, ...] = ()
    at: datetime
    traceparent: str | None = None  # what it is part of, where that is not simply what is being done

    @property
    def new_version(self) -> int:
        """The document's version after the write: one more for each event, and at least one more."""
        return self.version + max(1, len(self.facts))


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """What an order still owes after a change: units to its allotment, or money to its buyer. Cleared when given."""

    id: str
    kind: Literal["units", "refund", "coupon"]
    amount: int
    since: datetime
    payment_id: str | None = None  # the payment that goes back, where it is not the order's own
