"""The doors of notify: events in, notices and subscriptions over HTTP, live events to browsers. Decides nothing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta
from nameko.timer import timer
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response

from chassis import metrics
from chassis.clock import utcnow
from chassis.fanout import Delivery
from chassis.http import ANY_ROLE, PUBLIC, Call, Page, http, page
from chassis.kafka import consume
from chassis.mongo import Stored
from chassis.refusals import Forbidden, Invalid, NotFound, Unavailable
from contracts import metrics as declared
from contracts.codec import Event
from contracts.events import AllotmentClosed, ItemFeatured, OrderCancelled, OrderPlaced, StreamEnded, StreamStarted
from notify import pages
from notify.couriers import Couriers
from notify.domain import TOLD, Kind, Language, may_read, recipient_for
from notify.notices import all_told, compose, subscribed
from notify.settings import NotifySettings
from notify.store import NotifyStore
from notify.streams import Live
from notify.texts import preferred
from notify.views import ListNotices, NoticeView, SubscriptionView, Whose, notice_view, subscription_view

# Longer than any show, so that a fresh replica knows all orders of those that are live.
_REWIND: Final = timedelta(hours=3)


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recipient wants sent and where to. Replaces the earlier subscription whole."""

    recipient: Annotated[str, Meta(max_length=140, description="Only the platform gives somebody else's.")] | None = (
        None
    )
    kinds: list[Kind] | Literal["all"] = "all"
    language: Language = "zh"
    urls: Annotated[list[Annotated[str, Meta(max_length=1024)]], Meta(max_length=5, description="Apprise URLs.")] = []


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Which show a browser listens to; all live ones by default."""

    show_id: Annotated[str, Meta(max_length=128)] | None = None


class NotifyService:
    """Each person told once, live pages up to date."""

    name = "notify"
    version = "0.1.0"
    settings_class = NotifySettings

    store = Stored(NotifyStore)
    couriers = Couriers()
    live = Live()

    # --- events ---

    @consume(*TOLD, batch=500)
    def tell(self, events: Sequence[Event]) -> None:
        """Write the notices that the events give."""
        told = all_told(events)
        subscriptions = self.store.subscriptions(telling.recipient for _, telling in told)
        for notice in self.store.write(compose(told, subscriptions, utcnow())):
            metrics.counter(declared.NOTICES).labels(notice.recipient.partition(":")[0]).inc()

    @timer(interval=0.5)
    def send_due(self) -> None:
        """Send the notices whose time has come."""
        self.couriers.round(self.store)

    @timer(interval=5)
    def look(self) -> None:
        """Gauges of what is to be sent."""
        self.couriers.look(self.store)

    @consume(
        StreamStarted,
        ItemFeatured,
        StreamEnded,
        AllotmentClosed,
        OrderPlaced,
        OrderCancelled,
        fanout=True,
        rewind=_REWIND,
    )
    def show(self, delivery: Delivery) -> None:
        """Bring this replica's live pages up to date."""
        self.live.take(delivery)

    @timer(interval=1)
    def tick(self) -> None:
        """Tell the browsers how many were ordered."""
        self.live.tick()

    # --- subscriptions ---

    @http(
        "PUT",
        "/subscriptions",
        who=ANY_ROLE,
        body=Subscribe,
        returns=SubscriptionView,
        summary="Say which notices are to be sent, in which language and where to",
        refusals=(Forbidden, Invalid),
    )
    def subscribe(self, call: Call[Subscribe]) -> SubscriptionView:
        recipient = recipient_for(call.principal, call.body.recipient)
        for index, url in enumerate(call.body.urls):
            self.couriers.addresses.check(url, f"$.urls[{index}]")
        kinds = () if call.body.kinds == "all" else call.body.kinds
        subscription = subscribed(recipient, kinds, call.body.language, call.body.urls, call.now)
        self.store.subscribe(subscription)
        return subscription_view(subscription, self.couriers.addresses.masked)

    @http(
        "GET",
        "/subscriptions",
        who=ANY_ROLE,
        query=Whose,
        returns=SubscriptionView,
        summary="The caller's subscription, its addresses masked",
        refusals=(Forbidden, NotFound),
    )
    def subscription(self, call: Call[None]) -> SubscriptionView:
        recipient = recipient_for(call.principal, call.query.recipient)
        found = self.store.subscriptions([recipient]).get(recipient)
        if found is None:
            raise NotFound("no-subscription", "Nothing is subscribed to.")
        return subscription_view(found, self.couriers.addresses.masked)

    @http(
        "DELETE",
        "/subscriptions",
        who=ANY_ROLE,
        query=Whose,
        summary="Send nothing more; addresses are forgotten",
        refusals=(Forbidden,),
    )
    def unsubscribe(self, call: Call[None]) -> None:
        self.store.unsubscribe(recipient_for(call.principal, call.query.recipient))

    # --- notices ---

    @http(
        "GET",
        "/notices",
        who=ANY_ROLE,
        query=ListNotices,
        returns=Page[NoticeView],
        summary="The caller's notices, the latest first",
        refusals=(Forbidden,),
    )
    def notices(self, call: Call[None]) -> Page[NoticeView]:
        recipient = recipient_for(call.principal, call.query.recipient)
        found = self.store.notices(recipient, call.query.after, call.query.limit + 1)
        language = self._language(call, recipient)
        return page([notice_view(notice, language) for notice in found], call.query.limit, lambda view: view.id)

    @http(
        "GET",
        "/notices/<notice_id>",
        who=ANY_ROLE,
        returns=NoticeView,
        summary="One notice",
        refusals=(NotFound,),
    )
    def notice(self, call: Call[None], notice_id: str) -> NoticeView:
        found = self.store.notice(notice_id)
        if found is None or not may_read(call.principal, found.recipient):
            raise NotFound("no-notice", "There is no such notice among yours.")
        return notice_view(found, self._language(call, found.recipient))

    def _language(self, call: Call[Any], recipient: str) -> Language:
        accepted = list(parse_accept_header(call.headers.get("Accept-Language", "")))
        if accepted:
            return preferred(tag for tag, _ in accepted)
        found = self.store.subscriptions([recipient]).get(recipient)
        return preferred((), found.language if found else None)

    # --- live ---

    @http(
        "GET",
        "/live/events",
        who=PUBLIC,
        query=Watch,
        returns=bytes,
        media_type="text/event-stream",
        summary="Live events for browsers (Server-Sent Events), resumable with Last-Event-ID",
        refusals=(Unavailable,),
    )
    def live_events(self, call: Call[None]) -> Response:
        stream = self.live.open(call.headers.get("Last-Event-ID", ""), call.query.show_id, call.now)
        return pages.event_stream(stream)

    @http("GET", "/live", who=PUBLIC, returns=str, media_type="text/html", summary="The live page")
    def live_page(self, call: Call[None]) -> Response:  # noqa: ARG002  a door takes its call
        return pages.file("live.html")

    @http("GET", "/live/live.css", who=PUBLIC, returns=str, media_type="text/css", summary="The live page's looks")
    def live_looks(self, call: Call[None]) -> Response:  # noqa: ARG002  a door takes its call
        return pages.file("live.css")

    @http(
        "GET", "/live/live.js", who=PUBLIC, returns=str, media_type="text/javascript", summary="The live page's program"
    )
    def live_program(self, call: Call[None]) -> Response:  # noqa: ARG002  a door takes its call
        return pages.file("live.js")
