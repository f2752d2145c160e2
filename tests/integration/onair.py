"""Broadcast alone on the engines: what its tests tell it by Kafka, ask it by HTTP, and hear from it."""

import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
from kafka import KafkaConsumer

from chassis import topics
from chassis.config import Settings, load
from chassis.producer import Producer
from chassis.testing import eventually, patience
from contracts.codec import Event, Record, decode, record, to_message
from contracts.events import CountyListed, Fact, ItemListed, OrderPaid, OrderPlaced, StockAllotted, event_type
from contracts.ids import new_id
from stack.reading import unread
from stack.services import Service

HEADER = "programme,show,slot,county,sku,channels,starts_min,minutes,allotted,per_buyer_limit"
HEARD = ("stream.started", "item.featured", "stream.ended", "audience.sampled")
TOLD = (
    "county.listed",
    "item.listed",
    "stock.allotted",
    "order.placed",
    "order.paid",
    "order.cancelled",
    "order.returned",
)
NORTH, SOUTH, FOREIGN = "990001", "990002", "990003"


class OnAir:
    """The service, and the world around it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._settings = load(Settings, service.env)
        topics.ensure(self._settings, [*HEARD, *TOLD])
        self._producer = Producer(self._settings)

    def caller(self, role: str, county: str | None = None) -> httpx.Client:
        return self.service.client(f"{role}-{county}", [role], county)

    def tell(self, *facts: Fact, sequence: int = 1, times: int = 1) -> None:
        """Publish facts as their owners would, and wait until broadcast has digested them."""
        now = datetime.now(UTC)
        records: list[Record] = []
        for fact in facts:
            owner = event_type(type(fact)).owner
            records += [record(fact, source=owner, sequence=sequence, time=now)] * times
        self._producer.send([to_message(item) for item in records])
        self.digested({item.type for item in records})

    def digested(self, names: Iterable[str]) -> None:
        """Wait until broadcast's group has committed all that is in the topics."""
        settings = self._settings
        kafka, group = settings.kafka_bootstrap_servers, settings.kafka_group
        eventually(lambda: not unread(kafka, group, names), within=60)

    def heard(self, show_id: str, count: int) -> list[Event]:
        """The `count` events of the show that broadcast published, as a foreign consumer reads them, in their order."""
        consumer = KafkaConsumer(
            *HEARD,
            bootstrap_servers=self._settings.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
            group_id=None,
        )
        found: list[Event] = []
        deadline = time.monotonic() + 20 * patience()
        try:
            while len(found) < count and time.monotonic() < deadline:
                messages = [message for part in consumer.poll(timeout_ms=200).values() for message in part]
                found += [
                    decode(message.headers, message.value) for message in messages if message.key == show_id.encode()
                ]
        finally:
            consumer.close(autocommit=False)
        assert len(found) == count, [event.id for event in found]
        return sorted(found, key=lambda event: (event.subject != show_id, event.sequence, event.id))

    def list_goods(self) -> None:
        """Catalog says that there are three counties, each with a kiwi and a tea."""
        counties = [NORTH, SOUTH, FOREIGN]
        self.tell(*map(a_county, counties), *(an_item(county, sku) for county in counties for sku in ("KIWI", "TEA")))

    def plan(self, *rows: str, **query: Any) -> dict[str, Any]:
        """Import a line-up for the platform; its report."""
        return self.imported(self.caller("platform"), *rows, **query)

    def imported(self, caller: httpx.Client, *rows: str, **query: Any) -> dict[str, Any]:
        answer = caller.post(
            "/lineups/import", content="\n".join((HEADER, *rows)), headers={"content-type": "text/csv"}, params=query
        )
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        return report

    def planned(self, **query: Any) -> str:
        """A show of two slots, one of each county; its id."""
        key = f"show-{secrets.token_hex(4)}"
        report = self.plan(a_row(key, 1, NORTH), a_row(key, 2, SOUTH), **query)
        assert report["accepted"] == 2, report
        return str(report["shows"][0]["show_id"])

    def allot(self, show_id: str, *counties: str, times: int = 1) -> None:
        """Catalog sets stock aside for the show's slots, one of each county."""
        chosen = counties or (NORTH, SOUTH)
        self.tell(*(an_allotment(show_id, slot, county) for slot, county in enumerate(chosen, start=1)), times=times)

    def live(self, **query: Any) -> str:
        """A show on air; its id."""
        show_id = self.planned(**query)
        if not query.get("rehearsal"):
            self.allot(show_id)
        answer = self.caller("host", NORTH).post(f"/shows/{show_id}/start")
        assert answer.status_code == 200, answer.text
        return show_id


def a_row(show: str, slot: int, county: str = NORTH, sku: str = "KIWI", **changed: Any) -> str:
    cells = {
        "programme": "Sweet",
        "show": show,
        "slot": slot,
        "county": county,
        "sku": sku,
        "channels": "taobao-live|web",
    }
    cells |= {"starts_min": (slot - 1) * 12, "minutes": 12, "allotted": 500, "per_buyer_limit": 3, **changed}
    return ",".join(str(cells[column]) for column in HEADER.split(","))


def a_county(county: str) -> CountyListed:
    return CountyListed(
        county=county,
        name_zh="试验县",
        name_en="Trial County",
        province_zh="贵州",
        province_en="Guizhou",
        latitude=26.8,
        longitude=106.6,
        host_title="Magistrate of Trial County",
    )


def an_item(county: str, sku: str, name_en: str = "Kiwifruit") -> ItemListed:
    return ItemListed(
        item_id=f"item-{county}-{sku}",
        county=county,
        county_name_zh="试验县",
        county_name_en="Trial County",
        sku=sku,
        kind="produce",
        name_zh="猕猴桃",
        name_en=name_en,
        unit="box",
        weight_g=2500,
        price_fen=4980,
        live_price_fen=3990,
        producer_id=f"producer-{county}",
        producer_name_zh="合作社",
        producer_name_en="Co-operative",
        shelf_life_days=60,
    )


def an_allotment(show_id: str, slot: int, county: str) -> StockAllotted:
    return StockAllotted(
        allotment_id=f"allotment-{show_id}-{slot}",
        item_id=f"item-{county}-KIWI",
        county=county,
        sku="KIWI",
        name_zh="猕猴桃",
        name_en="Kiwifruit",
        producer_id=f"producer-{county}",
        weight_g=2500,
        purpose="slot",
        offered=400,
        price_fen=3500,
        per_buyer_limit=2,
        show_id=show_id,
        slot=slot,
        allotted_at=datetime.now(UTC),
    )


def an_order(
    show_id: str, order_id: str, county: str = NORTH, slot: int = 1, rehearsal: bool = False
) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "buyer_id": "buyer-1",
        "allotment_id": f"allotment-{show_id}-{slot}",
        "item_id": f"item-{county}-KIWI",
        "county": county,
        "sku": "KIWI",
        "name_zh": "猕猴桃",
        "name_en": "Kiwifruit",
        "producer_id": f"producer-{county}",
        "channel": "web",
        "rehearsal": rehearsal,
        "imported": False,
        "show_id": show_id,
        "slot": slot,
        "quantity": 2,
    }


def placed_and_paid(order: dict[str, Any]) -> tuple[OrderPlaced, OrderPaid]:
    now = datetime.now(UTC)
    return (
        OrderPlaced(**order, unit_price_fen=3500, total_fen=7000, weight_g=5000, placed_at=now),
        OrderPaid(**order, amount_fen=7000, provider="test", payment_id=new_id(), paid_at=now),
    )
