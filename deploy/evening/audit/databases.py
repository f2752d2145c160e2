"""Reads the services' databases, past the services, into the audit's records.

The only room that knows how documents are laid out; judges nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import pymongo
from pymongo.database import Database

from evening.audit.facts import scan
from evening.audit.records import Allotment, Evidence, Item, Notice, Order, Parcel, Share

Document = Mapping[str, Any]
SERVICES: Final = ("catalog", "broadcast", "orders", "notify")
# Work that a document of orders still has to do: units or money to give back, decided lines to insert.
_UNSETTLED: Final = {
    "orders": ("owed",),
    "allotments": ("pending", "batches"),
    "buckets": ("pending", "batches", "owed"),
}


def read(
    mongodb_uri: str,
    databases: Mapping[str, str],
    evidence: Evidence,
    only: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Fill the evidence with everything at rest. `databases` says under which name each service keeps its own.

    `only`: queries for collections of which a part is wanted.
    """
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, tz_aware=True, serverSelectionTimeoutMS=5_000) as client:
        kept = {service: _documents(client[name], only or {}) for service, name in databases.items()}
    _look_over(kept, evidence)
    orders, catalog = kept.get("orders", {}), kept.get("catalog", {})
    # An id that was given up says only that it is no order's, for ever.
    evidence.orders = [_order(document) for document in orders.get("orders", ()) if "given_up" not in document]
    lent = _lent(orders.get("buckets", ()))
    evidence.allotments = [_allotment(one, lent.get(one["_id"], ())) for one in orders.get("allotments", ())]
    evidence.parcels = [_parcel(document) for document in orders.get("parcels", ())]
    evidence.items = [_item(document) for document in catalog.get("items", ())]
    evidence.shares = [share for document in catalog.get("items", ()) for share in _shares(document)]
    evidence.notices = [_notice(document) for document in kept.get("notify", {}).get("notices", ())]
    _read_what_was_heard(catalog, kept.get("broadcast", {}), evidence)


def _read_what_was_heard(
    catalog: Mapping[str, Iterable[Document]], broadcast: Mapping[str, Iterable[Document]], evidence: Evidence
) -> None:
    shows = broadcast.get("shows", ())
    evidence.rehearsal_shows = frozenset(document["_id"] for document in shows if document.get("rehearsal"))
    evidence.sales = frozenset(document["_id"] for document in broadcast.get("sales", ()))
    evidence.copies = {document["_id"]: document["sequence"] for document in broadcast.get("items", ())}
    for signal in catalog.get("signals", ()):
        evidence.missed[signal["item_id"]] = evidence.missed.get(signal["item_id"], 0) + signal["quantity"]


def held(mongodb_uri: str, databases: Mapping[str, str]) -> str:
    """Which collections of the services' databases hold anything already."""
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri, serverSelectionTimeoutMS=5_000) as client:
        every = [(name, collection) for name in databases.values() for collection in _names(client[name])]
        return ", ".join(f"{name}.{collection}" for name, collection in every if client[name][collection].find_one({}))


def _names(database: Database[dict[str, Any]]) -> list[str]:
    return sorted(name for name in database.list_collection_names() if not name.startswith("system."))


def _documents(
    database: Database[dict[str, Any]], only: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    return {name: list(database[name].find(only.get(name, {}))) for name in _names(database)}


def _look_over(kept: Mapping[str, Mapping[str, Iterable[Document]]], evidence: Evidence) -> None:
    """What is asked of every document whatever it is: whole numbers, nothing left to say, nothing left to do."""
    for service, collections in kept.items():
        for name, documents in collections.items():
            where = f"{service}.{name}"
            evidence.documents[where] = len(list(documents))
            evidence.unpublished[where] = sum(bool(document.get("outbox")) for document in documents)
            for field in _UNSETTLED.get(name, ()) if service == "orders" else ():
                evidence.unsettled[f"{where}.{field}"] = sum(bool(document.get(field)) for document in documents)
            for document in documents:
                strays, looked = scan(_with_iso_times(document), f"{where} {document['_id']}")
                evidence.strays.extend(strays)
                evidence.numbers += looked


def _with_iso_times(value: Any) -> Any:
    """The document with its dates as text: MongoDB keeps instants, which a zone-aware client reads as UTC."""
    if isinstance(value, dict):
        return {key: _with_iso_times(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_iso_times(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _order(document: Document) -> Order:
    payment = document.get("payment") or {}
    returns = document.get("returns") or []
    return Order(
        order_id=document["_id"],
        buyer_id=document["buyer_id"],
        allotment_id=document["allotment_id"],
        item_id=document["item_id"],
        county=document["county"],
        channel=document["channel"],
        quantity=document["quantity"],
        unit_price_fen=document["unit_price_fen"],
        total_fen=document["total_fen"],
        live=document["state"] != "cancelled",
        state=document["state"],
        placed_at=document["placed_at"],
        key=(document.get("keys") or [""])[0],
        show_id=document.get("show_id"),
        slot=document.get("slot"),
        rehearsal=bool(document.get("rehearsal")),
        imported=bool(document.get("imported")),
        paid=bool(payment),
        paid_fen=payment.get("amount_fen", 0),
        refunded_fen=document.get("refunded_fen", 0),
        returns=len(returns),
        returned=sum(goods["quantity"] for goods in returns),
        restocked=sum(goods["quantity"] for goods in returns if goods["restocked"]),
        parcel_id=document.get("parcel_id"),
        version=document.get("version", 0),
    )


def _lent(buckets: Iterable[Document]) -> dict[str, list[Document]]:
    lent: dict[str, list[Document]] = {}
    for bucket in buckets:
        lent.setdefault(bucket["allotment_id"], []).append(bucket)
    return lent


def _allotment(document: Document, buckets: Iterable[Document]) -> Allotment:
    """As its buyers see it: what its buckets hold, or still owe it, it counts as sold itself, but nobody bought it."""
    known = set(document.get("recalled") or ())
    held = sum(bucket["remaining"] for bucket in buckets)
    held += sum(one["amount"] for bucket in buckets for one in bucket.get("owed") or () if one["id"] not in known)
    closed = document["state"] == "closed"
    return Allotment(
        allotment_id=document["_id"],
        item_id=document["item_id"],
        county=document["county"],
        offered=document["offered"],
        sold=document["sold"] - held,
        remaining=document["remaining"] + held * (not closed),
        returned=document["returned"] + held * closed,
        closed=closed,
        rehearsal=bool(document.get("rehearsal")),
        per_buyer_limit=document.get("per_buyer_limit"),
        show_id=document.get("show_id"),
        slot=document.get("slot"),
    )


def _parcel(document: Document) -> Parcel:
    return Parcel(
        parcel_id=document["_id"],
        buyer_id=document["buyer_id"],
        county=document["county"],
        order_ids=tuple(document["order_ids"]),
        state=document["state"],
        fields=frozenset(document),
    )


def _item(document: Document) -> Item:
    return Item(
        item_id=document["_id"],
        county=document["county"],
        sku=document["sku"],
        on_hand=document["on_hand"],
        harvested=sum(lot["quantity"] for lot in document["lots"]),
    )


def _shares(document: Document) -> Iterable[Share]:
    for allotment in document.get("allotments", ()):
        yield Share(
            allotment_id=allotment["id"],
            item_id=document["_id"],
            county=document["county"],
            offered=allotment["offered"],
            returned=allotment["returned"],
        )


def _notice(document: Document) -> Notice:
    return Notice(recipient=document["recipient"], event_id=document["event_id"])
