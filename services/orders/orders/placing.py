"""The group-commit engine: many requests, few writes, nothing oversold, nothing lost, twice is once.

A batch is decided by `domain.decide` on an allotment as it was read, and becomes **one** write guarded by the
version of the document that the units come from, the allotment's own or a bucket's: the units leave `remaining`, and
the batch with the facts of its orders is laid into the document. From then on the orders are certain. `settling.py`
makes them come into being, whoever began them.

A line whose request already has an order elsewhere (the same key, used for two allotments at once) cannot be inserted,
nor one whose buyer got the last place of their limit from another document: its units are given back, the first is
answered with that order, the second is decided again. See docs/decisions/005-group-commit-and-settling.md.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from chassis import tracing
from chassis.clock import utcnow
from chassis.refusals import NotFound, Unavailable
from orders import batches, domain, figures
from orders.answers import Answers
from orders.batching import Batching, Sale
from orders.buckets import Buckets
from orders.committer import Passed
from orders.couponing import Couponing
from orders.domain import Outcome, Refused, Replayed, Request
from orders.missed import Missed
from orders.model import Allotment, Bucket, Order
from orders.settings import OrdersSettings
from orders.settling import Settling, Void
from orders.store import OrdersStore, pause

_TRIES: Final = 40
_BIRTH_TRIES: Final = 8  # how often an order decided by another process is looked for before we make it ourselves
_ALLOTMENTS_AT_ONCE: Final = 256  # so that no batch waits long between its taking and its inserting
Groups = dict[str, list[Request]]


def _nobody_waits() -> None:
    """For who places without a committer."""


class Placing:
    """Places orders. One for each process: it remembers what is sold out."""

    def __init__(self, store: OrdersStore, settings: OrdersSettings, clock: Callable[[], datetime] = utcnow) -> None:
        self._store = store
        self._sold_out_memory = settings.sold_out_memory_seconds
        self._sold_out: dict[str, tuple[float, Allotment]] = {}
        self.settling = Settling(store, settings, clock)
        self.buckets = Buckets(store, settings, clock)
        self.missed = Missed(store, clock)
        self.couponing = Couponing(store, self.settling, settings, clock)
        self._batching = Batching(store, self.settling, self.buckets, self.couponing)

    def place(self, requests: Sequence[Request], passed: Passed = _nobody_waits) -> list[Outcome]:
        """An outcome for each request, in their order. Requests on one allotment are decided in their order.

        `passed` is called when the decision is written, and only orders are still to be made of it.
        """
        requests = _traced(requests)
        answers = Answers()
        groups: defaultdict[str, list[Request]] = defaultdict(list)
        for request in requests:
            groups[request.allotment_id].append(request)
        slices = list(_slices(groups))
        for number, group in enumerate(slices, start=1):  # before the last, nobody may decide on what the next have
            self._place_group(group, answers, passed if number == len(slices) else _nobody_waits)
        return [answers.to(request) for request in requests]

    def forget(self, allotment_id: str) -> None:
        """It may have units again."""
        self._sold_out.pop(allotment_id, None)

    def settle(self, allotment: Allotment) -> None:
        """Make whole what is in the allotment as read: batches become orders, what buckets hold comes back."""
        self.settling.settle(allotment, allotment, all_of_it=True)
        if allotment.loans:
            self.buckets.gather(allotment)
        self.settling.tidy()

    def _place_group(self, groups: Groups, answers: Answers, passed: Passed) -> None:
        for attempt in range(_TRIES):
            groups = self._round(groups, answers, passed, attempt)
            if not groups:
                return
            pause(attempt)
        raise Unavailable("busy", "Too many are buying this at once; the same request may succeed now.")

    def _round(self, groups: Groups, answers: Answers, passed: Passed, attempt: int) -> Groups:
        """Decide all groups once; returns the requests that somebody else was faster with."""
        allotments, remembered = self._read(groups)
        for key in groups.keys() - allotments.keys():
            none = Refused(NotFound("no-such-allotment", "There is no such allotment."))
            for request in groups[key]:
                answers.give(request, none)
        sales = self._decide(groups, allotments, remembered)
        selling = [sale for sale in sales if sale.decision.lines]
        took, void = self._batching.write(selling, passed) if selling else (set(), {})
        for sale in sales:
            if not sale.decision.lines or sale.source.id in took:
                self._conclude(sale, answers, void)
                if sale.unborn and attempt >= _BIRTH_TRIES:
                    self.settling.settle(sale.source, sale.allotment, all_of_it=True)
        left = {key: answers.left(group, void) for key, group in groups.items()}
        return {key: group for key, group in left.items() if group}

    def _read(self, groups: Groups) -> tuple[dict[str, Allotment], set[str]]:
        """The allotments; those that were sold out a moment ago are not read, unless for those who waited."""
        now = time.monotonic()
        found = {
            key: known[1]
            for key, group in groups.items()
            if (known := self._sold_out.get(key)) and known[0] > now and not any(one.waited for one in group)
        }
        remembered = set(found)
        for allotment in self._store.allotments.many(key for key in groups if key not in found):
            found[allotment.id] = self._settled(allotment)
        return found, remembered

    def _settled(self, allotment: Allotment) -> Allotment:
        if not self.settling.left_behind(allotment):
            return allotment
        self.settling.settle(allotment, allotment)
        return self._store.allotments.get(allotment.id) or allotment

    def _decide(self, groups: Groups, allotments: dict[str, Allotment], remembered: set[str]) -> list[Sale]:
        own = self.buckets.own(key for key, allotment in allotments.items() if allotment.loans)
        taken, unborn = self._taken(allotments, own, groups)
        known = self.couponing.known(request.coupon_code for group in groups.values() for request in group)
        sales = []
        for key, allotment in allotments.items():
            source = own.get(key, allotment)
            seen = msgspec.structs.replace(allotment, remaining=source.remaining)
            decision = domain.decide(seen, taken[key], groups[key], known)
            surely = key in remembered or not allotment.loans
            awaited = frozenset(one.order.id for one in decision.outcomes if isinstance(one, Replayed)) & unborn
            sales.append(Sale(allotment, source, groups[key], decision, known, surely, awaited))
        return [self._sure(sale) for sale in sales]

    def _sure(self, sale: Sale) -> Sale:
        """Nobody is refused for want of units while some are held elsewhere."""
        if sale.surely or not any(map(_sold_out, sale.decision.outcomes)):
            self._remember(sale)
            return sale._replace(surely=True)
        if isinstance(sale.source, Bucket):
            self.buckets.leave(sale.allotment.id)
            return sale
        sale = sale._replace(surely=self.buckets.gather(sale.allotment))
        if sale.surely:
            self._remember(sale)
        return sale

    def _remember(self, sale: Sale) -> None:
        allotment = sale.allotment
        if allotment.remaining == 0 and not allotment.pending and sale.source is allotment:
            self._sold_out[allotment.id] = (time.monotonic() + self._sold_out_memory, allotment)

    def _taken(
        self, allotments: dict[str, Allotment], own: dict[str, Bucket], groups: Groups
    ) -> tuple[defaultdict[str, list[Order]], set[str]]:
        """Orders that matter to the decisions, and which of them are decided only. Read after the allotments: whoever
        adds to them changes a version.
        """
        taken: defaultdict[str, list[Order]] = defaultdict(list)
        keys: dict[str, str] = {}
        for key, allotment in allotments.items():
            for source in {allotment.id: allotment, own.get(key, allotment).id: own.get(key, allotment)}.values():
                known = self.settling.finished(self._batching.rows(source), source.id)
                lines = batches.lines(source.batches, known)
                taken[key] += [domain.order_of(allotment, line) for line in lines]
            if allotment.per_buyer_limit is not None:
                taken[key] += self._store.orders.of_buyers(key, {request.buyer_id for request in groups[key]})
            keys |= {asked: key for request in groups[key] for asked in domain.keys_of(request)}
        decided = {order.id for orders in taken.values() for order in orders}
        for order in self._store.orders.by_keys(keys):
            decided.discard(order.id)
            for key in {keys[asked] for asked in order.keys if asked in keys}:
                taken[key].append(order)
        for order in self._store.orders.many(_with_coupons(taken, keys)):
            taken[order.allotment_id].append(order)
        return taken, decided

    def _conclude(self, sale: Sale, answers: Answers, void: Void) -> None:
        """Answer each request, or leave it for another round."""
        for request, outcome in zip(sale.requests, sale.decision.outcomes, strict=True):
            answer = _answer(request, outcome, void)
            if answer is None or _awaited(answer, sale) or (not sale.surely and _sold_out(answer)):
                continue
            answers.give(request, answer)
            if isinstance(answer, Refused):
                self.missed.note(sale.allotment.id, answer.missed)
            if not sale.allotment.rehearsal:
                figures.count(request, answer)


def _traced(requests: Sequence[Request]) -> Sequence[Request]:
    """What no door asked for (another platform's orders, offers to who waited) is part of what is being done here."""
    if not tracing.on() or all(request.traceparent for request in requests):
        return requests
    here = tracing.here()
    return [msgspec.structs.replace(one, traceparent=one.traceparent or here) for one in requests]


def _answer(request: Request, outcome: Outcome, void: Void) -> Outcome | None:
    """The outcome, unless its order could not be: then the order that has its key, or none yet."""
    if isinstance(outcome, Refused) or outcome.order.id not in void:
        return outcome
    known = void[outcome.order.id]
    return domain.replay(known, request) if known else None


def _awaited(outcome: Outcome, sale: Sale) -> bool:
    """Whether it is an order that somebody else decided and that is not there yet.

    Their buyer could do nothing with it, and it may never be: its key, or a place of its buyer's limit, may be taken.
    """
    return isinstance(outcome, Replayed) and outcome.order.id in sale.unborn


def _with_coupons(taken: Mapping[str, list[Order]], keys: Mapping[str, str]) -> list[str]:
    """Decided orders that would use a coupon which is asked for: one that was cancelled since uses it no more."""
    return [
        one.id
        for orders in taken.values()
        for one in orders
        if one.coupon_code and not keys.keys().isdisjoint(one.keys)
    ]


def _sold_out(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.refusal.code == "sold-out"


def _slices(groups: Groups) -> Iterator[Groups]:
    keys = list(groups)
    for start in range(0, len(keys), _ALLOTMENTS_AT_ONCE):
        yield {key: groups[key] for key in keys[start : start + _ALLOTMENTS_AT_ONCE]}
