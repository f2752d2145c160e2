"""Sends notices to their subscribers' addresses: claims what is due, sends a bounded number at once, notes what
became of each.

Each delivery is tried until one try is known to have succeeded, or the tries are used up. A process that dies
between sending and noting it sends again when its claim runs out; the notice's id goes with it (`Idempotency-Key`,
`notice_id`), so a webhook can tell. Mail cannot.
"""

import logging
import random
from datetime import datetime
from typing import Any, Final, Protocol

import eventlet
from apprise import NotifyBase, NotifyType
from eventlet.semaphore import Semaphore
from nameko.extensions import DependencyProvider

from chassis import metrics, tracing
from chassis.clock import utcnow
from chassis.outages import MONGODB_AWAY
from contracts import metrics as declared
from notify.addresses import Addresses, silence_libraries
from notify.deliveries import LEASE, Delivery, abandoned, attempted, is_due
from notify.notices import Notice, Subscription
from notify.settings import NotifySettings
from notify.texts import speak

_log = logging.getLogger(__name__)
_MOST_DUE: Final = 1_000
_CLAIMS_A_ROUND: Final = 8  # times the places: a round is short, so a stop need not wait long for it


class Deliveries(Protocol):
    """What couriers need of the store."""

    def due(self, now: datetime, limit: int) -> list[tuple[Notice, datetime]]: ...
    def claim(self, notice_id: str, seen: datetime, now: datetime) -> str | None: ...
    def progress(self, notice_id: str, claim: str, deliveries: Any, leased_until: datetime | None) -> bool: ...
    def subscriptions(self, recipients: Any) -> dict[str, Subscription]: ...
    def overdue(self, now: datetime, most: int) -> tuple[int, datetime | None]: ...


class Office:
    """The couriers of one process."""

    def __init__(self, settings: NotifySettings, addresses: Addresses, spawn: Any) -> None:
        self.addresses = addresses
        self._retries = settings.retries
        self._timeout = settings.notify_send_timeout_seconds
        self._places = Semaphore(settings.notify_delivery_concurrency)
        self._size = settings.notify_delivery_concurrency
        self._spawn = spawn
        self._oldest_due = metrics.Age(declared.DELIVERIES_OLDEST_DUE_AGE)

    def round(self, store: Deliveries) -> None:
        """Send out what is due. Returns when the last of it is under way; an outage ends the round, the next one
        goes on.
        """
        try:
            for notice, seen in store.due(utcnow(), self._size * _CLAIMS_A_ROUND):
                self._places.acquire()
                self._spawn(lambda notice=notice, seen=seen: self._carry(store, notice, seen))
        except MONGODB_AWAY as away:
            _log.warning("deliveries wait, mongodb is away: %s", type(away).__name__)

    def look(self, store: Deliveries) -> None:
        """Gauges of what should be under way by now; in an outage they keep what was last known."""
        try:
            due, since = store.overdue(utcnow(), _MOST_DUE)
        except MONGODB_AWAY as away:
            _log.warning("gauges keep what was last known: %s", type(away).__name__)
            return
        metrics.gauge(declared.DELIVERIES_DUE).set(due)
        self._oldest_due.set(since.timestamp() if since else None)

    def close(self, grace_seconds: float) -> None:
        """Wait for what is under way."""
        with eventlet.Timeout(grace_seconds, False):
            for _ in range(self._size):
                self._places.acquire()

    def _carry(self, store: Deliveries, notice: Notice, seen: datetime) -> None:
        try:
            claim = store.claim(notice.id, seen, utcnow())
            if claim is not None:
                self._deliver(store, notice, claim)
        except MONGODB_AWAY as away:
            _log.warning("a delivery is left to its next claim, mongodb is away: %s", type(away).__name__)
        finally:
            self._places.release()

    def _deliver(self, store: Deliveries, notice: Notice, claim: str) -> None:
        """Try every due address in turn, noting each at once: what was sent stays sent."""
        subscription = store.subscriptions([notice.recipient]).get(notice.recipient)
        deliveries = list(notice.deliveries)
        due = [index for index, delivery in enumerate(deliveries) if is_due(delivery, utcnow())]
        for index in due:
            deliveries[index] = self._attempt(notice, deliveries[index], subscription)
            leased_until = None if index == due[-1] else utcnow() + LEASE
            if not store.progress(notice.id, claim, deliveries, leased_until):
                return

    def _attempt(self, notice: Notice, delivery: Delivery, subscription: Subscription | None) -> Delivery:
        url = subscription.url(delivery.url_id) if subscription else None
        if subscription is None or url is None:
            metrics.counter(declared.DELIVERIES).labels("abandoned").inc()
            return abandoned(delivery)
        with tracing.doing("send notice", parent=notice.traceparent, calls=True, notice_id=notice.id):
            sent = self._send(notice, subscription, url)
        after = attempted(delivery, sent=sent, now=utcnow(), luck=random.random(), retries=self._retries)
        outcome = "retried" if after.state == "due" else after.state
        metrics.counter(declared.DELIVERIES).labels(outcome).inc()
        if after.state != "due":
            waited = (utcnow() - notice.created_at).total_seconds()
            metrics.histogram(declared.DELIVERY_DELAY).labels(outcome).observe(max(0.0, waited))
            metrics.histogram(declared.DELIVERY_ATTEMPTS).observe(after.attempts)
        _log.info("notice %s to address %s: %s after %d", notice.id, delivery.url_id, outcome, after.attempts)
        return after

    def _send(self, notice: Notice, subscription: Subscription, url: str) -> bool:
        headers = {"Idempotency-Key": notice.id}
        payload = {"notice_id": notice.id, "event_id": notice.event_id, "kind": notice.kind}
        plugin = self.addresses.open(url, headers, payload)
        if plugin is None or self.addresses.forbidden(plugin):
            return False
        said = speak(notice.kind, notice.params, subscription.language)
        sent = False
        with eventlet.Timeout(self._timeout * 3, False):  # a mail takes several steps, each with its own time-out
            sent = self._notify(plugin, said.title, said.text)
        return sent  # noqa: RET504  the time-out leaves it False

    def _notify(self, plugin: NotifyBase, title: str, text: str) -> bool:
        try:
            return bool(plugin.notify(body=text, title=title, notify_type=NotifyType.INFO))
        except Exception as error:  # noqa: BLE001  a fault of one plugin is a failed try; its text may hold the address
            _log.warning("a %s address failed with %s", type(plugin).__name__, type(error).__name__)
            return False


class Couriers(DependencyProvider):
    """Hands the service its couriers; one office for the whole process."""

    def setup(self) -> None:
        silence_libraries()
        settings: NotifySettings = self.container.config["settings"]
        addresses = Addresses(
            settings.allowed_schemas, settings.notify_allow_private_addresses, settings.notify_send_timeout_seconds
        )
        self._grace = settings.shutdown_grace_seconds
        self._office = Office(settings, addresses, self.container.spawn_managed_thread)

    def get_dependency(self, worker_ctx: object) -> Office:  # noqa: ARG002  nameko's signature
        return self._office

    def stop(self) -> None:
        self._office.close(self._grace)
