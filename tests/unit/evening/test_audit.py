"""The audit: a whole evening holds in every check, and each check fails when what it is for is spoilt."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from contracts import events
from contracts.events import Fact
from contracts.examples import EXAMPLES
from evening.audit import CHECKS, Evidence, Promise, Told, books, facts, heard, judge, people, selling, stock
from evening.audit.check import Check, Findings
from evening.audit.records import Notice, Stray
from evening.audit.topics import Stray as Message
from evening.audit.topics import Topics
from notify.domain import TOLD
from notify.domain import tell as tell_of

from .small_evening import ITEM, about, order, paid, placed, said, small_evening

Spoil = Callable[[Evidence], None]


def change(things: list[Any], number: int = 0, **fields: Any) -> None:
    things[number] = msgspec.structs.replace(things[number], **fields)


def say(evidence: Evidence, *more: Any) -> None:
    """Put further messages on the topics."""
    evidence.topics = Topics([*evidence.topics.said, *more], evidence.topics.dead, evidence.topics.undecodable)


def silence(evidence: Evidence, *ids: str) -> None:
    """Take events off the topics."""
    evidence.topics = Topics(message for message in evidence.topics.said if message.event.id not in ids)


def tell(evidence: Evidence, **fields: Any) -> None:
    evidence.told = msgspec.structs.replace(evidence.told, **fields)


def spoilt(spoil: Spoil, check: Callable[[Evidence], Check]) -> Check:
    evidence = small_evening()
    spoil(evidence)
    return check(evidence)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_whole_evening_holds(check: Callable[[Evidence], Check]) -> None:
    verdict = check(small_evening())
    assert verdict.ok, verdict.faults
    assert verdict.figures["looked_at"] > 0


def test_every_check_has_a_name_of_its_own() -> None:
    names = [check.name for check in judge(small_evening())]
    assert len(set(names)) == len(names)


def test_a_check_that_looked_at_nothing_has_not_held() -> None:
    assert not Findings("nothing").check().ok


def test_a_check_tells_its_figures_beside_its_verdict() -> None:
    found = Findings("stock")
    found.expect(True, "")
    found.figure(items=7)
    expected = {"name": "stock", "ok": True, "items": 7, "looked_at": 1, "failed": 0, "faults": []}
    assert found.check().as_dict() == expected


SPOILT: list[tuple[str, Callable[[Evidence], Check], Spoil]] = [
    ("a unit too many is sold", selling.no_oversell, lambda it: change(it.allotments, sold=3)),
    ("an order is in no allotment's count", selling.no_oversell, lambda it: it.orders.append(order(9))),
    ("a cancelled order still counts", selling.no_oversell, lambda it: change(it.orders, 1, live=True)),
    ("remaining falls below nought", selling.no_oversell, lambda it: change(it.allotments, remaining=-1, returned=9)),
    ("a close was never said", selling.no_oversell, lambda it: silence(it, "allotment.closed:slot-1:1")),
    ("a promised order is gone", selling.no_lost_order, lambda it: it.orders.pop(0)),
    ("an order was never said", selling.no_lost_order, lambda it: silence(it, "order.placed:order-1:1")),
    ("an order is only on the topic", selling.no_lost_order, lambda it: say(it, *placed(order(9)))),
    (
        "the promise was of another quantity",
        selling.no_lost_order,
        lambda it: tell(it, promises=[msgspec.structs.replace(it.told.promises[0], quantity=1)]),
    ),
    (
        "one key made two orders",
        selling.twice_is_once,
        lambda it: it.orders.append(order(9, buyer_id="buyer-1", key="key-1")),
    ),
    (
        "one key was told two orders",
        selling.twice_is_once,
        lambda it: tell(
            it, promises=[*it.told.promises, msgspec.structs.replace(it.told.promises[0], order_id="order-2")]
        ),
    ),
    ("a notice was sent twice", selling.twice_is_once, lambda it: it.notices.append(it.notices[0])),
    (
        "an event was said twice with different words",
        selling.twice_is_once,
        lambda it: say(it, it.topics.said[0]._replace(value=b"{}", offset=99)),
    ),
    (
        "a price was not the live one",
        selling.price,
        lambda it: change(it.orders, unit_price_fen=12800, total_fen=25600),
    ),
    ("a total is not units times price", selling.price, lambda it: change(it.orders, total_fen=1)),
    (
        "an order came before its window",
        selling.price,
        lambda it: change(it.orders, placed_at=small_evening().orders[0].placed_at.replace(hour=1)),
    ),
    (
        "an order came after its window",
        selling.price,
        lambda it: change(it.orders, placed_at=small_evening().orders[0].placed_at.replace(hour=23)),
    ),
    (
        "a limit was passed over two channels",
        selling.price,
        lambda it: it.orders.append(order(9, buyer_id="buyer-1", channel="youku", quantity=1, total_fen=9900)),
    ),
    ("events of an order are out of order", facts.order_of_facts, lambda it: say(it, *paid(order(1), sequence=1))),
    ("an event of an order is missing", facts.order_of_facts, lambda it: silence(it, "order.paid:order-1:2")),
    ("a return was never said", facts.order_of_facts, lambda it: silence(it, "order.returned:order-3:3")),
    (
        "one key is on two partitions",
        facts.order_of_facts,
        lambda it: say(
            it, *(message._replace(partition=1) for message in said(events.ParcelShipped(**PARCEL), 3, at=40))
        ),
    ),
    (
        "a later event happened earlier",
        facts.order_of_facts,
        lambda it: say(it, *said(events.ParcelShipped(**PARCEL), 3, at=1)),
    ),
    (
        "a rehearsal took stock",
        stock.rehearsal,
        lambda it: it.shares.append(msgspec.structs.replace(it.shares[0], allotment_id="dress-1")),
    ),
    ("a rehearsal's order is in a parcel", stock.rehearsal, lambda it: change(it.parcels, order_ids=("order-4",))),
    (
        "somebody was told of a rehearsal",
        stock.rehearsal,
        lambda it: it.notices.append(Notice(recipient="buyer:buyer-4", event_id="order.placed:order-4:1")),
    ),
    ("a rehearsal's order does not say so", stock.rehearsal, lambda it: change(it.orders, 3, rehearsal=False)),
    ("a rehearsal's money was counted", stock.rehearsal, lambda it: tell(it, metrics={"orders_placed_total": 4})),
    ("an order is another county's", people.tenancy, lambda it: change(it.orders, county="110101")),
    (
        "a parcel holds two buyers' orders",
        people.tenancy,
        lambda it: change(it.parcels, order_ids=("order-1", "order-2")),
    ),
    ("a label knows an address", people.tenancy, lambda it: change(it.parcels, fields=frozenset({"_id", "address"}))),
    (
        "an allotment is another county's than its item",
        people.tenancy,
        lambda it: change(it.allotments, county="110101"),
    ),
    ("an event names another county", people.tenancy, lambda it: change(it.items, county="110101")),
    ("money is a float at rest", facts.whole_numbers, lambda it: it.strays.append(Stray(where="orders", what="19.8"))),
    (
        "money is a float on a topic",
        facts.whole_numbers,
        lambda it: say(it, it.topics.said[0]._replace(value=b'{"total_fen": 198.5}')),
    ),
    (
        "a time on a topic has no zone",
        facts.whole_numbers,
        lambda it: say(it, it.topics.said[0]._replace(value=b'{"placed_at": "2018-12-03T12:00:00"}')),
    ),
    ("stock does not add up", stock.stock, lambda it: change(it.items, on_hand=17)),
    ("orders sells what the catalog never gave", stock.stock, lambda it: it.shares.pop()),
    ("the two disagree about what was offered", stock.stock, lambda it: change(it.allotments, 2, offered=6)),
    ("what came back was not taken back", stock.stock, lambda it: change(it.shares, returned=0)),
    ("an order is in two parcels", people.parcels, lambda it: it.parcels.append(it.parcels[0])),
    ("a packed order is in no parcel", people.parcels, lambda it: it.parcels.clear()),
    ("a parcel left and nobody said so", people.parcels, lambda it: silence(it, "parcel.shipped:parcel-1:2")),
    ("a buyer was not told", people.notices, lambda it: it.notices.pop(0)),
    (
        "somebody was told of what never happened",
        people.notices,
        lambda it: it.notices.append(Notice(recipient="buyer:buyer-1", event_id="order.paid:order-9:2")),
    ),
    ("an order of a show is on no report card", heard.heard, lambda it: setattr(it, "sales", frozenset())),
    (
        "a report card counts what nobody ordered",
        heard.heard,
        lambda it: setattr(it, "sales", it.sales | {"order.x:1"}),
    ),
    ("a missed unit is noted twice", heard.heard, lambda it: it.missed.update({ITEM: 6})),
    ("a missed unit is not noted", heard.heard, lambda it: it.missed.clear()),
    ("an old listing is kept", heard.heard, lambda it: it.copies.update({ITEM: 1})),
    ("the report tells another revenue", books.books, lambda it: tell(it, revenue_fen=1)),
    ("a payment is only in the database", books.books, lambda it: silence(it, "order.paid:order-1:2")),
    ("less was paid than was due", books.books, lambda it: change(it.orders, paid_fen=1)),
    ("a cancelled order was not refunded", books.books, lambda it: change(it.orders, 1, refunded_fen=0)),
    ("a clean line became no order", books.imported, lambda it: it.orders.pop(2)),
    ("a clean line lost units", books.imported, lambda it: change(it.orders, 2, quantity=1)),
    ("goods came back and were not taken", books.imported, lambda it: change(it.orders, 2, returned=0)),
    ("an event was never published", facts.outboxes_empty, lambda it: it.unpublished.update({"orders.orders": 1})),
    ("units are still owed", facts.outboxes_empty, lambda it: it.unsettled.update({"orders.orders.owed": 1})),
    (
        "a message was set aside",
        facts.dead_letters,
        lambda it: it.topics.dead.append(Message("order.paid.dlq", 0, 0, "poison")),
    ),
    (
        "a message cannot be read",
        facts.dead_letters,
        lambda it: it.topics.undecodable.append(Message("order.paid", 0, 0, "no type")),
    ),
]
PARCEL: dict[str, Any] = {
    "parcel_id": "parcel-1",
    "buyer_id": "buyer-1",
    "county": "522634",
    "order_ids": ("order-1",),
    "hub": "522634-C",
    "carrier": "Village Express",
    "tracking_number": "SH1",
    "shipped_at": small_evening().orders[0].placed_at,
}


@pytest.mark.parametrize(("check", "spoil"), [case[1:] for case in SPOILT], ids=[case[0] for case in SPOILT])
def test_the_check_fails_when(check: Callable[[Evidence], Check], spoil: Spoil) -> None:
    verdict = spoilt(spoil, check)
    assert not verdict.ok
    assert verdict.faults


def test_every_check_is_spoilt_at_least_once() -> None:
    assert {case[1] for case in SPOILT} == set(CHECKS)


@pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.__name__)
def test_of_whatever_notify_tells_of_somebody_must_be_told(kind: type[Fact]) -> None:
    """The audit knows by itself whom an event concerns, and forgets none of them."""
    fact = EXAMPLES[events.event_type(kind).name]
    (message, *_) = said(fact, 1)
    evidence = small_evening()
    evidence.topics = Topics([message])
    evidence.notices = [
        Notice(recipient=telling.recipient, event_id=message.event.id) for telling in tell_of(message.event)
    ]
    assert evidence.notices
    assert people.notices(evidence).ok
    for left_out in list(evidence.notices):
        evidence.notices.remove(left_out)
        assert f"{left_out.recipient} was not told of" in people.notices(evidence).faults[0]
        evidence.notices.append(left_out)


def test_copies_of_an_event_are_counted_and_change_no_verdict() -> None:
    evidence = small_evening()
    say(evidence, *evidence.topics.said)
    verdicts = judge(evidence)
    assert all(check.ok for check in verdicts), [check.faults for check in verdicts if not check.ok]
    figures = next(check.figures for check in verdicts if check.name == "twice-is-once")
    assert figures["copies"] == figures["events"] + 2


def test_an_audit_that_was_told_nothing_judges_by_databases_and_topics_alone() -> None:
    evidence = small_evening()
    evidence.told = Told()
    assert all(check.ok for check in judge(evidence))


def test_a_promise_for_an_order_that_never_was_is_a_lost_order() -> None:
    evidence = small_evening()
    lost = Promise(order_id="order-99", key="k", buyer_id="b", allotment_id="slot-1", quantity=1)
    tell(evidence, promises=[lost])
    assert "order-99" in selling.no_lost_order(evidence).faults[0]


def test_clocks_that_are_known_to_differ_by_so_much_are_no_fault() -> None:
    evidence = small_evening()
    change(evidence.orders, placed_at=evidence.orders[0].placed_at - timedelta(seconds=60))
    say(evidence, *said(paid(order(1))[0].event.data, 4, at=-40))
    late = [check.name for check in judge(evidence) if check.name in {"price", "order-of-facts"} and not check.ok]
    assert late == ["order-of-facts", "price"]
    tell(evidence, skew_seconds=60.0)
    assert selling.price(evidence).ok
    assert not any("earlier" in fault for fault in facts.order_of_facts(evidence).faults)


def test_a_rehearsals_payment_is_no_money() -> None:
    evidence = small_evening()
    change(evidence.orders, 3, paid=True, paid_fen=19800, state="paid")
    say(evidence, *paid(evidence.orders[3]))
    assert books.books(evidence).ok
    assert about(evidence.orders[3])["rehearsal"]


@pytest.mark.parametrize(
    ("value", "strays"),
    [
        ({"total_fen": 100, "weight_g": 5, "placed_at": "2018-12-03T12:00:00Z"}, 0),
        ({"total_fen": 1.0}, 1),
        ({"weight_g": True}, 1),
        ({"lots": [{"price_fen": "9"}]}, 1),
        ({"placed_at": "2018-12-03T12:00:00+08:00"}, 1),
        ({"pay_by": None, "latitude": 26.5}, 0),
    ],
)
def test_money_mass_and_time_are_judged_wherever_they_stand(value: dict[str, Any], strays: int) -> None:
    assert len(facts.scan(value, "somewhere")[0]) == strays
