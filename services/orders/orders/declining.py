"""The rules of declining another platform's order: which sale an event means, what a decline says. Pure.

A decline is a document of its own, known by the line's number and by what was asked under it, so that the same event
again is the same decline, and a number that was declined is not decided anew for something else.
"""

import hashlib
from datetime import datetime

from contracts.events import ChannelOrderReceived
from contracts.ids import new_id
from orders import announcing, sales
from orders.model import Declined
from orders.sales import No, Sale


def sale_of(fact: ChannelOrderReceived) -> Sale:
    """What was sold, in the words of the file import: a line is the same whichever way it comes."""
    return Sale(
        key=sales.sale_key(fact.channel, fact.external_number, fact.sku, fact.line),
        channel=fact.channel,
        external_number=fact.external_number,
        sku=fact.sku,
        buyer_id=f"{fact.channel}:{fact.customer}",
        quantity=fact.quantity,
        unit_price_fen=fact.unit_price_fen,
        placed_at=fact.placed_at,
        county=fact.county,
        allotment_id=fact.allotment_id,
    )


def decline_id(sale: Sale) -> str:
    """The same for the same line with the same content."""
    asked = (sale.key, sale.quantity, sale.unit_price_fen, sale.buyer_id, sale.county, sale.allotment_id)
    return hashlib.sha256(repr(asked).encode()).hexdigest()


def declined(fact: ChannelOrderReceived, sale: Sale, no: No, now: datetime) -> Declined:
    """The decline, with the event that says it."""
    said = announcing.declined(
        fact, order_id=new_id(), reason=no.reason, detail=no.detail, remaining=no.remaining, now=now
    )
    return Declined(id=decline_id(sale), number_key=sale.key, declined_at=now, said=said)
