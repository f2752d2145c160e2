"""Which event tells whom what."""

from typing import Any

import pytest
from tests.unit.notify.facts import event

from chassis.auth import Principal, Role
from chassis.refusals import Forbidden, Invalid
from contracts.events import (
    AllotmentClosed,
    ItemFeatured,
    OrderCancelled,
    OrderPaid,
    OrderReturned,
    ParcelDelivered,
    ParcelShipped,
    PreorderPlaced,
    StreamEnded,
    StreamStarted,
    WaitlistOffered,
)
from notify.domain import TOLD, may_read, recipient_for, recipients_of, tell


def told(cls: Any, **changed: Any) -> list[tuple[str, str]]:
    return [(telling.kind, telling.recipient) for telling in tell(event(cls, **changed))]


@pytest.mark.parametrize(
    ("cls", "kind"),
    [
        (OrderPaid, "order-paid"),
        (OrderCancelled, "order-cancelled"),
        (OrderReturned, "order-returned"),
        (WaitlistOffered, "waitlist-offered"),
        (PreorderPlaced, "preorder-placed"),
        (ParcelShipped, "parcel-shipped"),
        (ParcelDelivered, "parcel-delivered"),
    ],
)
def test_what_happens_to_an_order_a_place_or_a_parcel_is_told_to_its_buyer_alone(cls: Any, kind: str) -> None:
    assert told(cls) == [(kind, "buyer:b1")]


@pytest.mark.parametrize("cls", [OrderPaid, OrderCancelled, OrderReturned])
def test_another_platform_tells_its_own_buyers_about_their_orders(cls: Any) -> None:
    assert told(cls, imported=True) == []


def test_a_closed_allotment_is_told_to_the_producer_and_the_county() -> None:
    assert told(AllotmentClosed) == [("allotment-closed", "producer:p1"), ("allotment-closed", "county:520123")]


def test_a_later_revision_of_a_close_is_told_as_a_correction() -> None:
    assert [kind for kind, _ in told(AllotmentClosed, revision=2)] == ["allotment-corrected"] * 2


def test_an_item_on_screen_is_told_to_its_producer() -> None:
    assert told(ItemFeatured) == [("item-on-screen", "producer:p1")]


def test_a_show_is_told_to_each_of_its_counties_once() -> None:
    twice = ("520123", "522634", "520123")
    assert told(StreamStarted, counties=twice) == [("show-started", "county:520123"), ("show-started", "county:522634")]
    assert told(StreamEnded, counties=twice) == [("show-ended", "county:520123"), ("show-ended", "county:522634")]


@pytest.mark.parametrize("cls", [cls for cls in TOLD if "rehearsal" in cls.__struct_fields__])
def test_a_rehearsal_is_told_to_nobody(cls: Any) -> None:
    assert told(cls, rehearsal=True) == []


def who(*roles: Role, county: str | None = None, producer: str | None = None) -> Principal:
    return Principal("me", frozenset(roles), county, producer)


def test_a_buyer_is_the_person_and_a_host_is_the_county() -> None:
    assert recipients_of(who(Role.BUYER)) == ("buyer:me",)
    assert recipients_of(who(Role.HOST, county="520123")) == ("county:520123",)
    assert recipients_of(who(Role.PRODUCER, producer="p1", county="520123")) == ("producer:p1",)


def test_the_office_comes_before_the_person() -> None:
    both = who(Role.BUYER, Role.COUNTY, county="520123")
    assert recipient_for(both, None) == "county:520123"
    assert recipient_for(both, "buyer:me") == "buyer:me"


@pytest.mark.parametrize("wanted", ["county:522634", "buyer:you", "producer:p1", "", "county:"])
def test_nobody_asks_for_the_notices_of_somebody_else(wanted: str) -> None:
    with pytest.raises(Forbidden):
        recipient_for(who(Role.COUNTY, Role.BUYER, county="520123"), wanted)


def test_a_role_without_its_county_or_producer_is_nobody() -> None:
    for role in (Role.COUNTY, Role.HOST, Role.PRODUCER):
        with pytest.raises(Forbidden):
            recipient_for(who(role), None)


def test_the_platform_asks_for_anybody_but_must_say_for_whom() -> None:
    assert recipient_for(who(Role.PLATFORM), "buyer:you") == "buyer:you"
    for nobody in (None, "", "you", "buyer:", "host:you"):
        with pytest.raises(Invalid):
            recipient_for(who(Role.PLATFORM), nobody)


def test_a_notice_is_read_by_its_recipient_and_the_platform() -> None:
    assert may_read(who(Role.COUNTY, county="520123"), "county:520123")
    assert may_read(who(Role.PLATFORM), "county:520123")
    assert not may_read(who(Role.COUNTY, county="522634"), "county:520123")
    assert not may_read(who(Role.BUYER, county="520123"), "county:520123")
