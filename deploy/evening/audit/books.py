"""Checks of the money and of the other platform's orders: three counts of the same thing must be one number. Pure."""

from contracts.events import OrderCancelled, OrderPaid, OrderReturned
from evening.audit.check import Check, Findings
from evening.audit.records import Evidence


def books(evidence: Evidence) -> Check:
    """What was paid less what was given back is the same on the topics, in the database and in the report."""
    found = Findings("books")
    paid = sum(fact.amount_fen for fact in evidence.topics.facts(OrderPaid) if not fact.rehearsal)
    cancelled = sum(fact.refund_fen for fact in evidence.topics.facts(OrderCancelled) if not fact.rehearsal)
    returned = sum(fact.refund_fen for fact in evidence.topics.facts(OrderReturned) if not fact.rehearsal)
    said = paid - cancelled - returned
    kept = revenue(evidence)
    found.expect(said == kept, f"the topics come to {said} fen, the database to {kept}")
    reported = evidence.told.revenue_fen
    found.expect(reported in {None, said}, f"the report says {reported} fen, the topics {said}")
    for order in evidence.orders:
        found.expect(
            not order.paid or order.paid_fen == order.total_fen,
            f"{order.order_id}: paid {order.paid_fen} of {order.total_fen}",
        )
        found.expect(
            order.refunded_fen <= order.paid_fen,
            f"{order.order_id}: {order.refunded_fen} given back of {order.paid_fen}",
        )
        whole = order.live or order.refunded_fen == order.paid_fen
        found.expect(whole, f"{order.order_id}: was cancelled, {order.refunded_fen} given back of {order.paid_fen}")
    found.figure(
        paid_fen=paid, refunded_fen=cancelled + returned, revenue_fen=said, in_database_fen=kept, reported_fen=reported
    )
    return found.check()


def revenue(evidence: Evidence) -> int:
    """What the orders in the database come to: paid and not given back, rehearsals apart."""
    return sum(order.paid_fen - order.refunded_fen for order in evidence.orders if not order.rehearsal)


def imported(evidence: Evidence) -> Check:
    """Every clean line of the other platform's file is one order, unit for unit."""
    found = Findings("imported")
    orders = [order for order in evidence.orders if order.imported]
    told = evidence.told.imported
    units = sum(order.quantity for order in orders)
    found.expect(
        told.get("orders", len(orders)) == len(orders), f"{told.get('orders')} clean lines became {len(orders)} orders"
    )
    found.expect(told.get("units", units) == units, f"{told.get('units')} units in clean lines became {units}")
    back = sum(order.returned for order in orders)
    found.expect(told.get("returned", back) == back, f"{told.get('returned')} units were to come back, {back} did")
    for order in orders:
        found.expect(order.paid, f"{order.order_id}: came from another platform unpaid")
        found.expect(order.live, f"{order.order_id}: came from another platform and was cancelled here")
    found.figure(clean_lines=told.get("orders"), orders=len(orders), units=units, units_returned=back)
    return found.check()
