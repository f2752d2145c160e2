"""Takes in other platforms' orders: a file in chunks, sales by the same engine as every other order, then what came
back.

Within a chunk sales come before returns. The events of a chunk are published when it is through, so that publishing
does not slow it. Decides nothing; `channels.py` and `domain.py` do.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from chassis.clock import utcnow
from chassis.refusals import Refusal
from chassis.rows import Refused, RowReport, read
from contracts.ids import new_id
from orders import channels, domain
from orders.aftercare import Aftercare
from orders.channels import ChannelLine, ChannelRow
from orders.domain import Outcome
from orders.model import Order
from orders.placing import Placing
from orders.store import OrdersStore


class _Tally(NamedTuple):
    accepted: int
    unchanged: int
    refused: list[Refused]


class Importing:
    """Imports channel files."""

    def __init__(
        self,
        store: OrdersStore,
        placing: Placing,
        aftercare: Aftercare,
        chunk_rows: int,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._store = store
        self._placing = placing
        self._aftercare = aftercare
        self._chunk_rows = chunk_rows
        self._clock = clock

    def take_in(self, channel: str, text: str) -> RowReport:
        """Every row is taken, known, or refused with its reason; a refused one stops nothing."""
        rows = list(read(text, ChannelRow))
        lines, refused = channels.lines_of(channel, rows)
        accepted = unchanged = 0
        for start in range(0, len(lines), self._chunk_rows):
            chunk = lines[start : start + self._chunk_rows]
            for tally in (self._sell(channel, chunk), self._take_back(channel, chunk)):
                accepted += tally.accepted
                unchanged += tally.unchanged
                refused.extend(tally.refused)
        refused.sort(key=lambda row: row.number)
        return RowReport(rows=len(rows), accepted=accepted, unchanged=unchanged, refused=refused)

    def _sell(self, channel: str, chunk: Sequence[ChannelLine]) -> _Tally:
        sales = [line for line in chunk if not line.back]
        known = {order.request_key: order for order in self._store.orders.by_keys(line.key for line in sales)}
        before = [line for line in sales if line.key in known]
        refused = [no for line in before if (no := channels.same_or_refused(line, known[line.key]))]
        unchanged = len(before) - len(refused)
        fresh = [(line, new_id()) for line in sales if line.key not in known]
        shelves = self._store.allotments.open_shelves({line.sku for line, _ in fresh})
        wanted, unknown = channels.requests_of(channel, fresh, shelves, self._clock())
        outcomes = self._placing.place([request for _, request in wanted])
        self._store.orders.tell(one.order.id for one in outcomes if isinstance(one, domain.Accepted))
        placed = _tally([line for line, _ in wanted], outcomes)
        return _Tally(placed.accepted, unchanged + placed.unchanged, refused + unknown + placed.refused)

    def _take_back(self, channel: str, chunk: Sequence[ChannelLine]) -> _Tally:
        backs = [line for line in chunk if line.back]
        orders = self._store.orders.of_customers({line.buyer_id for line in backs}, {line.sku for line in backs})
        parts, unchanged, refused = channels.take_back(channel, backs, orders)
        failed: dict[int, Refused] = {}
        changed: list[Order] = []
        for part in parts:
            try:
                changed.append(self._aftercare.give_back_later(part.order_id, part.line.key, part.quantity))
            except Refusal as refusal:  # somebody changed the order since it was read
                failed[part.line.number] = Refused(part.line.number, "quantity", refusal.detail)
        self._aftercare.settle(changed)
        rows = {part.line.number for part in parts} - failed.keys()
        return _Tally(len(rows), unchanged, refused + list(failed.values()))


def _tally(lines: Sequence[ChannelLine], outcomes: Sequence[Outcome]) -> _Tally:
    accepted = sum(isinstance(outcome, domain.Accepted) for outcome in outcomes)
    refused = [
        Refused(line.number, "quantity", outcome.refusal.detail, str(line.quantity))
        for line, outcome in zip(lines, outcomes, strict=True)
        if isinstance(outcome, domain.Refused)
    ]
    return _Tally(accepted, len(lines) - accepted - len(refused), refused)
