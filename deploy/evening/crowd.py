"""The crowd: carries out the plan against the orders service, open-loop, and remembers every answer it was given.

Decides nothing about who comes when (that is `plan`) and judges nothing (that is `audit`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import httpx
import msgspec

from evening.plan import Arrival, Ask, Behaviour, Plan
from evening.stage import Stage, Who, problem

DECLINING_TOKEN: Final = "declined"  # noqa: S105  # the test provider's, no secret
_TRIES: Final = 5
_UNSURE: Final = frozenset({0, 429, 502, 503, 504})


class Answer(msgspec.Struct, frozen=True):
    """What a buyer was told when placing an order. `problem` is empty when it was taken."""

    at: datetime
    seconds: float
    show: str
    slot: int
    channel: str
    buyer: str
    behaviour: Behaviour
    key: str
    quantity: int
    allotment_id: str
    status: int
    problem: str = ""
    order_id: str = ""


class Opening(msgspec.Struct, frozen=True):
    """A slot on screen: what is sold from which allotment, and when its live price holds, on the server's clock."""

    show: str
    slot: int
    allotment_id: str
    opens_at: datetime
    closes_at: datetime


class Crowd:
    """The buyers of an evening. `answers` is what the outside world was told; the audit holds the services to it."""

    def __init__(
        self, plan: Plan, stage: Stage, *, rehearsal: bool = False, came: Callable[[], object] = lambda: None
    ) -> None:
        self._stage = stage
        self._declines = "d" if not rehearsal else ""  # in a rehearsal nobody is charged, so nobody is declined
        self._came = came
        self._waves: dict[tuple[str, int], list[Arrival]] = defaultdict(list)
        for arrival in plan.arrivals:
            self._waves[arrival.show, arrival.slot].append(arrival)
        self.answers: list[Answer] = []
        self.trouble: list[str] = []

    def mint_tokens(self) -> None:
        """Give every buyer a token, before the first of them is in a hurry."""
        for wave in self._waves.values():
            for arrival in wave:
                self._stage.token(_buyer(arrival))

    async def wave(self, opening: Opening) -> None:
        """Everybody who comes for one slot, each at their moment whether or not those before them were answered."""
        async with asyncio.TaskGroup() as room:
            for arrival in self._waves[opening.show, opening.slot]:
                room.create_task(self._visit(arrival, opening))

    async def _visit(self, arrival: Arrival, opening: Opening) -> None:
        since = opening.closes_at if arrival.behaviour is Behaviour.LATE else opening.opens_at
        await asyncio.sleep(max(0.0, since.timestamp() + arrival.after - datetime.now(UTC).timestamp()))
        answers = await asyncio.gather(*(self._place(arrival, ask, opening) for ask in arrival.asks))
        self._came()
        await asyncio.sleep(arrival.thinks)
        for order_id in sorted({answer.order_id for answer in answers if answer.order_id}):
            await self._after(arrival, order_id)

    async def _place(self, arrival: Arrival, ask: Ask, opening: Opening) -> Answer:
        """Place an order; where the answer is unsure, ask again with the same key, as any client should."""
        body = {"allotment_id": opening.allotment_id, "quantity": ask.quantity, "channel": ask.channel}
        answer: Answer | None = None
        for attempt in range(_TRIES):
            at, began = datetime.now(UTC), perf_counter()
            heard = await self._ask("/orders", arrival, key=ask.key, json=body)
            answer = _answer(at, perf_counter() - began, arrival, ask, opening, heard)
            self.answers.append(answer)
            if answer.status not in _UNSURE:
                return answer
            await asyncio.sleep(0.2 * 2**attempt)
        self.trouble.append(f"{ask.key}: no sure answer after {_TRIES} tries ({answer.problem if answer else ''})")
        return answer  # type: ignore[return-value]  # the loop ran at least once

    async def _after(self, arrival: Arrival, order_id: str) -> None:
        """What follows an order that was taken: pay, be declined, think better of it, or never pay."""
        steps = {Behaviour.LAPSES: "", Behaviour.CANCELS: "c", Behaviour.DECLINED: "d", Behaviour.REPENTS: "pc"}
        for step in steps.get(arrival.behaviour, "p"):
            wanted = await self._step(step, arrival, order_id)
            if wanted:
                self.trouble.append(f"{order_id}: {arrival.behaviour}: {wanted}")

    async def _step(self, step: str, arrival: Arrival, order_id: str) -> str:
        path, body = _STEPS[step]
        for attempt in range(_TRIES):
            heard = await self._ask(f"/orders/{order_id}/{path}", arrival, key=f"{order_id}-{path}", json=body)
            if heard is not None and heard.status_code not in _UNSURE:
                return (
                    ""
                    if heard.is_success == (step != self._declines)
                    else f"{path} was answered {heard.status_code} {problem(heard)}"
                )
            await asyncio.sleep(0.2 * 2**attempt)
        return f"{path} found no answer"

    async def _ask(self, path: str, arrival: Arrival, **said: Any) -> httpx.Response | None:
        try:
            return await self._stage.ask("orders", "POST", path, _buyer(arrival), **said)
        except httpx.TransportError:
            return None


_STEPS: Final[dict[str, tuple[str, dict[str, str] | None]]] = {
    "p": ("pay", {"method": "test"}),
    "d": ("pay", {"method": "test", "token": DECLINING_TOKEN}),
    "c": ("cancel", None),
}


def _buyer(arrival: Arrival) -> Who:
    return Who(arrival.buyer, "buyer")


def _answer(
    at: datetime, seconds: float, arrival: Arrival, ask: Ask, opening: Opening, heard: httpx.Response | None
) -> Answer:
    taken = heard is not None and heard.is_success
    return Answer(
        at=at,
        seconds=round(seconds, 6),
        show=arrival.show,
        slot=arrival.slot,
        channel=ask.channel,
        buyer=arrival.buyer,
        behaviour=arrival.behaviour,
        key=ask.key,
        quantity=ask.quantity,
        allotment_id=opening.allotment_id,
        status=heard.status_code if heard is not None else 0,
        problem="" if taken else problem(heard) if heard is not None else "no-answer",
        order_id=heard.json()["id"] if taken and heard is not None else "",
    )
