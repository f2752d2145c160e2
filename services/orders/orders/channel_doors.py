"""The doors for other platforms: their orders as files and as events. Decides nothing."""

from chassis.auth import Role
from chassis.http import CSV, Call, http
from chassis.kafka import consume
from chassis.refusals import Invalid
from chassis.rows import RowReport
from contracts.codec import Event
from contracts.events import ChannelOrderReceived
from orders import access
from orders.engine import Engine


class ChannelDoors:
    """Part of the service; it is never one by itself."""

    engine: Engine

    @http(
        "POST",
        "/channels/<channel>/orders",
        who={Role.PLATFORM},
        body=CSV,
        returns=RowReport,
        summary="Import another platform's orders",
        refusals=(Invalid,),
    )
    def import_orders(self, call: Call[None], channel: str) -> RowReport:
        """Columns: invoice, sku, quantity, placed_at, unit_price (yuan), customer. Imported twice, nothing changes."""
        return self.engine.importing.take_in(access.channel(channel), call.text)

    # As many as were fetched: what is decided together on an allotment is one write of it.
    @consume(ChannelOrderReceived, batch=4_000)
    def receive(self, events: list[Event]) -> None:
        """Another platform sold something of ours."""
        self.engine.receiving.receive([event.data for event in events])
