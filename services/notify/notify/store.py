"""Notices and subscriptions at rest: the only Mongo code of this service. Decides nothing but what is a copy of
what is already there.

A notice has a fixed id, so writing it twice leaves one. Its deliveries ride in it; `due_at` is when the next of
them is to be tried and is moved on by whoever claims it, so that of several replicas one sends.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import msgspec
from mongoengine import DateTimeField, DictField, Document, ListField, StringField
from pymongo.errors import BulkWriteError

from chassis.mongo import Store
from contracts.ids import new_id
from notify.deliveries import LEASE, Delivery, due_at
from notify.notices import Notice, Subscription

_DUPLICATE: Final = 11000
# Without a lower bound the embedded engine reads every notice that has nothing due.
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NoticeDoc(Document):
    """A notice, its deliveries and, while one is due, when and under whose claim."""

    id = StringField(primary_key=True)
    recipient = StringField(required=True)
    kind = StringField(required=True)
    params = DictField()
    event_id = StringField(required=True)
    created_at = DateTimeField(required=True)
    deliveries = ListField(DictField())
    due_at = DateTimeField()
    claim = StringField()
    meta: ClassVar[dict[str, Any]] = {
        "collection": "notices",
        "db_alias": "notify",
        "indexes": [("recipient", "-id"), {"fields": ["due_at"], "sparse": True}],
    }


class SubscriptionDoc(Document):
    """A recipient's subscription. The addresses are secrets and stand here as they were given."""

    id = StringField(primary_key=True)
    kinds = ListField(StringField())
    language = StringField(required=True)
    addresses = ListField(DictField())
    updated_at = DateTimeField(required=True)
    meta: ClassVar[dict[str, Any]] = {"collection": "subscriptions", "db_alias": "notify"}


class NotifyStore(Store):
    """What the doors and couriers ask of the database."""

    documents = (NoticeDoc, SubscriptionDoc)

    def write(self, notices: Sequence[Notice]) -> list[Notice]:
        """Write the notices; those that were not there before."""
        if not notices:
            return []
        try:
            NoticeDoc._get_collection().insert_many([_to_document(notice) for notice in notices], ordered=False)
        except BulkWriteError as failed:
            return _fresh(notices, failed)
        return list(notices)

    def notice(self, notice_id: str) -> Notice | None:
        """The notice with this id."""
        found = NoticeDoc._get_collection().find_one({"_id": notice_id})
        return _from_document(found) if found else None

    def notices(self, recipient: str, after: str | None, limit: int) -> list[Notice]:
        """The recipient's notices, the latest first, from after the one given."""
        wanted: dict[str, Any] = {"recipient": recipient}
        if after is not None:
            wanted["_id"] = {"$lt": after}
        found = NoticeDoc._get_collection().find(wanted).sort("_id", -1).limit(limit)
        return [_from_document(document) for document in found]

    # --- subscriptions ---

    def subscribe(self, subscription: Subscription) -> None:
        """Put the subscription in the place of the recipient's earlier one."""
        document = msgspec.to_builtins(subscription, builtin_types=(datetime,))
        document["_id"] = document.pop("recipient")
        SubscriptionDoc._get_collection().replace_one({"_id": document["_id"]}, document, upsert=True)

    def unsubscribe(self, recipient: str) -> None:
        """Forget the subscription and its addresses."""
        SubscriptionDoc._get_collection().delete_one({"_id": recipient})

    def subscriptions(self, recipients: Iterable[str]) -> dict[str, Subscription]:
        """The subscriptions of those among the recipients who have one."""
        wanted = sorted(set(recipients))
        found = SubscriptionDoc._get_collection().find({"_id": {"$in": wanted}}) if wanted else ()
        return {document["_id"]: _subscription(document) for document in found}

    # --- deliveries ---

    def due(self, now: datetime, limit: int) -> list[tuple[Notice, datetime]]:
        """Notices with a delivery to try now, the longest waiting first, each with its `due_at`, which a claim
        must name.
        """
        due = {"due_at": {"$gt": _NEVER, "$lte": now}}
        found = NoticeDoc._get_collection().find(due).sort("due_at", 1).limit(limit)
        return [(_from_document(document), document["due_at"]) for document in found]

    def overdue(self, now: datetime, most: int) -> tuple[int, datetime | None]:
        """How many notices have a delivery that is due (more than `most` are not counted), and since when the first."""
        due = {"due_at": {"$gt": _NEVER, "$lte": now}}
        notices = NoticeDoc._get_collection()
        first = next(iter(notices.find(due, {"due_at": 1}).sort("due_at", 1).limit(1)), None)
        return (notices.count_documents(due, limit=most), first["due_at"]) if first else (0, None)

    def claim(self, notice_id: str, seen: datetime, now: datetime) -> str | None:
        """Claim the notice for a while; the claim's name, or None when somebody else was quicker."""
        claim = new_id()
        done = NoticeDoc._get_collection().update_one(
            {"_id": notice_id, "due_at": seen}, {"$set": {"due_at": now + LEASE, "claim": claim}}
        )
        return claim if done.modified_count else None

    def progress(
        self, notice_id: str, claim: str, deliveries: Sequence[Delivery], leased_until: datetime | None
    ) -> bool:
        """Note how far the deliveries are: under the claim until then, or free for the next try. False when the
        claim was lost.
        """
        until = leased_until or due_at(deliveries)
        change: dict[str, Any] = {"$set": {"deliveries": [msgspec.structs.asdict(each) for each in deliveries]}}
        if until is None:
            change["$unset"] = {"due_at": "", "claim": ""}
        else:
            change["$set"]["due_at"] = until
        done = NoticeDoc._get_collection().update_one({"_id": notice_id, "claim": claim}, change)
        return bool(done.matched_count)


def _fresh(notices: Sequence[Notice], failed: BulkWriteError) -> list[Notice]:
    """The notices that were written although others were there already; any other failure goes on."""
    errors = failed.details["writeErrors"]
    if failed.details.get("writeConcernErrors") or any(error["code"] != _DUPLICATE for error in errors):
        raise failed
    copies = {error["index"] for error in errors}
    return [notice for index, notice in enumerate(notices) if index not in copies]


def _to_document(notice: Notice) -> dict[str, Any]:
    document = msgspec.structs.asdict(notice)
    document["_id"] = document.pop("id")
    if notice.traceparent is None:
        del document["traceparent"]
    document["deliveries"] = [msgspec.structs.asdict(each) for each in notice.deliveries]
    next_try = due_at(notice.deliveries)
    return document if next_try is None else {**document, "due_at": next_try}


def _from_document(document: dict[str, Any]) -> Notice:
    return msgspec.convert({**document, "id": document["_id"]}, Notice)


def _subscription(document: dict[str, Any]) -> Subscription:
    return msgspec.convert({**document, "recipient": document["_id"]}, Subscription)
