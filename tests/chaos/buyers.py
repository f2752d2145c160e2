"""A buyer: places an order, sometimes twice; pays, thinks better of it, or both; looks at their notices."""

import asyncio
import itertools
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from tests.chaos.doors import Caller
from tests.chaos.goods import Goods
from tests.chaos.ledger import Ledger

_CHANNELS: Final = ("web", "youku", "taobao-live")
_THEN: Final = {"pay": 70, "cancel": 15, "pay cancel": 15}
_TWICE: Final = 0.15
_LOOKS: Final = 0.2
_LOOK_EVERY: Final = 0.3
_LOOK_TIMES: Final = 40


class Buyer:
    """One buyer with two browser windows."""

    def __init__(self, name: str, windows: Sequence[Caller], ledger: Ledger, dice: Random, think: float) -> None:
        self._name = name
        self._windows = windows
        self._ledger = ledger
        self._dice = dice
        self._think = think
        self._numbers = itertools.count(1)
        self._windows[1].elsewhere("orders", 1)

    async def visit(self, goods: Goods) -> None:
        """Buy one thing."""
        await asyncio.sleep(self._dice.uniform(0.5, 1.5) * self._think)
        key = f"{self._name}-{goods.name}-{next(self._numbers):05d}"
        wanted = {"allotment_id": self._choose(goods), "quantity": self._dice.choice((1, 1, 2, 3))}
        windows = self._windows if self._dice.random() < _TWICE else self._windows[:1]
        said = wanted | {"channel": self._dice.choice(_CHANNELS)}
        orders = await asyncio.gather(*(self._place(window, key, said) for window in windows))
        if orders[0]:
            await self._go_on(orders[0], self._dice.choices(list(_THEN), list(_THEN.values()))[0])

    def _choose(self, goods: Goods) -> str:
        """What came last is wanted most: it is scarce."""
        return self._dice.choice((goods.open[-1], *goods.open[:3]))

    async def _place(self, window: Caller, key: str, said: dict[str, Any]) -> dict[str, Any] | None:
        answer = await window.ask("place", "orders", "POST", "/orders", key=key, json=said)
        if not answer.is_success:
            if answer.status_code != 409:
                self._ledger.complain(f"an order was answered {answer.status_code}: {answer.text[:300]}")
            return None
        order: dict[str, Any] = answer.json()
        self._ledger.promise(order, key)
        return order

    async def _go_on(self, order: dict[str, Any], steps: str) -> None:
        for step in steps.split():
            body = {"json": {"method": "test"}} if step == "pay" else {}
            answer = await self._windows[0].ask(step, "orders", "POST", f"/orders/{order['id']}/{step}", **body)
            packed = step == "cancel" and answer.status_code == 409
            if not answer.is_success and not packed:
                self._ledger.complain(f"{step} of {order['id']} was answered {answer.status_code}: {answer.text[:300]}")
        if "pay" in steps and self._dice.random() < _LOOKS:
            await self._look(order)

    async def _look(self, order: dict[str, Any]) -> None:
        """Look at one's notices until there is one of this order; who finds none leaves it to the audit."""
        for _ in range(_LOOK_TIMES):
            answer = await self._windows[0].ask("read", "notify", "GET", "/notices", params={"limit": 20})
            if answer.is_success and order["placed_at"] <= max(
                (notice["created_at"] for notice in answer.json()["items"]), default=""
            ):
                self._ledger.seen("notice")
                return
            await asyncio.sleep(_LOOK_EVERY)
