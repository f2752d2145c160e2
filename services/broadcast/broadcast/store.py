"""Shows at rest: the only room that writes them. Each write is guarded by the revision and carries its events."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import reduce
from itertools import islice
from typing import Any, ClassVar

import msgspec
from mongoengine import Document
from pymongo.errors import DuplicateKeyError

from broadcast import domain, lineup
from broadcast.copies import Copies
from broadcast.documents import AllotmentDoc, HostDoc, ItemDoc, SaleDoc, SampleDoc, ShowDoc
from broadcast.domain import Decision
from broadcast.figures import Figures
from broadcast.lineup import Import, Known, LineupRow, Merged
from broadcast.shows import Show
from chassis import tracing
from chassis.mongo import Store
from chassis.refusals import NotFound, Unavailable
from chassis.rows import Good
from contracts.codec import record, to_document
from contracts.ids import new_id

_TRIES = 20
_KEPT_BY_OTHERS = (
    "show_id",
    "audience",
)  # the id is `_id`; audience counts are written past the revision, see `Figures`


class BroadcastStore(Copies, Figures, Store):
    """All that broadcast keeps: shows here, copies of others' facts in `Copies`, audience and sales in `Figures`."""

    documents: ClassVar[tuple[type[Document], ...]] = (ShowDoc, SampleDoc, SaleDoc, AllotmentDoc, ItemDoc, HostDoc)

    def show(self, show_id: str) -> Show:
        """The show; refused when there is none."""
        return _show(self._document(show_id))

    def shows(self, *, rehearsal: bool, state: str | None, after: str | None, limit: int) -> list[Show]:
        """Shows, the newest first, older than `after`."""
        chosen: dict[str, Any] = {"rehearsal": rehearsal}
        if state is not None:
            chosen["state"] = state
        if after is not None:
            chosen["_id"] = {"$lt": after}
        found = ShowDoc._get_collection().find(chosen, {"outbox": 0}).sort("_id", -1).limit(limit)
        return [_show(document) for document in found]

    def live(self) -> list[Show]:
        """Real shows that are on air."""
        return [
            _show(document)
            for document in ShowDoc._get_collection().find({"rehearsal": False, "state": "live"}, {"outbox": 0})
        ]

    def change(self, show_id: str, decide: Callable[[Show], Decision], now: datetime) -> Decision:
        """Load, decide, commit; decided anew when somebody else changed the show in between."""
        for _ in range(_TRIES):
            document = self._document(show_id)
            before = _show(document)
            decision = decide(before)
            if decision.show == before or self._commit(document, decision, now):
                return decision
        raise Unavailable("busy", "The show is being changed by others; try again.")

    def adopt(self, show_id: str, now: datetime) -> None:
        """Put the stock set aside for the show into its slots. Called after a write of either, so none is missed."""
        set_aside = self.allotments(show_id)
        self.change(show_id, lambda show: Decision(reduce(domain.allot, set_aside, show)), now)

    def plan(self, key: str, rows: Sequence[Good[LineupRow]], known: Known, how: Import, now: datetime) -> Merged:
        """Merge rows into the show of that key, or into a new one."""
        for _ in range(_TRIES):
            document, show = self._planned(key, how)
            merged = lineup.merge(show, rows, known, how)
            if merged.show == show or self._keep(document, merged.show, now):
                if merged.accepted:
                    self.adopt(show.show_id, now)
                return merged
        raise Unavailable("busy", "The show is being changed by others; try again.")

    def _planned(self, key: str, how: Import) -> tuple[dict[str, Any] | None, Show]:
        """The show that a line-up speaks of. A rehearsal that has ended is followed by another take."""
        newest = ShowDoc._get_collection().find({"show": key, "rehearsal": how.rehearsal}).sort("take", -1).limit(1)
        document = next(islice(newest, 1), None)
        if document is not None and not (how.rehearsal and document["state"] == "ended"):
            return document, _show(document)
        take = 1 if document is None else document["take"] + 1
        return None, Show(show_id=new_id(), show=key, programme="", rehearsal=how.rehearsal, take=take)

    def _keep(self, document: dict[str, Any] | None, show: Show, now: datetime) -> bool:
        if document is not None:
            return self._commit(document, Decision(show), now)
        fresh = {"_id": show.show_id, **_fields(show), "audience": {}, "revision": 1, "version": 0, "outbox": []}
        try:
            ShowDoc._get_collection().insert_one(fresh)
        except DuplicateKeyError:  # somebody else planned the same show just now: merge into theirs
            return False
        return True

    def _commit(self, document: dict[str, Any], decision: Decision, now: datetime) -> bool:
        """State and its events in one write, if the show is still as it was read."""
        first, at = document["version"] + 1, decision.show.then(now)
        events = [
            to_document(record(fact, source="broadcast", sequence=first + number, time=at, traceparent=tracing.here()))
            for number, fact in enumerate(decision.facts)
        ]
        written = ShowDoc._get_collection().update_one(
            {"_id": document["_id"], "revision": document["revision"]},
            {
                "$set": _fields(decision.show),
                "$inc": {"revision": 1, "version": len(events)},
                "$push": {"outbox": {"$each": events}},
            },
        )
        if written.matched_count and events:
            self.relay.publish(ShowDoc, [document["_id"]])
        return bool(written.matched_count)

    def _document(self, show_id: str) -> dict[str, Any]:
        document = ShowDoc._get_collection().find_one({"_id": show_id})
        if document is None:
            raise NotFound("no-such-show", "There is no such show.")
        return document


def _show(document: dict[str, Any]) -> Show:
    return msgspec.convert({**document, "show_id": document["_id"]}, Show)


def _fields(show: Show) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(show, builtin_types=(datetime,))
    return {name: value for name, value in fields.items() if name not in _KEPT_BY_OTHERS}
