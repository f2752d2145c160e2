"""A buyer: places an order, sometimes twice; pays, thinks better of it, or both; looks at their notices."""

import asyncio
import itertools
from collections.abc import Sequence
from random import Random
from typing import Any, Final, NamedTuple

import httpx
from tests.chaos import shelves
from tests.chaos.doors import Caller
from tests.chaos.goods import Goods
from tests.chaos.ledger import Ledger

_CHANNELS: Final = ("web", "youku", "taobao-live")
_THEN: Final = {"pay": 70, "cancel": 15, "pay cancel": 15}
_TWICE: Final = 0.15
_WINDOWS: Final = 2
_LOOKS: Final = 0.2
_LOOK_EVERY: Final = 0.3
_LOOK_TIMES: Final = 40


class Wish(NamedTuple):
    """What is asked for, under which key, of which round's goods."""

    goods: Goods
    key: str
    said: dict[str, Any]


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
        wish = Wish(goods, key, wanted | {"channel": self._dice.choice(_CHANNELS)})
        answers = await asyncio.gather(*(self._place(window, wish) for window in windows))
        if len(answers) == _WINDOWS:
            answers = await self._compare(wish, answers)
        if answers[0].is_success:
            await self._go_on(goods, answers[0].json(), self._dice.choices(list(_THEN), list(_THEN.values()))[0])

    def _choose(self, goods: Goods) -> str:
        """What came last is wanted most: it is scarce."""
        return self._dice.choice((goods.open[-1], *goods.open[:3]))

    async def _place(self, window: Caller, wish: Wish) -> httpx.Response:
        answer = await window.ask("place", "orders", "POST", "/orders", key=wish.key, json=wish.said)
        if answer.is_success:
            self._ledger.promise(answer.json(), wish.key)
            return answer
        self._ledger.told_no(shelves.problem(answer)[0])
        if wrong := shelves.refused_wrongly(wish.goods, wish.said, answer):
            self._ledger.complain(f"{wish.key} was refused: {wrong}")
        return answer

    async def _compare(self, wish: Wish, answers: Sequence[httpx.Response]) -> list[httpx.Response]:
        """What two windows with one key were told, the better one first.

        Where one has an order and the other was refused, the other asks again: whoever has the key is told its order.
        """
        best = sorted(answers, key=lambda answer: not answer.is_success)
        told = {answer.json()["id"] for answer in answers if answer.is_success}
        if told and not best[-1].is_success:
            code, _ = shelves.problem(best[-1])
            if not shelves.may_differ(wish.goods, wish.said["allotment_id"], code):
                self._ledger.complain(f"{wish.key} was sold in one window and refused in the other: {best[-1].text}")
            again = await self._place(self._windows[answers.index(best[-1])], wish)
            told.add(again.json()["id"] if again.is_success else "none")
        if len(told) > 1:
            self._ledger.complain(f"{wish.key} was told of more than one order: {', '.join(sorted(told))}")
        return best

    async def _go_on(self, goods: Goods, order: dict[str, Any], steps: str) -> None:
        paid = False
        for step in steps.split():
            if step == "cancel":
                goods.given_back.add(order["allotment_id"])
            body = {"json": {"method": "test"}} if step == "pay" else {}
            answer = await self._windows[0].ask(step, "orders", "POST", f"/orders/{order['id']}/{step}", **body)
            kept = step == "cancel" and shelves.kept_rightly(goods, order["allotment_id"], paid, answer)
            if not answer.is_success and not kept:
                self._ledger.complain(f"{step} of {order['id']} was answered {answer.status_code}: {answer.text[:300]}")
            paid = paid or (step == "pay" and answer.is_success)
        if paid and self._dice.random() < _LOOKS:
            await self._look(order)

    async def _look(self, order: dict[str, Any]) -> None:
        """Look at one's notices until there is one of this order; who finds none leaves it to the audit."""
        for _ in range(_LOOK_TIMES):
            told = await self._windows[0].tell("read", "notify", "GET", "/notices", params={"limit": 20})
            times = [notice["created_at"] for notice in told["items"]] if told else []
            if order["placed_at"] <= max(times, default=""):
                self._ledger.seen("notice")
                return
            await asyncio.sleep(_LOOK_EVERY)
