"""Takes in other platforms' orders: a file in chunks, sales by the same engine as every other order, then what came
back.

Within a chunk sales come before returns. The events of a chunk are published when it is through, so that publishing
does not slow it. Decides nothing; `channels.py` and `domain.py` do.
"""

from collections.abc import Sequence
from typing import NamedTuple

from chassis.refusals import Refusal
from chassis.rows import Refused, RowReport, read
from orders import channels
from orders.aftercare import Aftercare
from orders.channels import ChannelLine, ChannelRow
from orders.model import Order
from orders.sales import No, Served
from orders.serving import Serving
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
        serving: Serving,
        aftercare: Aftercare,
        chunk_rows: int,
    ) -> None:
        self._store = store
        self._serving = serving
        self._aftercare = aftercare
        self._chunk_rows = chunk_rows

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
        sold = [line for line in chunk if not line.back]
        answers = self._serving.serve([channels.sale_of(channel, line) for line in sold])
        refused = [channels.refused(line, no) for line, no in zip(sold, answers, strict=True) if isinstance(no, No)]
        accepted = sum(isinstance(answer, Served) and answer.fresh for answer in answers)
        return _Tally(accepted, len(sold) - accepted - len(refused), refused)

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
