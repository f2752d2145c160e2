"""The documents at rest and their indexes. Their other fields are those of the nouns in `model/`."""

from mongoengine import DateTimeField, DictField, Document, IntField, ListField, LongField, StringField

from chassis.mongo import Aggregate


class AllotmentDoc(Aggregate):
    """Stock to sell. `pending` names the batches in it that may not be finished; batch ids sort by time."""

    id = StringField(primary_key=True)
    show_id = StringField()
    purpose = StringField()
    sku = StringField()
    county = StringField()
    pending = ListField(StringField())
    released = ListField(StringField())
    attend_since = DateTimeField()
    meta = {  # noqa: RUF012  mongoengine reads it once
        "collection": "allotments",
        "db_alias": "orders",
        "strict": False,
        "indexes": [
            {"fields": ["show_id"], "sparse": True},
            ("sku", "purpose"),
            "pending",
            {"fields": ["attend_since"], "sparse": True},
        ],
    }


class WindowDoc(Document):
    """The last price window of an allotment, kept because it may be told of before the allotment is."""

    id = StringField(primary_key=True)
    closes_at = DateTimeField()
    meta = {  # noqa: RUF012  mongoengine reads it once
        "collection": "windows",
        "db_alias": "orders",
        "strict": False,
        "indexes": ["closes_at"],
    }


class EndedShowDoc(Document):
    """A show that ended: an allotment that is told of later is closed at once."""

    id = StringField(primary_key=True)
    ended_at = DateTimeField()
    meta = {"collection": "ended_shows", "db_alias": "orders", "strict": False}  # noqa: RUF012  mongoengine reads it once


class OrderDoc(Aggregate):
    """An order. No two have a key of `keys` in common, the first is its request's; `owed` is what it still owes."""

    id = StringField(primary_key=True)
    buyer_id = StringField()
    allotment_id = StringField()
    county = StringField()
    state = StringField()
    keys = ListField(StringField())
    pay_by = DateTimeField()
    parcel_id = StringField()
    owed = ListField(DictField())
    meta = {  # noqa: RUF012  mongoengine reads it once
        "collection": "orders",
        "db_alias": "orders",
        "strict": False,
        "indexes": [
            {"fields": ["keys"], "unique": True},
            ("buyer_id", "id"),
            ("county", "state", "id"),
            # Sparse: most orders are paid and owe nothing, and every index of a document costs each of its writes.
            {"fields": ["pay_by"], "sparse": True},
            {"fields": ["owed.since"], "sparse": True},
        ],
    }


class BucketDoc(Aggregate):
    """Units of an allotment that a replica sells from its own document. Never removed: a late loan must find it."""

    id = StringField(primary_key=True)
    allotment_id = StringField()
    pending = ListField(StringField())
    owed = ListField(DictField())
    meta = {  # noqa: RUF012  mongoengine reads it once
        "collection": "buckets",
        "db_alias": "orders",
        "strict": False,
        "indexes": ["allotment_id", "pending", {"fields": ["owed.since"], "sparse": True}],
    }


class CouponDoc(Document):
    """A show's coupon. It tells nobody anything, so it has no outbox."""

    id = StringField(primary_key=True)
    show_id = StringField()
    held_since = DateTimeField()
    meta = {  # noqa: RUF012  mongoengine reads it once
        "collection": "coupons",
        "db_alias": "orders",
        "strict": False,
        "indexes": ["show_id", {"fields": ["held_since"], "sparse": True}],
    }


class ParcelDoc(Aggregate):
    """A parcel; `packing` while its orders are being claimed."""

    id = StringField(primary_key=True)
    buyer_id = StringField()
    county = StringField()
    state = StringField()
    begun_at = DateTimeField()
    complete_at = DateTimeField()
    meta = {  # noqa: RUF012  mongoengine reads it once
        "collection": "parcels",
        "db_alias": "orders",
        "strict": False,
        "indexes": [
            ("county", "state", "id"),
            ("buyer_id", "id"),
            ("state", "begun_at"),
            {"fields": ["complete_at"], "sparse": True},
        ],
    }


class WaitlistDoc(Aggregate):
    """A buyer's place on the waitlist of an allotment, or a pre-order of an item's next lot."""

    id = StringField(primary_key=True)
    allotment_id = StringField()
    buyer_id = StringField()
    state = StringField()
    ticket = LongField()
    preorder_of = StringField()
    meta = {  # noqa: RUF012  mongoengine reads it once
        "collection": "waitlist",
        "db_alias": "orders",
        "strict": False,
        "indexes": [
            ("allotment_id", "state", "ticket"),
            ("buyer_id", "id"),
            {"fields": ["preorder_of"], "sparse": True},
        ],
    }


class NextLotsDoc(Document):
    """The lots of an item whose days of harvest are known, as catalog listed them."""

    id = StringField(primary_key=True)
    sequence = IntField()
    meta = {"collection": "next_lots", "db_alias": "orders", "strict": False}  # noqa: RUF012  mongoengine reads it once


class DeclinedDoc(Aggregate):
    """A declined order of another platform; `number_key` is its line's, under which other things may be asked too."""

    id = StringField(primary_key=True)
    number_key = StringField()
    meta = {  # noqa: RUF012  mongoengine reads it once
        "collection": "declined",
        "db_alias": "orders",
        "strict": False,
        "indexes": ["number_key"],
    }


class HubDoc(Document):
    """A collection point or logistics centre."""

    id = StringField(primary_key=True)
    county = StringField()
    sequence = IntField()
    meta = {"collection": "hubs", "db_alias": "orders", "strict": False, "indexes": ["county"]}  # noqa: RUF012  as above
