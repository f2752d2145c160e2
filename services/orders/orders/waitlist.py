"""The rules of waiting: who may join, who is served from what was released, who may leave. Pure.

What becomes of those who waited in vain is `preorders.py`.

A buyer may wait only for what they would be refused for being sold out, and for no other reason: so it is the rules
of selling that are asked (`domain.decide`). Served is in the order of the tickets, but an entry that wants more than
is free holds up nobody behind it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from chassis.refusals import Conflict, Refusal
from contracts.ids import new_id
from orders import announcing, domain
from orders.domain import Refused, Request
from orders.model import Allotment, Change, Entry, Order

QUEUED: Final = ("waiting", "called")


class Joining(NamedTuple):
    """One answer for each request, in their order, and the entries that are new."""

    outcomes: list[Entry | Refusal]
    fresh: list[Entry]


def entry_key(buyer_id: str, idempotency_key: str) -> str:
    """What makes a joining the same joining; an order under the same idempotency key is something else."""
    return domain.request_key(buyer_id, f"waitlist:{idempotency_key}")


def join(allotment: Allotment, known: Iterable[Entry], taken: Sequence[Order], requests: Iterable[Request]) -> Joining:
    """Decide who may wait. `known`: these buyers' entries here; `taken`: their orders, if there is a limit."""
    entries = list(known)
    by_key = {entry.request_key: entry for entry in entries}
    waits = {entry.buyer_id: entry for entry in entries if entry.state in QUEUED}
    outcomes: list[Entry | Refusal] = []
    fresh: list[Entry] = []
    for request in requests:
        outcome = _again(by_key, request) or _refuse(allotment, waits, taken, request)
        if outcome is None:
            outcome = _entry(allotment, request, allotment.tickets + len(fresh) + 1)
            fresh.append(outcome)
            by_key[request.request_key] = waits[request.buyer_id] = outcome
        outcomes.append(outcome)
    return Joining(outcomes, fresh)


def _again(by_key: Mapping[str, Entry], request: Request) -> Entry | Refusal | None:
    known = by_key.get(request.request_key)
    if known is None or (known.quantity, known.channel) == (request.quantity, request.channel):
        return known
    return domain.key_reused()


def _refuse(
    allotment: Allotment, waits: Mapping[str, Entry], taken: Sequence[Order], request: Request
) -> Refusal | None:
    if known := waits.get(request.buyer_id):
        return Conflict("already-waiting", f"You wait for {known.quantity} of it already.", entry_id=known.id)
    outcome = domain.decide(allotment, taken, [request]).outcomes[0]
    if isinstance(outcome, Refused):
        return None if outcome.refusal.code == "sold-out" else outcome.refusal
    remaining = domain.free_units(allotment, allotment.remaining)
    return Conflict("still-available", "It can be bought now.", remaining=remaining)


def _entry(allotment: Allotment, request: Request, ticket: int) -> Entry:
    return Entry(
        id=request.order_id,
        allotment_id=allotment.id,
        item_id=allotment.item_id,
        buyer_id=request.buyer_id,
        channel=request.channel,
        quantity=request.quantity,
        unit_price_fen=domain.price_fen(allotment),
        request_key=request.request_key,
        joined_at=request.arrived_at,
        ticket=ticket,
        state="waiting",
    )


def admit(allotment: Allotment, fresh: Sequence[Entry], now: datetime) -> Change:
    """Give them their tickets. From here on they wait: what is released is promised to them."""
    least = [allotment.least_waiting] if allotment.least_waiting else []
    return Change(
        id=allotment.id,
        version=allotment.version,
        fields={
            "tickets": allotment.tickets + len(fresh),
            "least_waiting": min([*least, *(entry.quantity for entry in fresh)]),
            "attend_since": allotment.attend_since or now,
        },
        append={"joining": list(fresh)},
        at=now,
    )


def at_rest(allotment: Allotment, least_waiting: int, now: datetime) -> Change:
    """Nothing is left to do for those who wait. Guarded: whoever joined or released meanwhile is seen first."""
    fields: dict[str, Any] = {"joining": [], "attend_since": None, "least_waiting": least_waiting}
    return Change(id=allotment.id, version=allotment.version, fields=fields, at=now)


def attend(allotment: Allotment, now: datetime) -> Change:
    """Say that something is to be done for those who wait, before doing it."""
    fields = {"attend_since": allotment.attend_since or now}
    return Change(id=allotment.id, version=allotment.version, fields=fields, at=now)


def fitting(free: int, queue: Iterable[Entry], least: int = 1) -> list[Entry]:
    """Who of the queue, in its order, gets something of what is free. `least`: nobody in it wants less."""
    chosen: list[Entry] = []
    for entry in queue:
        if entry.quantity <= free:
            chosen.append(entry)
            free -= entry.quantity
        if free < least:
            break
    return chosen


def chosen(remaining: int, queue: Iterable[Entry], called: Iterable[Entry]) -> list[Entry]:
    """Who of the queue is to be called, when these are called already. Nothing is kept for one who was called but does
    not fit (two who call at once may call too many): that one is served when enough has come back."""
    known = list(called)
    kept = sum(entry.quantity for entry in fitting(remaining, known))
    return fitting(remaining - kept, [entry for entry in queue if entry.id not in {one.id for one in known}])


def request_for(allotment: Allotment, entry: Entry, now: datetime, offer_within: timedelta) -> Request:
    """The order that is placed for them, at the price of when they joined. Made twice, it is the same request."""
    arrived = entry.joined_at
    if allotment.opens_at is not None and arrived < allotment.opens_at:
        arrived = allotment.opens_at  # featured again since: they have waited through
    return Request(
        order_id=new_id(),
        allotment_id=allotment.id,
        buyer_id=entry.buyer_id,
        quantity=entry.quantity,
        channel=entry.channel,
        request_key=f"waitlist:{entry.id}:{allotment.id}",
        arrived_at=arrived,
        placed_at=now,
        pay_by=now + offer_within,
        unit_price_fen=entry.unit_price_fen,
        waited=True,
    )


def served(
    allotment: Allotment, entry: Entry, outcome: domain.Outcome, now: datetime, offer_within: timedelta
) -> Change | None:
    """What became of a called entry; nothing when somebody was faster with the units, or it is served already."""
    if entry.state != "called":
        return None
    if isinstance(outcome, Refused):
        if outcome.refusal.code in ("sold-out", "allotment-closed"):
            return None
        return Change(id=entry.id, version=entry.version, fields={"state": "passed"}, at=now)
    order = outcome.order
    until = order.pay_by or order.placed_at + offer_within
    silent = allotment.rehearsal or order.state == "cancelled"
    return Change(
        id=entry.id,
        version=entry.version,
        fields={"state": "offered", "order_id": order.id, "offer_until": until},
        facts=() if silent else (announcing.offered(allotment, entry, order, until),),
        at=now,
    )


def leave(entry: Entry, now: datetime) -> Change | None:
    """Give up the place. Raises `Conflict` when there is an order for it by now: that is to be cancelled."""
    if entry.state in ("waiting", "preordered"):
        return Change(id=entry.id, version=entry.version, fields={"state": "left", "preorder_of": None}, at=now)
    if entry.state == "called":
        raise Conflict("already-offered", "It is your turn: your order will be there soon, cancel that.", order_id=None)
    if entry.state == "offered":
        raise Conflict("already-offered", "It was offered to you: cancel the order.", order_id=entry.order_id)
    return None
