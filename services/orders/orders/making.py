"""The order that a decided line means, and what is first said of it: the same whoever makes it. Pure."""

from contracts.events import Fact
from orders import announcing, coupons, limits
from orders.model import Allotment, Line, Order, Payment

CHANNEL_PROVIDER = "channel"


def order_of(allotment: Allotment, line: Line) -> Order:
    """The order that a decided line means: the same whether who decided makes it, or who finishes for them."""
    total = line.unit_price_fen * line.quantity - line.discount_fen
    payment = None
    if line.imported:
        payment = Payment(
            provider=CHANNEL_PROVIDER,
            payment_id=f"{line.channel}:{line.external_number}",
            amount_fen=total,
            paid_at=line.placed_at,
        )
    return Order(
        id=line.id,
        buyer_id=line.buyer_id,
        allotment_id=allotment.id,
        item_id=allotment.item_id,
        county=allotment.county,
        sku=allotment.sku,
        name_zh=allotment.name_zh,
        name_en=allotment.name_en,
        producer_id=allotment.producer_id,
        channel=line.channel,
        rehearsal=allotment.rehearsal,
        imported=line.imported,
        show_id=allotment.show_id,
        slot=allotment.slot,
        quantity=line.quantity,
        unit_price_fen=line.unit_price_fen,
        total_fen=total,
        weight_g=allotment.weight_g * line.quantity,
        keys=_keys(allotment, line),
        external_number=line.external_number,
        coupon_code=line.coupon_code,
        discount_fen=line.discount_fen,
        placed_at=line.placed_at,
        pay_by=line.pay_by,
        state="paid" if line.imported else "placed",
        payment=payment,
        traceparent=line.traceparent,
        version=2 if line.imported else 1,
    )


def _keys(allotment: Allotment, line: Line) -> list[str]:
    places = [limits.key(allotment.id, line.buyer_id, place) for place in line.places]
    coupon = [coupons.key(line.coupon_code, line.buyer_id)] if line.coupon_code else []
    return [line.request_key, *places, *coupon]


def first_facts(order: Order) -> tuple[Fact, ...]:
    """What is said of a new order; what another platform sold is already paid there."""
    if order.imported and order.payment:
        return announcing.placed(order), announcing.paid(order, order.payment)
    return (announcing.placed(order),)
