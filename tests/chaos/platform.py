"""Another platform: tells what it sold on `channel.order.received`, and remembers what the broker has taken."""

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any, Final

from confluent_kafka import KafkaError, Producer
from tests.chaos.goods import HOME, Goods
from tests.chaos.ledger import Ledger

from contracts.codec import record, to_message
from contracts.events import ChannelOrderReceived

CHANNEL: Final = "hunan-tv"
_EVERY: Final = 0.5


class Platform:
    """Publishes by librdkafka, idempotently, and waits for each to be taken, however long the broker is away."""

    def __init__(self, kafka: str, ledger: Ledger) -> None:
        self._producer = Producer(
            {"bootstrap.servers": kafka, "enable.idempotence": True, "message.timeout.ms": 0, "log_level": 0}
        )
        self._ledger = ledger
        self._numbers = itertools.count(1)

    async def send(self, goods: Goods) -> None:
        """One order of two units."""
        await asyncio.sleep(_EVERY)
        number = f"{goods.name}-{next(self._numbers):06d}"
        taken: list[KafkaError | None] = []
        topic, key, value, headers = _message(goods, number)
        self._producer.produce(
            topic, key=key, value=value, headers=list(headers), on_delivery=lambda error, _: taken.append(error)
        )
        while not taken:
            self._producer.poll(0)
            await asyncio.sleep(0.02)
        if taken[0] is None:
            self._ledger.lines.append(number)
            goods.lines.append(number)


def _message(goods: Goods, number: str) -> Any:
    now = datetime.now(UTC)
    fact = ChannelOrderReceived(
        channel=CHANNEL,
        external_number=number,
        sku=goods.plenty,
        county=HOME,
        allotment_id=goods.channel_shelf,
        customer=f"customer-{int(number[-6:]) % 97:02d}",
        quantity=2,
        unit_price_fen=8800,
        placed_at=now,
    )
    return to_message(record(fact, source="channels", sequence=1, time=now, aggregate=number))
