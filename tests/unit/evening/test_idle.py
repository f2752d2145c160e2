"""A house is at rest when nothing is left that somebody has still to finish: each such thing is in the database."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pymongo
import pytest

from evening.idle import NotAtRest, Watch, until
from stack.engines import Engines

NOW = datetime.now(UTC)


@pytest.fixture
def watch(engines: Engines, database: str) -> Iterator[Watch]:
    with Watch(engines.kafka, engines.mongodb, groups={}, databases={"orders": database}) as watch:
        yield watch


@pytest.mark.parametrize(
    ("collection", "left", "done", "said"),
    [
        ("orders", {"state": "placed", "pay_by": NOW}, {"state": "paid"}, "orders are still to be paid or to lapse"),
        ("orders", {"owed": {"since": NOW}}, {"owed": None}, "orders still owe something"),
        ("allotments", {"pending": ["batch"]}, {"pending": []}, "allotments are still being sold from"),
        # Whoever packed it was killed, or lost the database, before it was closed: the sweep does it seconds later.
        ("parcels", {"state": "packing", "begun_at": NOW}, {"state": "packed"}, "parcels are still being packed"),
    ],
)
def test_what_is_left_half_done_is_no_rest(
    watch: Watch, mongodb: str, database: str, collection: str, left: dict[str, Any], done: dict[str, Any], said: str
) -> None:
    with pymongo.MongoClient[dict[str, Any]](mongodb) as client:
        client[database][collection].insert_one({"_id": "one", **left})
        assert watch.unsettled() == said
        client[database][collection].update_one({"_id": "one"}, {"$set": done})
        assert watch.unsettled() == ""


def test_what_moves_on_while_one_looks_is_seen_again(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    left = ["an order"]
    told: list[str] = []

    def unread(service: str, *_: str) -> dict[str, int]:
        """Whoever is asked what they have still to read has just read it, and has to publish something now."""
        told[:] = left and [service]
        left.clear()
        return {}

    monkeypatch.setattr(watch, "unsettled", lambda: "")
    monkeypatch.setattr(watch, "unread", unread)
    monkeypatch.setattr(watch, "unpublished", lambda service: service in told)
    assert watch.busy() == "orders has events to publish"
    assert watch.busy() == "orders has events to publish"
    told.clear()
    assert watch.busy() == ""


async def _soon(said: list[str], within: float) -> None:
    await until(lambda: said.pop() if said else "", within=within)


def test_a_house_is_given_as_much_longer_as_patience_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAtRest, match="after 0 s: busy"):
        asyncio.run(_soon(["busy"] * 9, within=0))
    monkeypatch.setenv("SHANHUO_PATIENCE", "1000")
    asyncio.run(_soon(["busy"] * 2, within=0.01))
