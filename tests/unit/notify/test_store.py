"""Notices and subscriptions at rest, on a real database: once each, and one courier at a time."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.unit.notify.facts import NOON, event

from chassis.config import load
from chassis.testing import FakeRelay, connected
from contracts.events import AllotmentClosed, OrderPaid
from notify.deliveries import attempted
from notify.notices import Notice, Subscription, all_told, compose, subscribed
from notify.settings import NotifySettings
from notify.store import NoticeDoc, NotifyStore

URLS = ["jsons://example.com/one", "jsons://example.com/two"]
SOON = NOON + timedelta(seconds=1)


@pytest.fixture
def store(settings: dict[str, str]) -> Iterator[NotifyStore]:
    loaded = load(NotifySettings, settings)
    with connected(loaded, "notify", NotifyStore.documents):
        yield NotifyStore(FakeRelay(), loaded)


def notices(*order_ids: str, subscription: Subscription | None = None) -> list[Notice]:
    subscriptions = {"buyer:b1": subscription} if subscription else {}
    return compose(all_told(event(OrderPaid, order_id=order) for order in order_ids), subscriptions, NOON)


def a_subscription() -> Subscription:
    return subscribed("buyer:b1", (), "en", URLS, NOON)


def test_a_notice_written_twice_is_there_once_and_says_so(store: NotifyStore) -> None:
    first = notices("o1", "o2")
    assert store.write(first) == first
    assert [notice.event_id for notice in store.write(notices("o2", "o3", "o1"))] == ["order.paid:o3:1"]
    assert NoticeDoc.objects.count() == 3
    assert store.write([]) == []


def test_the_second_copy_of_an_event_does_not_send_again(store: NotifyStore) -> None:
    store.write(notices("o1"))
    store.write(notices("o1", subscription=a_subscription()))
    assert store.due(SOON, 10) == []


def test_a_notice_is_read_as_it_was_written(store: NotifyStore) -> None:
    (notice,) = notices("o1", subscription=a_subscription())
    store.write([notice])
    assert store.notice(notice.id) == notice
    assert store.notice("nothing") is None


def test_notices_are_listed_latest_first_page_by_page_for_their_recipient_alone(store: NotifyStore) -> None:
    later = [event(OrderPaid, order_id=f"o{n}", time=NOON + timedelta(seconds=n)) for n in range(5)]
    store.write(compose(all_told([*later, event(AllotmentClosed)]), {}, NOON))
    first = store.notices("buyer:b1", None, 3)
    rest = store.notices("buyer:b1", first[-1].id, 3)
    assert [notice.params["order"] for notice in (*first, *rest)] == ["o4", "o3", "o2", "o1", "o0"]
    assert [notice.kind for notice in store.notices("county:520123", None, 10)] == ["allotment-closed"]


def test_a_subscription_replaces_the_one_before_and_can_be_taken_back(store: NotifyStore) -> None:
    store.subscribe(subscribed("buyer:b1", (), "zh", URLS, NOON))
    wanted = subscribed("buyer:b1", ("order-paid",), "en", URLS[:1], SOON)
    store.subscribe(wanted)
    assert store.subscriptions(["buyer:b1", "buyer:b2", "buyer:b1"]) == {"buyer:b1": wanted}
    store.unsubscribe("buyer:b1")
    assert store.subscriptions(["buyer:b1"]) == {}
    assert store.subscriptions([]) == {}


def test_of_two_couriers_one_gets_the_notice(store: NotifyStore) -> None:
    store.write(notices("o1", subscription=a_subscription()))
    ((notice, seen),) = store.due(SOON, 10)
    assert store.claim(notice.id, seen, SOON) is not None
    assert store.claim(notice.id, seen, SOON) is None
    assert store.due(SOON, 10) == []


def test_a_claim_that_nobody_finishes_runs_out(store: NotifyStore) -> None:
    store.write(notices("o1", subscription=a_subscription()))
    ((notice, seen),) = store.due(SOON, 10)
    lost = store.claim(notice.id, seen, SOON)
    ((notice, seen),) = store.due(SOON + timedelta(minutes=2), 10)
    claim = store.claim(notice.id, seen, SOON)
    assert claim is not None
    assert not store.progress(notice.id, str(lost), notice.deliveries, None)
    assert store.progress(notice.id, claim, notice.deliveries, None)


def test_what_was_sent_stays_sent_and_what_failed_is_due_later(store: NotifyStore) -> None:
    store.write(notices("o1", subscription=a_subscription()))
    ((notice, seen),) = store.due(SOON, 10)
    claim = str(store.claim(notice.id, seen, SOON))
    retries = store.settings.retries  # type: ignore[attr-defined]  # a store knows the settings all services have
    first, second = notice.deliveries
    first = attempted(first, sent=True, now=SOON, luck=0, retries=retries)
    second = attempted(second, sent=False, now=SOON, luck=0, retries=retries)
    assert store.progress(notice.id, claim, [first, second], None)
    assert store.due(SOON, 10) == []
    ((again, seen),) = store.due(SOON + timedelta(seconds=5), 10)
    assert [delivery.state for delivery in again.deliveries] == ["sent", "due"]
    claim = str(store.claim(notice.id, seen, SOON))
    second = attempted(second, sent=True, now=SOON, luck=0, retries=retries)
    assert store.progress(notice.id, claim, [first, second], None)
    assert store.due(SOON + timedelta(days=365), 10) == []


def test_a_fact_that_is_heard_late_is_told_once_and_in_its_place(store: NotifyStore) -> None:
    """It was replayed from the dead letters, twice: the notice stands at the time of its event."""
    early, late = (event(OrderPaid, order_id=f"o{n}", time=NOON + timedelta(minutes=n)) for n in (1, 2))
    store.write(compose(all_told([late]), {}, NOON))
    for _ in range(2):
        store.write(compose(all_told([early]), {}, NOON + timedelta(hours=1)))
    assert [notice.params["order"] for notice in store.notices("buyer:b1", None, 5)] == ["o2", "o1"]


def test_what_is_overdue_is_counted_to_an_end_with_the_longest_of_it(store: NotifyStore) -> None:
    assert store.overdue(SOON, 10) == (0, None)
    store.write(notices("o1", "o2", "o3", subscription=a_subscription()))
    store.write(notices("o4"))
    assert store.overdue(NOON - timedelta(seconds=1), 10) == (0, None)
    assert store.overdue(SOON, 10) == (3, NOON)
    assert store.overdue(SOON, 2) == (2, NOON)
