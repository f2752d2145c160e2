"""The catalog at rest, on a real database: one write for state and events, and whoever comes second decides again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.catalog.goods import NOW, closed, kiwi, missed, wish

from catalog import allotments, domain, files
from catalog.documents import CountyDoc, HubDoc, ItemDoc, ProducerDoc, SignalDoc
from catalog.domain import Change, Item
from catalog.rows import AllotmentRow, CountyRow, HubRow, ItemRow
from catalog.settings import CatalogSettings
from catalog.signals import Telling
from catalog.store import CatalogStore
from chassis.config import load
from chassis.refusals import Conflict, Invalid, NotFound
from chassis.rows import Good, Refused, read
from chassis.testing import FakeRelay, connected

DATA = Path(__file__).parents[3] / "deploy/data"


@pytest.fixture
def store(settings: dict[str, str]) -> Iterator[CatalogStore]:
    """A store on an empty database."""
    loaded = load(CatalogSettings, settings)
    with connected(loaded, "catalog", CatalogStore.documents):
        yield CatalogStore(FakeRelay(), loaded)  # type: ignore[arg-type]  # it only remembers what it is told


@pytest.fixture
def stocked(store: CatalogStore) -> CatalogStore:
    """A store with 100 boxes of kiwi."""
    assert store.commit([domain.change(None, replace(kiwi(100), version=0))], NOW) == set()
    return store


def rows(name: str, row_type: Any) -> list[Good[Any] | Refused]:
    """The rows of one of the files that come with the project."""
    return list(read((DATA / name).read_text(encoding="utf-8"), row_type))


def outbox(document: Any, key: str) -> list[tuple[str, str, int]]:
    """Type, subject and sequence of the events waiting in a document."""
    found = document._get_collection().find_one({"_id": key})
    return [(event["type"], event["subject"], event["sequence"]) for event in found.get("outbox", [])]


def kiwi_now(store: CatalogStore) -> Item:
    """The item as it is kept."""
    item = store.item("kiwi")
    assert item
    assert domain.balance(item) == 0
    return item


def grant(store: CatalogStore, key: str, quantity: int = 10, **wanted: Any) -> allotments.Granted:
    """Ask for kiwi."""
    return allotments.grant(store, "520123", "XW-KIWI-5", wish(quantity, **wanted), key=key, now=NOW)


def test_the_projects_files_land_whole_and_the_second_time_nothing_changes(store: CatalogStore) -> None:
    """Counties, hubs, items: every row accepted, then every row unchanged, with one event each."""
    for expected in ("accepted", "unchanged"):
        reports = [
            files.land_counties(store, rows("counties.csv", CountyRow), NOW).report(),
            files.land_hubs(store, rows("hubs.csv", HubRow), None, NOW).report(),
            files.land_items(store, rows("items.csv", ItemRow), None, NOW).report(),
        ]
        assert [report.refused for report in reports] == [[], [], []]
        assert [getattr(report, expected) for report in reports] == [8, 23, 21]
    assert outbox(CountyDoc, "520123") == [("county.listed", "520123", 1)]
    assert outbox(HubDoc, "520123-C") == [("hub.listed", "520123-C", 1)]
    for item in store.items_page(None, None, 100):
        assert outbox(ItemDoc, item.id) == [("item.listed", item.id, 1)]
        assert ProducerDoc._get_collection().count_documents({"_id": item.details.producer_id}) == 1


def test_items_carry_a_countys_new_name(store: CatalogStore) -> None:
    """Renaming the county lists its items anew, and no others."""
    counties = rows("counties.csv", CountyRow)
    files.land_counties(store, counties, NOW)
    files.land_items(store, rows("items.csv", ItemRow), None, NOW)
    renamed = [
        Good(row.number, replace(row.row, name_en="Xiuwen County") if row.row.code == "520123" else row.row)
        for row in counties
        if isinstance(row, Good)
    ]
    assert files.land_counties(store, renamed, NOW).accepted == {2}
    versions = {(item.details.county_name_en, item.version) for item in store.items_page(None, None, 100)}
    assert {name for name, version in versions if version == 2} == {"Xiuwen County"}
    assert outbox(CountyDoc, "520123")[-1] == ("county.listed", "520123", 2)


def test_an_allotment_and_its_event_are_one_write(stocked: CatalogStore) -> None:
    """The relay is told; the allotment is told of as the first fact of its own."""
    granted = grant(stocked, "office:k1", 40)
    assert granted.fresh
    assert kiwi_now(stocked).on_hand == 60
    assert outbox(ItemDoc, "kiwi")[-1] == ("stock.allotted", granted.allotment.id, 1)
    assert (ItemDoc, "kiwi") in stocked.relay.told  # type: ignore[attr-defined]  # the FakeRelay's own


def test_the_same_request_twice_is_granted_once(stocked: CatalogStore) -> None:
    """The second answer is the first one's allotment."""
    first, second = grant(stocked, "office:k1"), grant(stocked, "office:k1")
    assert second.allotment == first.allotment
    assert not second.fresh
    assert kiwi_now(stocked).on_hand == 90


def test_a_key_used_for_another_request_is_refused(stocked: CatalogStore) -> None:
    """Same key, other quantity: 422, and nothing is set aside."""
    grant(stocked, "office:k1", 10)
    with pytest.raises(Invalid, match="idempotency-key-reused"):
        grant(stocked, "office:k1", 11)
    assert kiwi_now(stocked).on_hand == 90


def test_a_refused_request_may_be_made_again_when_there_is_stock(stocked: CatalogStore) -> None:
    """The key is not used up by a refusal."""
    with pytest.raises(Conflict, match="insufficient-stock"):
        grant(stocked, "office:k1", 101)
    item = kiwi_now(stocked)
    stocked.commit([domain.change(item, domain.receive(item, replace(item.lots[0], quantity=200)))], NOW)
    assert grant(stocked, "office:k1", 101).fresh


def test_an_unknown_item_cannot_be_allotted(store: CatalogStore) -> None:
    """404, not an empty allotment."""
    with pytest.raises(NotFound):
        grant(store, "office:k1")


def test_whoever_wants_the_last_units_second_gets_none(stocked: CatalogStore) -> None:
    """Both read 100 on hand; the second conditional update finds fewer."""
    item = kiwi_now(stocked)
    first, second = (domain.allot(item, wish(60), allotment_id=name, now=NOW) for name in ("a1", "a2"))
    assert stocked.set_aside(item, first, NOW)
    assert not stocked.set_aside(item, second, NOW)
    assert kiwi_now(stocked).on_hand == 40


def test_a_slot_that_two_want_at_once_gets_its_stock_once(stocked: CatalogStore) -> None:
    """The placement guards the update, whatever is on hand."""
    item = kiwi_now(stocked)
    wanted = wish(10, purpose="slot", show_id="s", slot=1, placement="slot:s:1")
    first, second = (domain.allot(item, wanted, allotment_id=name, now=NOW) for name in ("a1", "a2"))
    assert stocked.set_aside(item, first, NOW)
    assert not stocked.set_aside(item, second, NOW)


def test_a_change_decided_on_an_old_state_is_not_written(stocked: CatalogStore) -> None:
    """Its item is named, and the others are written."""
    old = kiwi_now(stocked)
    grant(stocked, "office:k1")
    other = replace(kiwi(5), id="dry", sku="XW-KIWI-DRY", version=0)
    changes = [domain.change(old, domain.receive(old, replace(old.lots[0], quantity=1))), domain.change(None, other)]
    assert stocked.commit(changes, NOW) == {"kiwi"}
    assert kiwi_now(stocked).on_hand == 90
    assert stocked.item("dry")


def test_an_item_that_two_files_bring_at_once_is_one_item(stocked: CatalogStore) -> None:
    """The second insert of a (county, sku) loses."""
    twin = replace(kiwi(5), id="twin", version=0)
    assert stocked.commit([domain.change(None, twin)], NOW) == {"twin"}
    assert stocked.item("twin") is None


class Overtaken(CatalogStore):
    """A store in which somebody else allots kiwi just before the first commit."""

    overtaken = False

    def commit(self, changes: Any, now: Any) -> set[str]:
        """Be overtaken once."""
        if not self.overtaken:
            self.overtaken = True
            grant(self, "other:k1", 30)
        return super().commit(changes, now)


def test_a_file_that_was_overtaken_is_decided_again(stocked: CatalogStore) -> None:
    """80 were on hand when the file was read, 70 are left when it is written: its row for 75 is refused."""
    overtaken = Overtaken(stocked.relay, stocked.settings)
    rows = [
        Good(2, AllotmentRow(county="520123", sku="XW-KIWI-5", quantity=60, purpose="shelf")),
        Good(3, AllotmentRow(county="520123", sku="XW-KIWI-5", quantity=30, purpose="slot", show_id="s", slot=1)),
    ]
    report = files.land_allotments(overtaken, rows, None, NOW).report()
    assert (report.rows, report.accepted) == (2, 1)
    assert [row.field for row in report.refused] == ["quantity"]
    assert kiwi_now(stocked).on_hand == 10


def test_what_was_not_sold_comes_back_once(stocked: CatalogStore) -> None:
    """Twice in one batch, then in another: units come back once; unknown and rehearsed allotments change nothing."""
    made = grant(stocked, "office:k1", 40).allotment
    told = closed(made, sold=25)
    noise = [closed(made, sold=0, allotment_id="unknown"), closed(made, sold=0, revision=9, rehearsal=True)]
    assert allotments.take_back(stocked, [told, *noise, told], NOW) == 15
    assert allotments.take_back(stocked, [told], NOW) == 0
    assert allotments.take_back(stocked, [closed(made, sold=24, revision=2)], NOW) == 1
    assert kiwi_now(stocked).on_hand == 76


def test_closes_of_many_allotments_of_one_item_are_one_write(stocked: CatalogStore) -> None:
    """Each counts."""
    made = [grant(stocked, f"office:k{n}", 10).allotment for n in range(5)]
    before = kiwi_now(stocked).stamp
    assert allotments.take_back(stocked, [closed(each, sold=4) for each in made], NOW) == 30
    assert kiwi_now(stocked).on_hand == 80
    assert kiwi_now(stocked).stamp != before


def test_missed_demand_is_added_up_once(store: CatalogStore) -> None:
    """Two batches of the same tellings make one signal with each unit once; tellers may have any name."""
    told = [
        Telling("a.1$", 1, missed(3)),
        Telling("a.1$", 2, missed(4)),
        Telling("a2", 1, missed(5, reason="waitlist")),
    ]
    assert allotments.hear_demand(store, told) == {"sold_out": 7, "waitlist": 5}
    assert allotments.hear_demand(store, told) == {}
    assert allotments.hear_demand(store, [Telling("a.1$", 3, missed(1))]) == {"sold_out": 1}
    assert [(s.reason, s.quantity) for s in store.signals_page("520123", None, 9)] == [("sold_out", 8), ("waitlist", 5)]
    assert store.signals_page("522634", None, 9) == []


def test_a_page_goes_on_where_the_last_one_ended(store: CatalogStore) -> None:
    """One more than the limit is looked up, so that the end is known."""
    items = [replace(kiwi(1), id=f"i{n}", sku=f"S{n}", version=0) for n in range(5)]
    store.commit([domain.change(None, item) for item in items], NOW)
    assert [item.id for item in store.items_page("520123", None, 2)] == ["i0", "i1", "i2"]
    assert [item.id for item in store.items_page("520123", "i2", 2)] == ["i3", "i4"]


def test_a_kept_item_reads_as_it_was_written(stocked: CatalogStore) -> None:
    """Days, instants and nested parts survive the way through the database."""
    grant(stocked, "office:k1", 10, per_buyer_limit=3)
    kept = kiwi_now(stocked)
    again = [Change(kept, replace(kept, on_hand=kept.on_hand), ())]
    assert stocked.commit(again, NOW) == set()
    assert replace(kiwi_now(stocked), stamp="") == replace(kept, stamp="")


def test_signals_have_no_outbox(store: CatalogStore) -> None:
    """They cause no events."""
    allotments.hear_demand(store, [Telling("a1", 1, missed(3))])
    row = SignalDoc._get_collection().find_one({})
    assert row
    assert "outbox" not in row


def test_a_signal_of_an_earlier_version_is_heard_on(store: CatalogStore) -> None:
    """It knew the last number of a teller alone: whatever came before is heard."""
    allotments.hear_demand(store, [Telling("a1", 3, missed(5))])
    SignalDoc._get_collection().update_one({}, {"$set": {"seen": [{"teller": "a1", "sequence": 3}]}})
    again = [Telling("a1", 2, missed(5)), Telling("a1", 3, missed(5)), Telling("a1", 5, missed(4))]
    assert sum(allotments.hear_demand(store, again).values()) == 4
    assert sum(allotments.hear_demand(store, [*again, Telling("a1", 4, missed(2))]).values()) == 2


def test_a_close_that_comes_after_its_correction_changes_nothing(stocked: CatalogStore) -> None:
    """The first was replayed from the dead letters."""
    granted = allotments.grant(stocked, "520123", "XW-KIWI-5", wish(10), key="k1", now=NOW).allotment
    correction = closed(granted, sold=4, revision=2)
    assert allotments.take_back(stocked, [correction], NOW) == 6
    before = kiwi_now(stocked)
    assert allotments.take_back(stocked, [closed(granted, sold=7, revision=1)], NOW) == 0
    assert kiwi_now(stocked) == before
