"""The doors of broadcast: HTTP routes, event handlers, a timer for gauges. The domain decides, the store keeps."""

import logging
from collections import Counter
from datetime import datetime
from itertools import groupby

from nameko.timer import timer

from broadcast import __version__, audience, domain
from broadcast.cards import ReportCard, report_card
from broadcast.domain import Caller, Decision, whole_milliseconds
from broadcast.lineup import Import, LineupRow, planned_start
from broadcast.requests import FeatureSlot, ImportLineup, ListShows, ReportAudience, samples_of
from broadcast.settings import BroadcastSettings
from broadcast.shows import Show
from broadcast.store import BroadcastStore
from broadcast.views import LineupReport, ShowView, Taken, lineup_report, show_view
from chassis import metrics
from chassis.auth import Principal, Role
from chassis.clock import utcnow
from chassis.http import CSV, PUBLIC, Call, Page, http, page
from chassis.kafka import consume
from chassis.mongo import Stored
from chassis.outages import MONGODB_AWAY
from chassis.refusals import Conflict, Forbidden, Invalid, NotFound
from chassis.rows import Good, read
from contracts import metrics as declared
from contracts.codec import Event
from contracts.events import (
    CountyListed,
    ItemFeatured,
    ItemListed,
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    OrderReturned,
    StockAllotted,
)

_log = logging.getLogger(__name__)
_GAUGES_EVERY_SECONDS = 5
_HOSTS = {Role.HOST, Role.PLATFORM}
_CHANNELS = metrics.Names(most=200)


class BroadcastService:
    """What is on screen now, and who is watching."""

    name = "broadcast"
    version = __version__
    settings_class = BroadcastSettings

    store = Stored(BroadcastStore)

    @http(
        "POST",
        "/lineups/import",
        who={Role.PLATFORM, Role.COUNTY},
        body=CSV,
        query=ImportLineup,
        returns=LineupReport,
        summary="Plan shows from the rows of a line-up",
        refusals=(Invalid, Conflict),
    )
    def import_lineup(self, call: Call[None]) -> LineupReport:
        """Rows that fit land, the others are reported by line, field and reason. Rows of one `show` make one show.

        `rehearsal=true` plans a rehearsal beside the real show; a rehearsal that has ended is followed by a new one.
        A row that says what stands already is unchanged; a show that went live takes no other.
        """
        begin = planned_start(call.query.starts_at)
        how = Import(caller=_caller(call.principal), rehearsal=call.query.rehearsal, starts_at=begin)
        rows = list(read(call.text, LineupRow))
        good = sorted((row for row in rows if isinstance(row, Good)), key=lambda row: row.row.show)
        known = self.store.known(row.row for row in good)
        by_show = groupby(good, key=lambda row: row.row.show)
        merged = [self.store.plan(key, list(group), known, how, call.now) for key, group in by_show]
        return lineup_report(rows, merged)

    @http("GET", "/shows", who=PUBLIC, query=ListShows, returns=Page[ShowView], summary="List shows, the newest first")
    def shows(self, call: Call[None]) -> Page[ShowView]:
        """Real shows, or with `rehearsal=true` the rehearsals."""
        asked = call.query
        found = self.store.shows(rehearsal=asked.rehearsal, state=asked.state, after=asked.after, limit=asked.limit + 1)
        titles = self.store.host_titles(county for show in found for county in show.counties)
        return page([show_view(show, titles, call.now) for show in found], asked.limit, lambda view: view.show_id)

    @http(
        "GET", "/shows/<show_id>", who=PUBLIC, returns=ShowView, summary="Show what is on screen", refusals=(NotFound,)
    )
    def show(self, call: Call[None], show_id: str) -> ShowView:
        """The line-up, what is on screen now, what is lacking before the start, and each channel's viewers."""
        return self._view(self.store.show(show_id), call.now)

    @http(
        "POST",
        "/shows/<show_id>/start",
        who=_HOSTS,
        returns=ShowView,
        summary="Go live; a show that is live stays as it is",
        refusals=(NotFound, Conflict, Forbidden),
    )
    def start(self, call: Call[None], show_id: str) -> ShowView:
        """409 `checklist-incomplete` tells which slots lack stock, `already-ended` that the show is over."""
        caller, now = _caller(call.principal), whole_milliseconds(call.now)

        def decide(show: Show) -> Decision:
            return domain.start(show, caller=caller, items=self.store.items_of(show), now=now)

        return self._view(self.store.change(show_id, decide, now).show, now)

    @http(
        "POST",
        "/shows/<show_id>/slots/<int:slot>/feature",
        who=_HOSTS,
        body=FeatureSlot,
        returns=ShowView,
        summary="Put a slot's item on screen and open its price window; an Idempotency-Key makes a repetition harmless",
        refusals=(NotFound, Conflict, Forbidden, Invalid),
    )
    def feature(self, call: Call[FeatureSlot], show_id: str, slot: int) -> ShowView:
        """409 `not-live` or `not-allotted` says what is lacking. Windows opened before stay open."""
        caller, now = _caller(call.principal), whole_milliseconds(call.now)
        seconds, key = call.body.window_seconds, call.idempotency_key

        def decide(show: Show) -> Decision:
            return domain.feature(show, slot, caller=caller, now=now, seconds=seconds, key=key)

        decision = self.store.change(show_id, decide, now)
        real = [fact for fact in decision.facts if isinstance(fact, ItemFeatured) and not fact.rehearsal]
        metrics.counter(declared.ITEMS_FEATURED).inc(len(real))
        return self._view(decision.show, decision.show.then(now))

    @http(
        "POST",
        "/shows/<show_id>/end",
        who=_HOSTS,
        returns=ShowView,
        summary="Go off air; a show that has ended stays as it is",
        refusals=(NotFound, Conflict, Forbidden),
    )
    def end(self, call: Call[None], show_id: str) -> ShowView:
        """Its price windows close, and what was not sold goes back to stock."""
        caller, now = _caller(call.principal), whole_milliseconds(call.now)
        decision = self.store.change(show_id, lambda show: domain.end(show, caller=caller, now=now), now)
        return self._view(decision.show, now)

    @http(
        "DELETE",
        "/shows/<show_id>/slots/<int:slot>",
        who={Role.COUNTY, *_HOSTS},
        returns=ShowView,
        summary="Take a slot out of a line-up that has not gone live",
        refusals=(NotFound, Conflict, Forbidden),
    )
    def drop(self, call: Call[None], show_id: str, slot: int) -> ShowView:
        """For the county whose slot it is, its host, or the platform."""
        caller = _caller(call.principal)
        decision = self.store.change(show_id, lambda show: domain.drop(show, slot, caller=caller), call.now)
        return self._view(decision.show, call.now)

    @http(
        "POST",
        "/shows/<show_id>/audience",
        who={Role.PLATFORM},
        body=ReportAudience,
        returns=Taken,
        summary="Report how many are watching on a channel",
        refusals=(NotFound, Conflict, Invalid),
    )
    def audience(self, call: Call[ReportAudience], show_id: str) -> Taken:
        """Concurrent viewers as channels report them. The same channel and `sampled_at` again is the same sample."""
        facts = audience.take(self.store.show(show_id), samples_of(call.body), call.now)
        taken = self.store.count_viewers(show_id, facts, call.now)
        return Taken(taken=taken, unchanged=len(facts) - taken)

    @http(
        "GET",
        "/shows/<show_id>/report-card",
        who={Role.COUNTY, *_HOSTS},
        returns=ReportCard,
        summary="What came of a show: sales of one's own slots, and everybody's audience",
        refusals=(NotFound, Forbidden),
    )
    def report_card(self, call: Call[None], show_id: str) -> ReportCard:
        """Paid orders, units and revenue, refunds, viewers, orders a minute. Another county's `sales` are null."""
        caller, show = _caller(call.principal), self.store.show(show_id)
        caller.require_any(show.counties)
        county = None if caller.platform else caller.county
        return report_card(
            show,
            sums=self.store.sales(show_id, county),
            watched=self.store.watched(show_id),
            minutes=self.store.orders_a_minute(show_id, county),
            mine=caller.may,
        )

    @consume(CountyListed, batch=500)
    def on_counties(self, events: list[Event]) -> None:
        """Keep who hosts."""
        self.store.remember_hosts(events)

    @consume(ItemListed, batch=500)
    def on_items(self, events: list[Event]) -> None:
        """Keep what can be shown."""
        self.store.remember_items(events)

    @consume(StockAllotted, batch=500)
    def on_allotments(self, events: list[Event]) -> None:
        """Put stock into the slots that it was set aside for."""
        for show_id in sorted(self.store.remember_allotments(events)):
            try:
                self.store.adopt(show_id, events[-1].time)
            except NotFound:
                _log.warning("stock was set aside for a show that there is not: %s", show_id)

    @consume(OrderPlaced, OrderPaid, OrderCancelled, OrderReturned, batch=500)
    def on_orders(self, events: list[Event]) -> None:
        """Count for the report card."""
        self.store.count_sales(events)

    @timer(interval=_GAUGES_EVERY_SECONDS)
    def measure(self) -> None:
        """Gauges say what the documents say, so that they are right after a restart and the same in every replica."""
        try:
            live = self.store.live()
        except MONGODB_AWAY:
            return  # the outage is counted elsewhere; the gauges keep what was last known
        now, viewers = utcnow(), Counter[tuple[str, ...]]()
        for show in live:
            for channel, watching in show.audience.items():
                viewers[(_CHANNELS.label(channel),)] += watching.viewers
        metrics.gauge(declared.SHOWS_LIVE).set(len(live))
        metrics.gauge(declared.SHOWS_FEATURING).set(sum(show.features(now) for show in live))
        metrics.replace(declared.VIEWERS, viewers)

    def _view(self, show: Show, now: datetime) -> ShowView:
        return show_view(show, self.store.host_titles(show.counties), now)


def _caller(principal: Principal) -> Caller:
    return Caller(principal.has(Role.PLATFORM), principal.county)
