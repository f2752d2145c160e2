"""Each told once per recipient and event."""

from datetime import timedelta
from uuid import UUID

from tests.unit.notify.facts import NOON, event

from contracts.events import AllotmentClosed, OrderPaid, StreamStarted
from notify.domain import tell
from notify.notices import all_told, compose, notice_id, subscribed

URL = "jsons://example.com/secret"


def test_the_same_event_gives_the_same_notice_however_often_it_comes() -> None:
    first = compose(all_told([event(OrderPaid)]), {}, NOON)
    again = compose(all_told([event(OrderPaid)]), {}, NOON + timedelta(days=1))
    assert [notice.id for notice in first] == [notice.id for notice in again]


def test_another_event_another_recipient_or_another_kind_is_another_notice() -> None:
    events = [
        event(AllotmentClosed),
        event(AllotmentClosed, sequence=2, revision=2),
        event(StreamStarted),
        event(OrderPaid),
        event(OrderPaid, order_id="o2"),
    ]
    notices = compose(all_told(events), {}, NOON)
    assert len({notice.id for notice in notices}) == len(notices) == 8


def test_a_notice_id_is_a_uuid_that_sorts_by_the_time_of_its_event() -> None:
    earlier, later = event(OrderPaid), event(OrderPaid, time=NOON + timedelta(milliseconds=1))
    ids = [notice_id(each, tell(each)[0]) for each in (earlier, later)]
    assert ids == sorted(ids)
    assert {UUID(each).version for each in ids} == {7}


def test_a_subscriber_gets_a_delivery_to_each_address() -> None:
    subscription = subscribed("buyer:b1", (), "en", [URL, URL, "jsons://example.com/other"], NOON)
    (notice,) = compose(all_told([event(OrderPaid)]), {"buyer:b1": subscription}, NOON)
    assert [delivery.url_id for delivery in notice.deliveries] == [each.id for each in subscription.addresses]
    assert len(notice.deliveries) == 2
    assert all(delivery.state == "due" and delivery.next_at == NOON for delivery in notice.deliveries)


def test_a_kind_not_subscribed_to_is_written_but_not_sent() -> None:
    subscription = subscribed("buyer:b1", ("parcel-shipped",), "zh", [URL], NOON)
    (notice,) = compose(all_told([event(OrderPaid)]), {"buyer:b1": subscription}, NOON)
    assert notice.deliveries == ()


def test_an_address_id_shows_nothing_of_the_address_and_stays_the_same() -> None:
    (address,) = subscribed("buyer:b1", (), "zh", [URL], NOON).addresses
    assert "secret" not in address.id
    assert subscribed("buyer:b1", (), "en", [URL], NOON).url(address.id) == URL
    assert subscribed("buyer:b2", (), "zh", [URL], NOON).url(address.id) is None
