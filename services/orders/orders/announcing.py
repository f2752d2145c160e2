"""What the service says of its orders, allotments and parcels: nouns made into events. Pure; decides nothing."""

from datetime import datetime
from typing import Any, Literal

from contracts.events import (
    AllotmentClosed,
    ChannelOrderReceived,
    DemandMissed,
    OrderCancelled,
    OrderCompleted,
    OrderDeclined,
    OrderPaid,
    OrderPlaced,
    OrderReturned,
    ParcelDelivered,
    ParcelPacked,
    ParcelScanned,
    ParcelShipped,
    PreorderPlaced,
    WaitlistOffered,
)
from contracts.types import MissReason
from orders.model import Allotment, Entry, NextLot, Order, Parcel, Payment, Return, Scan


def _of_order(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "buyer_id": order.buyer_id,
        "allotment_id": order.allotment_id,
        "item_id": order.item_id,
        "county": order.county,
        "sku": order.sku,
        "name_zh": order.name_zh,
        "name_en": order.name_en,
        "producer_id": order.producer_id,
        "channel": order.channel,
        "rehearsal": order.rehearsal,
        "imported": order.imported,
        "show_id": order.show_id,
        "slot": order.slot,
    }


def placed(order: Order) -> OrderPlaced:
    """An order was taken."""
    return OrderPlaced(
        **_of_order(order),
        quantity=order.quantity,
        unit_price_fen=order.unit_price_fen,
        total_fen=order.total_fen,
        weight_g=order.weight_g,
        external_number=order.external_number,
        placed_at=order.placed_at,
        pay_by=order.pay_by,
        coupon_code=order.coupon_code,
        discount_fen=order.discount_fen,
    )


def paid(order: Order, payment: Payment) -> OrderPaid:
    """Its whole amount was paid."""
    return OrderPaid(
        **_of_order(order),
        quantity=order.quantity,
        amount_fen=payment.amount_fen,
        provider=payment.provider,
        payment_id=payment.payment_id,
        paid_at=payment.paid_at,
    )


def cancelled(order: Order, *, reason: Any, refund_fen: int, now: datetime) -> OrderCancelled:
    """It ended before it was packed."""
    left = order.quantity - order.returned_quantity
    return OrderCancelled(**_of_order(order), quantity=left, reason=reason, refund_fen=refund_fen, cancelled_at=now)


def returned(order: Order, goods: Return) -> OrderReturned:
    """Goods of it came back."""
    return OrderReturned(
        **_of_order(order),
        quantity=goods.quantity,
        refund_fen=goods.refund_fen,
        restocked=goods.restocked,
        returned_at=goods.returned_at,
    )


def completed(order: Order, *, by: Literal["buyer", "time"], now: datetime) -> OrderCompleted:
    """Its buyer keeps what did not come back."""
    return OrderCompleted(
        **_of_order(order),
        quantity=order.quantity - order.returned_quantity,
        amount_fen=order.total_fen - order.refunded_fen,
        by=by,
        completed_at=now,
    )


def declined(
    fact: ChannelOrderReceived, *, order_id: str, reason: str, detail: str, remaining: int | None, now: datetime
) -> OrderDeclined:
    """Another platform's order cannot be served."""
    return OrderDeclined(
        order_id=order_id,
        channel=fact.channel,
        external_number=fact.external_number,
        line=fact.line,
        sku=fact.sku,
        quantity=fact.quantity,
        reason=reason,
        detail=detail,
        remaining=remaining,
        declined_at=now,
    )


def _of_allotment(allotment: Allotment) -> dict[str, Any]:
    return {
        "allotment_id": allotment.id,
        "item_id": allotment.item_id,
        "county": allotment.county,
        "sku": allotment.sku,
        "show_id": allotment.show_id,
    }


def closed(allotment: Allotment, *, sold: int, returned: int, revision: int, now: datetime) -> AllotmentClosed:
    """It sells no more, or a later correction of that."""
    return AllotmentClosed(
        **_of_allotment(allotment),
        name_zh=allotment.name_zh,
        name_en=allotment.name_en,
        producer_id=allotment.producer_id,
        rehearsal=allotment.rehearsal,
        slot=allotment.slot,
        offered=allotment.offered,
        sold=sold,
        returned=returned,
        revision=revision,
        closed_at=now,
    )


def missed(allotment: Allotment, quantity: int, now: datetime, reason: MissReason = "sold_out") -> DemandMissed:
    """Buyers came and there was nothing left for them, or they waited for nothing."""
    return DemandMissed(**_of_allotment(allotment), quantity=quantity, reason=reason, missed_at=now)


def _of_entry(allotment: Allotment, entry: Entry) -> dict[str, Any]:
    named = {"name_zh": allotment.name_zh, "name_en": allotment.name_en, "slot": allotment.slot}
    whose = {"buyer_id": entry.buyer_id, "channel": entry.channel, "quantity": entry.quantity}
    return {**_of_allotment(allotment), **named, **whose}


def offered(allotment: Allotment, entry: Entry, order: Order, offer_until: datetime) -> WaitlistOffered:
    """Who waited longest may have it now, if they pay in time."""
    return WaitlistOffered(
        **_of_entry(allotment, entry),
        entry_id=entry.id,
        order_id=order.id,
        unit_price_fen=order.unit_price_fen,
        offered_at=order.placed_at,
        offer_until=offer_until,
    )


def preordered(allotment: Allotment, entry: Entry, lot: NextLot, now: datetime) -> PreorderPlaced:
    """Who waited for nothing waits for the next lot."""
    return PreorderPlaced(
        **_of_entry(allotment, entry),
        preorder_id=entry.id,
        lot=lot.lot,
        expected_on=lot.expected_on,
        preordered_at=now,
    )


def _of_parcel(parcel: Parcel) -> dict[str, Any]:
    return {
        "parcel_id": parcel.id,
        "buyer_id": parcel.buyer_id,
        "county": parcel.county,
        "order_ids": tuple(parcel.order_ids),
    }


def packed(parcel: Parcel, order_ids: list[str], weight_g: int, now: datetime) -> ParcelPacked:
    """These orders were put into it."""
    known = _of_parcel(parcel) | {"order_ids": tuple(order_ids)}
    return ParcelPacked(**known, hub=parcel.hub, weight_g=weight_g, packed_at=now)


def shipped(parcel: Parcel, *, carrier: str, tracking_number: str, now: datetime) -> ParcelShipped:
    """It was handed to its carrier."""
    return ParcelShipped(
        **_of_parcel(parcel), hub=parcel.hub, carrier=carrier, tracking_number=tracking_number, shipped_at=now
    )


def scanned(parcel: Parcel, scan: Scan) -> ParcelScanned:
    """It was seen on its way."""
    return ParcelScanned(**_of_parcel(parcel), hub=scan.hub, scanned_at=scan.scanned_at)


def delivered(parcel: Parcel, now: datetime) -> ParcelDelivered:
    """It reached its buyer."""
    return ParcelDelivered(**_of_parcel(parcel), delivered_at=now)
