"""Orders alone on the engines: what its tests tell it by Kafka, ask it by HTTP, and hear from it."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import httpx
from kafka import KafkaConsumer
from tests.starting import Starter

from chassis import topics
from chassis.config import Settings, load
from chassis.producer import Producer
from chassis.testing import eventually, patience
from contracts.codec import Event, decode, record, to_message
from contracts.events import Fact, HubListed, ItemFeatured, ItemListed, Lot, StockAllotted, StreamEnded, event_type
from contracts.ids import new_id
from stack.reading import ends, unread
from stack.services import Service

HEARD = (
    "order.placed",
    "order.paid",
    "order.cancelled",
    "order.returned",
    "order.completed",
    "order.declined",
    "allotment.closed",
    "demand.missed",
    "waitlist.offered",
    "preorder.placed",
    "parcel.packed",
    "parcel.shipped",
    "parcel.scanned",
    "parcel.delivered",
)
TOLD = ("stock.allotted", "item.featured", "stream.ended", "hub.listed", "item.listed", "channel.order.received")
COUNTY, FOREIGN = "520123", "350628"


class Featured(NamedTuple):
    """A slot on screen."""

    show_id: str
    allotment_id: str


class Shop:
    """The service, and the world around it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._settings = load(Settings, service.env)
        topics.ensure(self._settings, [*HEARD, *TOLD])
        # What others said before on these topics, some of it not even to be read, is no business of this shop.
        self._since = ends(self._settings.kafka_bootstrap_servers, HEARD)
        self._producer = Producer(self._settings)
        self.buyer = self.caller("b1")
        self.office = self.caller("office", ["county"], COUNTY)
        self.platform = self.caller("platform", ["platform"])
        self.anybody = service.client(None)

    def caller(self, subject: str, roles: Sequence[str] = ("buyer",), county: str | None = None) -> httpx.Client:
        return self.service.client(subject, roles, county, timeout=60 * patience())

    def tell(self, *facts: Fact, sequence: int = 1, times: int = 2) -> None:
        """Publish facts as their owners would, each twice, and wait until orders has digested them."""
        now = datetime.now(UTC)
        records = [
            record(fact, source=event_type(type(fact)).owner, sequence=sequence, time=now)
            for fact in facts
            for _ in range(times)
        ]
        self._producer.send([to_message(item) for item in records])
        self.digested({item.type for item in records})

    def digested(self, names: Iterable[str]) -> None:
        """Wait until the service's group has committed all that is in the topics."""
        settings = self._settings
        kafka, group = settings.kafka_bootstrap_servers, settings.kafka_group
        eventually(lambda: not unread(kafka, group, names), within=60)

    def heard(self, mine: Callable[[Event], bool], count: int, within: float = 20) -> list[Event]:
        """At least `count` different events that are `mine`, as a foreign consumer reads them, by their sequence."""
        consumer = KafkaConsumer(bootstrap_servers=self._settings.kafka_bootstrap_servers, group_id=None)
        found: dict[str, Event] = {}
        deadline = time.monotonic() + within * patience()
        try:
            consumer.assign(list(self._since))
            for part, end in self._since.items():
                consumer.seek(part, end)
            while time.monotonic() < deadline and len(found) < count:
                for messages in consumer.poll(timeout_ms=200).values():
                    events = [decode(message.headers, message.value) for message in messages]
                    found.update({event.id: event for event in events if mine(event)})
        finally:
            consumer.close(autocommit=False)
        assert len(found) >= count, sorted(found)
        return sorted(found.values(), key=lambda event: (event.subject, event.sequence))

    def types(self, order_id: str, count: int) -> list[str]:
        """What was said of an order, in order."""
        return [event.type for event in self.heard(lambda event: event.subject == order_id, count)]

    def shelf(self, offered: int = 10, **fields: Any) -> str:
        """A shelf allotment that the service knows; its id."""
        fact = set_aside(offered=offered, **fields)
        self.tell(fact)
        return fact.allotment_id

    def featured(self, offered: int = 10, *, rehearsal: bool = False, **fields: Any) -> Featured:
        """A slot on screen now."""
        show_id = new_id()
        slot = Featured(show_id, f"rehearsal-{show_id}-1" if rehearsal else new_id())
        if not rehearsal:
            self.tell(
                set_aside(offered=offered, allotment_id=slot.allotment_id, purpose="slot", show_id=show_id, slot=1)
            )
        self.tell(on_screen(slot, offered=offered, rehearsal=rehearsal, **fields), sequence=2)
        return slot

    def allotment(self, key: str) -> dict[str, Any]:
        """As the public sees it. It is exact whenever it is looked at."""
        answer = self.anybody.get(f"/allotments/{key}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        assert found["sold"] + found["remaining"] + found["returned"] == found["offered"], found
        return found

    def place(
        self, allotment_id: str, quantity: int = 1, *, by: httpx.Client | None = None, key: str | None = None
    ) -> httpx.Response:
        body = {"allotment_id": allotment_id, "quantity": quantity, "channel": "web"}
        return (by or self.buyer).post("/orders", json=body, headers={"Idempotency-Key": key or new_id()})

    def placed(self, allotment_id: str, quantity: int = 1, *, by: httpx.Client | None = None) -> str:
        """An order; its id."""
        answer = self.place(allotment_id, quantity, by=by)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def paid(self, allotment_id: str, quantity: int = 1, *, by: httpx.Client | None = None) -> str:
        """A paid order; its id."""
        key = self.placed(allotment_id, quantity, by=by)
        answer = (by or self.buyer).post(f"/orders/{key}/pay", json={})
        assert answer.status_code == 200, answer.text
        return key

    def list_hubs(self) -> None:
        """Both counties have a centre."""
        self.tell(*(a_hub(county) for county in (COUNTY, FOREIGN)))


@contextmanager
def open_shop(start: Starter, **env: str) -> Iterator[Shop]:
    """Orders alone, on a database and in a group of its own."""
    service = start("orders", **env)
    try:
        yield Shop(service)
    finally:
        service.stop()


def set_aside(**fields: Any) -> StockAllotted:
    known: dict[str, Any] = {
        "allotment_id": new_id(),
        "item_id": f"{COUNTY}.KIWI",
        "county": COUNTY,
        "sku": "KIWI",
        "name_zh": "修文猕猴桃",
        "name_en": "Xiuwen kiwifruit",
        "producer_id": "p1",
        "weight_g": 2500,
        "purpose": "shelf",
        "offered": 10,
        "price_fen": 4980,
        "allotted_at": datetime.now(UTC),
    }
    return StockAllotted(**{**known, **fields})


def on_screen(slot: Featured, **fields: Any) -> ItemFeatured:
    now = datetime.now(UTC)
    known: dict[str, Any] = {
        "show_id": slot.show_id,
        "programme": "Sweet",
        "rehearsal": False,
        "slot": 1,
        "allotment_id": slot.allotment_id,
        "item_id": f"{COUNTY}.KIWI",
        "county": COUNTY,
        "sku": "KIWI",
        "name_zh": "修文猕猴桃",
        "name_en": "Xiuwen kiwifruit",
        "producer_id": "p1",
        "weight_g": 2500,
        "price_fen": 4980,
        "live_price_fen": 3990,
        "offered": 10,
        "per_buyer_limit": 3,
        "channels": ("web",),
        "opens_at": now - timedelta(seconds=1),
        "closes_at": now + timedelta(minutes=10),
    }
    return ItemFeatured(**{**known, **fields})


def show_over(show_id: str, *, rehearsal: bool = False) -> StreamEnded:
    now = datetime.now(UTC)
    return StreamEnded(
        show_id=show_id,
        show="evening",
        programme="Sweet",
        rehearsal=rehearsal,
        counties=(COUNTY,),
        started_at=now - timedelta(hours=1),
        ended_at=now,
    )


def on_offer(item_id: str, *lots: tuple[str, date | None]) -> ItemListed:
    """An item and its lots, with their days of harvest as far as they are known."""
    return ItemListed(
        item_id=item_id,
        county=COUNTY,
        county_name_zh="修文县",
        county_name_en="Xiuwen",
        sku="KIWI",
        kind="produce",
        name_zh="修文猕猴桃",
        name_en="Xiuwen kiwifruit",
        unit="box",
        weight_g=2500,
        price_fen=4980,
        live_price_fen=3990,
        producer_id="p1",
        producer_name_zh="谷堡镇产户",
        producer_name_en="Growers of 谷堡镇",
        shelf_life_days=30,
        lots=tuple(Lot(lot=lot, harvested_on=day) for lot, day in lots),
    )


def a_hub(county: str) -> HubListed:
    return HubListed(
        hub=f"{county}-C",
        county=county,
        kind="county_centre",
        name_zh="物流中心",
        latitude=26.8,
        longitude=106.6,
        daily_capacity_parcels=1000,
    )
