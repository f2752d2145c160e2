"""Check of what reached the readers: what each service keeps of the others' events is what was said. Pure."""

from collections import Counter, defaultdict

from contracts.events import DemandMissed, ItemListed, OrderCancelled, OrderPaid, OrderPlaced, OrderReturned
from evening.audit.check import Check, Findings
from evening.audit.records import Evidence

_OF_ORDERS = (OrderPlaced, OrderPaid, OrderCancelled, OrderReturned)


def heard(evidence: Evidence) -> Check:
    """Report cards count every order of a real show once, signals every missed unit, and items are as last listed."""
    found = Findings("heard")
    _expect_sales(found, evidence)
    missed = Counter[str]()
    for fact in evidence.topics.facts(DemandMissed):
        missed[fact.item_id] += fact.quantity
    for item in missed.keys() | evidence.missed.keys():
        noted = evidence.missed.get(item, 0)
        found.expect(missed[item] == noted, f"{item}: {missed[item]} units were missed, catalog noted {noted}")
    listed: dict[str, int] = defaultdict(int)
    for event in evidence.topics.events(ItemListed):
        listed[event.data.item_id] = max(listed[event.data.item_id], event.sequence)
    for item, sequence in listed.items():
        known = evidence.copies.get(item)
        found.expect(known == sequence, f"{item}: was listed as number {sequence}, broadcast knows number {known}")
    found.figure(sales=len(evidence.sales), units_missed=sum(missed.values()), items=len(listed))
    return found.check()


def _expect_sales(found: Findings, evidence: Evidence) -> None:
    said = {
        event.id
        for kind in _OF_ORDERS
        for event in evidence.topics.events(kind)
        if event.data.show_id and event.data.slot and not event.data.rehearsal
    }
    for event_id in said - evidence.sales:
        found.expect(False, f"{event_id} is on no report card")
    for event_id in evidence.sales:
        found.expect(event_id in said, f"{event_id} is on a report card and on no topic")
    found.expect(said or not evidence.sales, "report cards count orders that nobody placed")
