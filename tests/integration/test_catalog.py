"""The catalog as a running service: files in by HTTP, events out on Kafka, closes and missed demand in, each twice."""

import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.scraped import page, value
from tests.starting import Starter

from chassis.config import Settings, load
from chassis.producer import Producer
from chassis.testing import eventually, patience
from contracts.codec import Event, decode, record, to_message
from contracts.events import AllotmentClosed, DemandMissed, Fact
from contracts.ids import new_id
from contracts.metrics import DEMAND_MISSED, IMPORT_ROWS, UNITS_ALLOTTED
from stack.engines import Engines
from stack.reading import messages
from stack.services import Service

DATA = Path(__file__).parents[2] / "deploy/data"
NOW = datetime(2018, 12, 3, 12, 0, tzinfo=UTC)
XIUWEN, LEISHAN = "520123", "522634"
ITEMS = (
    "sku,county,kind,name_zh,name_en,unit,weight_g,price_fen,live_price_fen,stock,origin_village,"
    "geographical_indication,harvested_on,shelf_life_days"
)


@pytest.fixture(scope="module")
def catalog(starter: Starter) -> Iterator[Service]:
    """A catalog of this module's own, with the project's counties, hubs and items."""
    service = starter("catalog")
    try:
        for name in ("counties", "hubs", "items"):
            report = upload(platform(service), f"/{name}/import", (DATA / f"{name}.csv").read_text(encoding="utf-8"))
            assert report["refused"] == []
            assert report["accepted"] == report["rows"]
        yield service
    finally:
        service.stop()
        starter.drop(service)


@pytest.fixture
def producer(settings: dict[str, str]) -> Iterator[Producer]:
    """Says what orders would say."""
    producer = Producer(load(Settings, settings))
    yield producer
    producer.close()


def platform(service: Service) -> httpx.Client:
    """The platform's own people."""
    return service.client("engineer", ["platform"], timeout=60 * patience())


def office(service: Service, county: str = XIUWEN) -> httpx.Client:
    """A county's e-commerce office."""
    return service.client(f"office-{county}", ["county"], county)


def upload(client: httpx.Client, path: str, text: str) -> dict[str, Any]:
    """What became of a file's rows."""
    answer = client.post(path, content=text.encode(), headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def new_item(service: Service, stock: int = 100, county: str = XIUWEN) -> str:
    """The sku of a fresh item with this stock."""
    sku = f"T-{secrets.token_hex(6)}"
    row = f"{sku},{county},produce,干果,Dried fruit,bag,250,2000,1500,{stock},六屯镇,,2018-10-20,270"
    assert upload(platform(service), "/items/import", f"{ITEMS}\n{row}\n")["accepted"] == 1
    return sku


def ask(
    service: Service, sku: str, quantity: int = 1, *, key: str = "", county: str = XIUWEN, **more: Any
) -> httpx.Response:
    """Ask for an allotment, as the item's county."""
    body = {"county": county, "sku": sku, "quantity": quantity, "purpose": "shelf"} | more
    return office(service, county).post("/allotments", json=body, headers={"Idempotency-Key": key or new_id()})


def stock_of(service: Service, sku: str, county: str = XIUWEN) -> dict[str, int]:
    """The figures of an item's stock."""
    [found] = [row for row in listed(office(service, county), "/stock") if row["sku"] == sku]
    assert found["received"] == found["on_hand"] + found["allotted"] - found["returned"]
    return {name: found[name] for name in ("on_hand", "allotted", "sold", "returned")}


def listed(client: httpx.Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    rows: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        page = client.get(path, params={"limit": 200, **query, **after}).json()
        rows += page["items"]
        if page["next"] is None:
            return rows
        after = {"after": page["next"]}


def told(engines: Engines, topic: str) -> list[Event]:
    """Everything on a topic now."""
    return [decode(message.headers, message.value) for message in messages(engines.kafka, [topic])]


def tell_twice(producer: Producer, facts: Iterable[tuple[Fact, int]], aggregate: str | None = None) -> None:
    """Publish each fact as orders would, and then every one of them again."""
    messages = [
        to_message(record(fact, source="orders", sequence=sequence, time=NOW, aggregate=aggregate))
        for fact, sequence in facts
    ]
    producer.send([*messages, *messages])


def closed(allotment: dict[str, Any], sold: int, revision: int = 1, **fields: Any) -> AllotmentClosed:
    """The close of an allotment that the catalog made."""
    same = {
        name: allotment[name]
        for name in ("allotment_id", "item_id", "county", "sku", "name_zh", "name_en", "producer_id", "offered")
    }
    told = {
        "sold": sold,
        "returned": allotment["offered"] - sold,
        "revision": revision,
        "rehearsal": False,
        "closed_at": NOW,
    }
    return AllotmentClosed(**(same | told | fields))


def test_files_imported_twice_change_nothing_the_second_time(catalog: Service, engines: Engines) -> None:
    """All rows unchanged, no second event, the same stock."""
    before = listed(platform(catalog), "/stock")
    for name, rows in (("counties", 8), ("hubs", 23), ("items", 21)):
        report = upload(platform(catalog), f"/{name}/import", (DATA / f"{name}.csv").read_text(encoding="utf-8"))
        assert report == {"rows": rows, "accepted": 0, "unchanged": rows, "refused": []}
    again = {row["item_id"]: row for row in listed(platform(catalog), "/stock")}
    assert [again[row["item_id"]] for row in before] == before
    items = {row["item_id"] for row in before}
    events = eventually(lambda: _all_told(engines, items))
    assert {(event.subject, event.sequence) for event in events} == {(item, 1) for item in items}


def _all_told(engines: Engines, items: set[str]) -> list[Event]:
    events = [event for event in told(engines, "item.listed") if event.subject in items]
    assert {event.subject for event in events} == items
    return events


def test_every_bad_row_is_reported_and_the_good_ones_land(catalog: Service) -> None:
    """Number, field and reason of each; the file's good row is there."""
    good, other = f"T-{secrets.token_hex(6)}", f"T-{secrets.token_hex(6)}"
    fine = f"{XIUWEN},produce,干果,Dried fruit,bag,250,2000,1500,5,六屯镇,,2018-10-20,270"
    lines = [
        ITEMS,
        f"{good},{fine}",
        f"{other},{XIUWEN},produce,干果,Dried fruit,bag,250,2000,1500,many,六屯镇,,2018-10-20,270",
        f"{other},{XIUWEN},produce,干果,Dried fruit,bag,250,2000,2500,5,六屯镇,,2018-10-20,270",
        f"{other},999999,produce,干果,Dried fruit,bag,250,2000,1500,5,六屯镇,,2018-10-20,270",
        f"{other},{XIUWEN},fruit,干果,Dried fruit,bag,250,2000,1500,5,六屯镇,,2018-10-20,270",
        f"{other},{XIUWEN},produce,,Dried fruit,bag,250,2000,1500,5,六屯镇,,2018-13-20,270",
        f"{good},{fine}",
        "short,row",
    ]
    report = upload(platform(catalog), "/items/import", "\n".join(lines))
    assert (report["rows"], report["accepted"], report["unchanged"]) == (8, 1, 0)
    fields = {3: "stock", 4: "live_price_fen", 5: "county", 6: "kind", 8: "sku", 9: None}
    found = {row["row"]: row for row in report["refused"]}
    assert {number: found[number]["field"] for number in fields} == fields
    assert set(found) == {3, 4, 5, 6, 7, 8, 9}
    assert found[8]["reason"] == "repeats row 2"
    assert all(row["reason"] for row in report["refused"])
    assert stock_of(catalog, good)["on_hand"] == 5


def test_a_file_without_its_columns_is_refused_whole(catalog: Service) -> None:
    """The answer is a problem that names them."""
    answer = platform(catalog).post(
        "/items/import", content=b"sku,county\nA,520123\n", headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "live_price_fen" in answer.json()["missing"]


def test_a_county_office_brings_its_own_rows_and_no_others(catalog: Service) -> None:
    """The others' are refused row by row, in every file; counties are the platform's."""
    items = upload(office(catalog, LEISHAN), "/items/import", (DATA / "items.csv").read_text(encoding="utf-8"))
    assert (items["unchanged"], {row["field"] for row in items["refused"]}) == (2, {"county"})
    hubs = upload(office(catalog, LEISHAN), "/hubs/import", (DATA / "hubs.csv").read_text(encoding="utf-8"))
    assert hubs["unchanged"] + len(hubs["refused"]) == 23
    sku = new_item(catalog)
    lots = upload(office(catalog, LEISHAN), "/lots/import", f"lot,sku,county,quantity\nL2,{sku},{XIUWEN},5\n")
    assert [row["field"] for row in lots["refused"]] == ["county"]
    rows = f"county,sku,quantity,purpose\n{XIUWEN},{sku},5,shelf\n"
    assert upload(office(catalog, LEISHAN), "/allotments/import", rows)["accepted"] == 0
    answer = office(catalog).post("/counties/import", content=b"code\n", headers={"Content-Type": "text/csv"})
    assert answer.status_code == 403


def test_a_foreign_office_sees_and_allots_nothing(catalog: Service) -> None:
    """403 for what names another county; lists show its own only."""
    sku = new_item(catalog)
    foreign = office(catalog, LEISHAN)
    body = {"county": XIUWEN, "sku": sku, "quantity": 1, "purpose": "shelf"}
    assert foreign.post("/allotments", json=body, headers={"Idempotency-Key": "k"}).status_code == 403
    for path in ("/stock", "/signals"):
        assert foreign.get(path, params={"county": XIUWEN}).status_code == 403
        assert {row["county"] for row in listed(foreign, path)} <= {LEISHAN}
    assert stock_of(catalog, sku)["allotted"] == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/counties/import"),
        ("POST", "/hubs/import"),
        ("POST", "/items/import"),
        ("POST", "/lots/import"),
        ("POST", "/allotments/import"),
        ("POST", "/allotments"),
        ("GET", "/stock"),
        ("GET", "/signals"),
    ],
)
def test_a_buyer_and_nobody_are_kept_out(catalog: Service, method: str, path: str) -> None:
    """401 without a token, 403 with a buyer's, 403 with an office's that names no county."""
    assert catalog.client(None).request(method, path).status_code == 401
    assert catalog.client("b1", ["buyer"]).request(method, path).status_code == 403


def test_an_office_without_a_county_is_nobodys_office(catalog: Service) -> None:
    """Its token must say which county it is of."""
    assert catalog.client("office", ["county"]).get("/stock").status_code == 403


def test_anybody_may_see_an_item_and_where_it_comes_from(catalog: Service) -> None:
    """Village, harvest, indication and certificate, without a token and without stock figures."""
    nobody = catalog.client(None)
    [kiwi] = [item for item in listed(nobody, "/items", county=XIUWEN) if item["sku"] == "XW-KIWI-5"]
    item = nobody.get(f"/items/{kiwi['item_id']}").json()
    assert item == kiwi
    assert item["lots"][0]["origin_village"] == "谷堡镇"
    assert item["lots"][0]["geographical_indication"] == "修文猕猴桃"
    assert item["lots"][0]["harvested_on"] == "2018-10-05"
    assert "on_hand" not in item
    assert nobody.get("/items/none").status_code == 404


def test_a_list_goes_on_where_its_page_ended(catalog: Service) -> None:
    """Pages of seven hold the same items as one page, each once, in the order of their ids."""
    nobody = catalog.client(None)
    whole = [item["item_id"] for item in listed(nobody, "/items", county=XIUWEN)]
    assert [item["item_id"] for item in listed(nobody, "/items", county=XIUWEN, limit=7)] == whole
    assert sorted(set(whole)) == whole


def test_a_lot_with_its_certificate_is_listed(catalog: Service, engines: Engines) -> None:
    """A lots file adds stock and says what vouches for it; the item is told of anew."""
    sku = new_item(catalog, 10)
    header = (
        "lot,sku,county,origin_village,harvested_on,quantity,geographical_indication,certificate,certificate_expires_on"
    )
    row = f"L2,{sku},{XIUWEN},六屯镇,2018-11-01,15,,GB/T 1234,2019-11-01"
    assert upload(office(catalog), "/lots/import", f"{header}\n{row}\n")["accepted"] == 1
    assert stock_of(catalog, sku)["on_hand"] == 25
    events = eventually(lambda: [event for event in told(engines, "item.listed") if event.data.sku == sku][1:])
    assert events[0].sequence == 2
    assert events[0].data.lots[1].certificate == "GB/T 1234"


def test_an_allotment_is_answered_told_of_and_taken_from_stock_once(catalog: Service, engines: Engines) -> None:
    """The same request again gets the same answer; one event is on the topic."""
    sku = new_item(catalog, 100)
    asked = {"purpose": "slot", "show_id": f"show-{sku}", "slot": 1, "per_buyer_limit": 3}
    answers = [ask(catalog, sku, 40, key=f"k-{sku}", **asked) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    [made] = {answer.text for answer in answers}
    allotment = answers[0].json()
    assert (allotment["price_fen"], allotment["offered"]) == (1500, 40)
    assert allotment["allotment_id"] in made
    assert stock_of(catalog, sku) == {"on_hand": 60, "allotted": 40, "sold": 0, "returned": 0}
    [event] = eventually(lambda: [event for event in told(engines, "stock.allotted") if event.data.sku == sku])
    assert (event.subject, event.sequence) == (allotment["allotment_id"], 1)
    assert (event.data.show_id, event.data.slot, event.data.per_buyer_limit) == (f"show-{sku}", 1, 3)


def test_more_than_is_on_hand_is_refused_with_the_figures(catalog: Service) -> None:
    """409 with on_hand and asked; a reused key is 422."""
    sku = new_item(catalog, 5)
    answer = ask(catalog, sku, 6, key=f"k-{sku}")
    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["type"], problem["on_hand"], problem["asked"]) == ("/problems/insufficient-stock", 5, 6)
    reused = ask(catalog, sku, 5, key=f"k-{sku}")
    assert (reused.status_code, reused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert stock_of(catalog, sku)["on_hand"] == 5


def test_of_many_who_want_the_last_units_at_once_only_as_many_get_them_as_there_are(catalog: Service) -> None:
    """20 ask for 10 of 100 at the same moment, each twice with the same key: 10 get them."""
    sku = new_item(catalog, 100)
    keys = [f"k-{sku}-{number}" for number in range(20)] * 2
    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda key: ask(catalog, sku, 10, key=key), keys))
    granted = {answer.json()["allotment_id"] for answer in answers if answer.status_code == 201}
    assert len(granted) == 10
    assert {answer.status_code for answer in answers} == {201, 409}
    assert stock_of(catalog, sku) == {"on_hand": 0, "allotted": 100, "sold": 0, "returned": 0}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"purpose": "gift"}, "purpose"),
        ({"purpose": "slot", "slot": 1}, "show_id"),
        ({"slot": 1}, "slot"),
    ],
)
def test_a_request_that_makes_no_sense_is_answered_with_its_field(
    catalog: Service, more: dict[str, Any], field: str
) -> None:
    """422, before anything is looked up."""
    answer = ask(catalog, "XW-KIWI-5", **more)
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["field"]


def test_a_slot_is_given_its_stock_once(catalog: Service) -> None:
    """Another request for the slot names the allotment that is there; its file row is unchanged."""
    sku = new_item(catalog)
    slot = {"purpose": "slot", "show_id": f"show-{sku}", "slot": 2}
    first = ask(catalog, sku, 10, **slot).json()
    second = ask(catalog, sku, 10, **slot)
    assert (second.status_code, second.json()["allotment_id"]) == (409, first["allotment_id"])
    row = f"county,sku,quantity,purpose,show_id,slot\n{XIUWEN},{sku},10,slot,show-{sku},2\n"
    assert upload(office(catalog), "/allotments/import", row)["unchanged"] == 1


def test_a_file_of_allotments_imported_twice_sets_stock_aside_once(catalog: Service, engines: Engines) -> None:
    """Slot and shelf rows land; what is too much is refused with the reason."""
    sku, scarce = new_item(catalog, 100), new_item(catalog, 5)
    rows = "\n".join(
        [
            "county,sku,quantity,purpose,show_id,slot,price_fen,per_buyer_limit",
            f"{XIUWEN},{sku},40,slot,show-{sku},1,,3",
            f"{XIUWEN},{sku},30,shelf,,,1800,",
            f"{XIUWEN},{scarce},6,shelf,,,,",
        ]
    )
    first, second = (upload(office(catalog), "/allotments/import", rows) for _ in range(2))
    assert (first["accepted"], second["accepted"], second["unchanged"]) == (2, 0, 2)
    assert "5 are on hand" in first["refused"][0]["reason"]
    assert stock_of(catalog, sku)["on_hand"] == 30
    events = eventually(lambda: [event for event in told(engines, "stock.allotted") if event.data.sku == sku])
    assert sorted(event.data.price_fen for event in events) == [1500, 1800]


def test_what_was_not_sold_comes_back_once_though_told_twice(catalog: Service, producer: Producer) -> None:
    """A close, its correction, each delivered twice; a rehearsal's close leaves no trace."""
    sku = new_item(catalog, 100)
    allotment = ask(catalog, sku, 40).json()
    tell_twice(producer, [(closed(allotment, 25), 1)])
    eventually(lambda: stock_of(catalog, sku) == {"on_hand": 75, "allotted": 40, "sold": 25, "returned": 15})
    rehearsed = closed(allotment, 0, 9, rehearsal=True)
    tell_twice(producer, [(rehearsed, 2), (closed(allotment, 24, 2), 3)])
    eventually(lambda: stock_of(catalog, sku) == {"on_hand": 76, "allotted": 40, "sold": 24, "returned": 16})
    marker = ask(catalog, sku, 10).json()
    tell_twice(producer, [(closed(allotment, 25), 4), (closed(marker, 10), 1)])
    eventually(lambda: stock_of(catalog, sku) == {"on_hand": 66, "allotted": 50, "sold": 34, "returned": 16})


def test_a_close_that_contradicts_the_stock_is_set_aside_and_the_rest_goes_on(
    catalog: Service, engines: Engines, producer: Producer
) -> None:
    """Its reason is in the dead letters; the next close counts."""
    sku = new_item(catalog, 100)
    bad, good = ask(catalog, sku, 40).json(), ask(catalog, sku, 10).json()
    tell_twice(producer, [(closed(bad, 30, returned=30), 1), (closed(good, 4), 1)])
    eventually(lambda: stock_of(catalog, sku) == {"on_hand": 56, "allotted": 50, "sold": 4, "returned": 6}, within=20)
    eventually(lambda: [event for event in told(engines, "allotment.closed.dlq") if event.data.sku == sku], within=20)


def test_missed_demand_is_a_signal_that_counts_each_unit_once(catalog: Service, producer: Producer) -> None:
    """Told twice, added once, shown to the county it concerns."""
    sku = new_item(catalog)
    [item] = [item for item in listed(catalog.client(None), "/items", county=XIUWEN) if item["sku"] == sku]

    def missed(quantity: int, reason: Any) -> DemandMissed:
        return DemandMissed(
            item_id=item["item_id"], county=XIUWEN, sku=sku, quantity=quantity, reason=reason, missed_at=NOW
        )

    facts = [(missed(3, "sold_out"), 1), (missed(4, "sold_out"), 2), (missed(2, "waitlist"), 3)]
    tell_twice(producer, facts, aggregate=new_id())
    expected = [("2018-W49", "sold_out", 7), ("2018-W49", "waitlist", 2)]

    def signals(county: str) -> list[tuple[str, str, int]]:
        rows = listed(office(catalog, county), "/signals")
        return [(row["week"], row["reason"], row["quantity"]) for row in rows if row["sku"] == sku]

    eventually(lambda: signals(XIUWEN) == expected)
    assert signals(LEISHAN) == []
    eventually(lambda: (value(page(catalog.url), DEMAND_MISSED, reason="waitlist") or 0) >= 2)


def test_imports_and_stock_set_aside_are_measured(catalog: Service) -> None:
    """Rows by file and by what became of them; units by purpose."""
    assert ask(catalog, new_item(catalog), 5).status_code == 201
    text = catalog.client(None).get("/metrics").text
    assert f'{IMPORT_ROWS.name}{{file="items",outcome="accepted"}}' in text
    assert f'{UNITS_ALLOTTED.name}{{purpose="shelf"}}' in text


def test_a_shop_of_two_thousand_items_lands_in_seconds(catalog: Service) -> None:
    """2,015 items and as many shelf allotments, each file in one request, well inside the bound of a slow machine."""
    skus = [f"B-{secrets.token_hex(3)}-{number}" for number in range(2015)]
    items = [f"{sku},{LEISHAN},produce,货,Goods,piece,100,500,400,1000,西江镇,,,365" for sku in skus]
    shelves = [f"{LEISHAN},{sku},900,shelf" for sku in skus]
    files = {"items": [ITEMS, *items], "allotments": ["county,sku,quantity,purpose", *shelves]}
    for name, lines in files.items():
        with platform(catalog) as client:
            report = upload(client, f"/{name}/import", "\n".join(lines))
        assert (report["accepted"], report["refused"]) == (2015, [])
    assert stock_of(catalog, skus[-1], LEISHAN)["on_hand"] == 100
