"""The doors of the catalog: what may be asked of it, by whom, and which events it hears. Decides nothing."""

from importlib.metadata import version

from catalog import allotments, files
from catalog.domain import Wish, allotted, placement_in
from catalog.ledger import Outcome
from catalog.rows import AllotmentRow, CountyRow, HubRow, ItemRow, LotRow
from catalog.settings import CatalogSettings
from catalog.signals import Telling
from catalog.store import CatalogStore
from catalog.views import (
    AllotmentView,
    AskAllotment,
    InCounty,
    ItemView,
    SignalView,
    StockView,
    allotment_view,
    item_view,
    signal_view,
    stock_view,
)
from chassis import metrics
from chassis.auth import Principal, Role
from chassis.clock import utcnow
from chassis.http import CSV, PUBLIC, Call, Page, http, page
from chassis.kafka import consume
from chassis.mongo import Stored
from chassis.refusals import Conflict, Forbidden, Invalid, NotFound
from chassis.rows import Good, RowReport, read
from contracts import metrics as declared
from contracts.codec import Event
from contracts.events import AllotmentClosed, DemandMissed

OFFICES = {Role.PLATFORM, Role.COUNTY}


class CatalogService:
    """What can be sold, where it comes from, what to plant."""

    name = "catalog"
    version = version("shanhuo-catalog")
    settings_class = CatalogSettings

    store: CatalogStore = Stored(CatalogStore)  # nameko puts the store in its place

    @http(
        "POST",
        "/counties/import",
        who={Role.PLATFORM},
        body=CSV,
        returns=RowReport,
        summary="Import counties",
        refusals=(Invalid,),
    )
    def import_counties(self, call: Call[None]) -> RowReport:
        """Add or change counties; items carry a county's new names at once."""
        return _reported("counties", files.land_counties(self.store, list(read(call.text, CountyRow)), call.now))

    @http("POST", "/hubs/import", who=OFFICES, body=CSV, returns=RowReport, summary="Import hubs", refusals=(Invalid,))
    def import_hubs(self, call: Call[None]) -> RowReport:
        """Add or change collection points and centres of known counties."""
        rows = list(read(call.text, HubRow))
        return _reported("hubs", files.land_hubs(self.store, rows, _office(call.principal), call.now))

    @http(
        "POST", "/items/import", who=OFFICES, body=CSV, returns=RowReport, summary="Import items", refusals=(Invalid,)
    )
    def import_items(self, call: Call[None]) -> RowReport:
        """Add or change items and the stock of their opening lots."""
        rows = list(read(call.text, ItemRow))
        return _reported("items", files.land_items(self.store, rows, _office(call.principal), call.now))

    @http("POST", "/lots/import", who=OFFICES, body=CSV, returns=RowReport, summary="Import lots", refusals=(Invalid,))
    def import_lots(self, call: Call[None]) -> RowReport:
        """Add or correct harvest batches of known items."""
        rows = list(read(call.text, LotRow))
        return _reported("lots", files.land_lots(self.store, rows, _office(call.principal), call.now))

    @http(
        "POST",
        "/allotments/import",
        who=OFFICES,
        body=CSV,
        returns=RowReport,
        summary="Set stock aside by file",
        refusals=(Invalid,),
    )
    def import_allotments(self, call: Call[None]) -> RowReport:
        """Set stock aside once for each county, sku, purpose, show and slot."""
        rows = list(read(call.text, AllotmentRow))
        outcome = files.land_allotments(self.store, rows, _office(call.principal), call.now)
        for row in rows:
            if isinstance(row, Good) and row.number in outcome.accepted:
                metrics.counter(declared.UNITS_ALLOTTED).labels(row.row.purpose).inc(row.row.quantity)
        return _reported("allotments", outcome)

    @http(
        "POST",
        "/allotments",
        who=OFFICES,
        body=AskAllotment,
        returns=AllotmentView,
        status=201,
        idempotent=True,
        summary="Set stock aside to be sold",
        refusals=(Conflict, Forbidden, Invalid, NotFound),
    )
    def allot(self, call: Call[AskAllotment]) -> AllotmentView:
        """409 `insufficient-stock` tells `on_hand` and `asked`; `slot-already-allotted` the slot's `allotment_id`."""
        asked = call.body
        call.principal.require_county(asked.county)
        granted = allotments.grant(
            self.store,
            asked.county,
            asked.sku,
            _wish(asked),
            key=f"{call.principal.subject}:{call.idempotency_key}",
            now=call.now,
        )
        if granted.fresh:
            metrics.counter(declared.UNITS_ALLOTTED).labels(asked.purpose).inc(asked.quantity)
        return allotment_view(allotted(granted.item, granted.allotment))

    @http("GET", "/items", who=PUBLIC, query=InCounty, returns=Page[ItemView], summary="List items")
    def items(self, call: Call[None]) -> Page[ItemView]:
        """All items, or one county's, in the order in which they were first listed."""
        asked = call.query
        found = self.store.items_page(asked.county, asked.after, asked.limit)
        return page([item_view(item) for item in found], asked.limit, lambda item: item.item_id)

    @http(
        "GET",
        "/items/<item_id>",
        who=PUBLIC,
        returns=ItemView,
        summary="An item and where it comes from",
        refusals=(NotFound,),
    )
    def item(self, call: Call[None], item_id: str) -> ItemView:  # noqa: ARG002  # every door takes its call
        """The item with its lots: village, harvest, geographical indication, certificates."""
        item = self.store.item(item_id)
        if item is None:
            raise NotFound("unknown-item", "There is no such item.")
        return item_view(item)

    @http(
        "GET",
        "/stock",
        who=OFFICES,
        query=InCounty,
        returns=Page[StockView],
        summary="Stock of a county",
        refusals=(Forbidden,),
    )
    def stock(self, call: Call[None]) -> Page[StockView]:
        """Stock of the caller's county; the platform sees all, or the county it asks for."""
        asked = call.query
        found = self.store.items_page(_seen_county(call.principal, asked.county), asked.after, asked.limit)
        return page([stock_view(item) for item in found], asked.limit, lambda item: item.item_id)

    @http(
        "GET",
        "/signals",
        who=OFFICES,
        query=InCounty,
        returns=Page[SignalView],
        summary="Demand not served",
        refusals=(Forbidden,),
    )
    def signals(self, call: Call[None]) -> Page[SignalView]:
        """What was asked for and not served in the caller's county, by item, week and reason."""
        asked = call.query
        found = self.store.signals_page(_seen_county(call.principal, asked.county), asked.after, asked.limit)
        shown = page(found, asked.limit, lambda signal: signal.id)
        return Page([signal_view(signal) for signal in shown.items], shown.next)

    @consume(AllotmentClosed, batch=500)
    def take_back(self, events: list[Event]) -> None:
        """What was not sold goes back to stock."""
        units = allotments.take_back(self.store, [event.data for event in events], utcnow())
        metrics.counter(declared.UNITS_TAKEN_BACK).inc(max(units, 0))

    @consume(DemandMissed, batch=500)
    def hear_demand(self, events: list[Event]) -> None:
        """What was asked for and not served is remembered for the growers."""
        tellings = [Telling(event.subject, event.sequence, event.data) for event in events]
        for reason, units in allotments.hear_demand(self.store, tellings).items():
            metrics.counter(declared.DEMAND_MISSED).labels(reason).inc(units)


def _reported(file: str, outcome: Outcome) -> RowReport:
    report = outcome.report()
    for name, rows in (
        ("accepted", report.accepted),
        ("unchanged", report.unchanged),
        ("refused", len(report.refused)),
    ):
        metrics.counter(declared.IMPORT_ROWS).labels(file, name).inc(rows)
    return report


def _wish(asked: AskAllotment) -> Wish:
    fields = {
        name: getattr(asked, name)
        for name in ("quantity", "purpose", "show_id", "slot", "price_fen", "per_buyer_limit")
    }
    return Wish(placement=placement_in(asked.purpose, asked.show_id, asked.slot), **fields)


def _office(principal: Principal) -> str | None:
    """The county whose rows the caller may bring; None for the platform, which may bring all."""
    if principal.has(Role.PLATFORM):
        return None
    if principal.county is None:
        raise Forbidden("no-county", "The token names no county.")
    return principal.county


def _seen_county(principal: Principal, asked: str | None) -> str | None:
    if asked is not None:
        principal.require_county(asked)
    return asked or _office(principal)
