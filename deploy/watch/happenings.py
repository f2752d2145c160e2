"""What an evening has besides its crowd, so that every panel has something to show, the ones about mishaps too.

Pages that listen, offices that are sent their notices (one of them at an address that is broken), a little shelf that
is sold out and waited for, payments of every outcome, parcels that arrive, and an event that nobody can read.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any, Final

import httpx
import msgspec
from kafka import KafkaProducer

from chassis.patience import patience
from contracts import metrics as declared
from contracts.codec import record, to_message
from contracts.events import ChannelOrderReceived
from contracts.ids import new_id
from stack.local import DATA, Stack
from watch.outside import Hook, listen
from watch.prometheus import Prometheus

SETTINGS: Final = {
    "NOTIFY_ALLOWED_SCHEMAS": "json",
    "NOTIFY_ALLOW_PRIVATE_ADDRESSES": "true",
    "NOTIFY_RETRY_FIRST_SECONDS": "1",
    "PAYMENT_TEST_WEBHOOK_SECRET": "drill",
    "PAY_WITHIN_SECONDS": "20",
    "OFFER_WITHIN_SECONDS": "8",
}
_COUNTY, _SKU = "520123", "XW-KIWI-DRY"
_BROKEN: Final = "522634"  # the county whose address answers 500
_WITHIN: Final = 60.0
_PAGES: Final = 12
_SHELF: Final = 6
_LATE: Final = 3
# What who waited in vain orders ahead of: without a lot to come there is nothing to order.
_NEXT_LOT: Final = f"lot,sku,county,quantity,harvested_on\nnext,{_SKU},{_COUNTY},500,{{day}}\n"


class Unplayed(RuntimeError):
    """Something that should have happened was refused; the text says what and by whom."""


class Happenings:
    """Starts with `begin`, while the evening is prepared; `end` comes after its parcels are shipped."""

    def __init__(self, stack: Stack, prometheus: Prometheus) -> None:
        self._stack = stack
        self._prometheus = prometheus
        self._undo = ExitStack()

    def begin(self) -> None:
        """Pages open, offices subscribe; what needs the market waits for it."""
        for _ in range(_PAGES):
            Thread(target=listen, args=(f"{self._stack.services.url('notify')}/live/events",), daemon=True).start()
        hook = Hook()
        self._undo.callback(hook.close)
        for county, path in ((_COUNTY, "well"), (_BROKEN, "broken")):
            with self._client("notify", f"office-{county}", "county", county) as office:
                urls = [f"json://127.0.0.1:{hook.port}/{path}"]
                _done(office.put("/subscriptions", json={"kinds": "all", "language": "zh", "urls": urls}))

    def while_live(self) -> None:
        """A shelf is sold out, waited for and closed; payments go every way; an event is poison."""
        shelf = self._shelf()
        self._sold_elsewhere(shelf)
        self._until_seen(declared.CHANNEL_ORDERS_DECLINED)  # the series begins with the first no, moves by the second
        self._sold_elsewhere(shelf)
        self._import(DATA.joinpath("hubs.csv").read_bytes(), "hubs")  # changes nothing
        orders = [self._place(shelf, f"early-{number}") for number in range(_SHELF)]
        self._wait_for(shelf, "late-0")
        self._until_seen(declared.WAITLIST_JOINED)  # the same of the first who waits
        self._pay(orders[0], "early-0", "short")
        self._pay(orders[1], "early-1", "slow")
        self._webhook(orders[1])
        for token in ("away", "declined", "ok"):
            self._pay(orders[2], "early-2", token)
        self._order("cancel", orders[4], "early-4")  # its units are offered to who waits
        for number in range(1, _LATE):  # so late that nothing comes back for them
            self._wait_for(shelf, f"late-{number}")
        with self._client("orders", f"office-{_COUNTY}", "county", _COUNTY) as office:
            _done(office.post(f"/allotments/{shelf}/close"))  # who still waits orders the next lot ahead
        self._poison()

    def end(self) -> None:
        """Some parcels arrive, an order of them is completed, one comes back."""
        with self._client("orders", "platform-office", "platform") as platform:
            sent = {one["parcel_id"]: one for one in _items(platform, "/orders", state="packed") if one["parcel_id"]}
            first, *_, last = arrived = list(sent.values())[:5]
            for order in arrived:
                path, hub = f"/parcels/{order['parcel_id']}", f"{order['county']}-C"
                _done(platform.post(f"{path}/scan", json={"hub": hub}))
                _done(platform.post(f"{path}/deliver"))
            self._order("complete", first["id"], first["buyer_id"])
            body, key = {"quantity": 1, "restock": True}, {"Idempotency-Key": new_id()}
            _done(platform.post(f"/orders/{last['id']}/return", json=body, headers=key))
        if len(sent) > len(arrived):  # orders counts parcels now and then: those that are left are to be counted once
            _until(self._on_their_way)

    def close(self) -> None:
        self._undo.close()

    def _shelf(self) -> str:
        """A few units of one item for everyday sale, once catalog has the item and orders the units; a lot to come."""
        body = {"county": _COUNTY, "sku": _SKU, "quantity": _SHELF, "purpose": "shelf", "per_buyer_limit": 2}
        with self._client("catalog", f"office-{_COUNTY}", "county", _COUNTY) as office:
            key = {"Idempotency-Key": new_id()}
            made = _until(lambda: _made(office.post("/allotments", json=body, headers=key)))
        self._import(_NEXT_LOT.format(day=datetime.now(UTC).date() + timedelta(days=30)).encode(), "lots")
        shelf = str(made["allotment_id"])
        with self._client("orders", "early-0", "buyer") as buyer:
            _until(lambda: buyer.get(f"/allotments/{shelf}").is_success)
        return shelf

    def _place(self, shelf: str, buyer: str) -> str:
        return str(_done(self._order_for(shelf, buyer))["id"])

    def _order_for(self, shelf: str, buyer: str) -> httpx.Response:
        body, key = {"allotment_id": shelf, "quantity": 1, "channel": "web"}, {"Idempotency-Key": new_id()}
        with self._client("orders", buyer, "buyer") as client:
            return client.post("/orders", json=body, headers=key)

    def _wait_for(self, shelf: str, buyer: str) -> None:
        """Comes too late and joins the waitlist; what lapsed meanwhile is bought by somebody else."""
        body = {"quantity": 1, "channel": "web"}
        with self._client("orders", buyer, "buyer") as client:

            def waits() -> bool:
                key = {"Idempotency-Key": new_id()}
                answer = client.post(f"/allotments/{shelf}/waitlist", json=body, headers=key)
                if answer.status_code == httpx.codes.CONFLICT:
                    self._order_for(shelf, new_id())
                    return False
                _done(answer)
                return True

            _until(waits)
            self._order_for(shelf, buyer)  # and is refused, which is what made them wait

    def _pay(self, order: str, buyer: str, token: str) -> None:
        """However it ends: the tokens of the test provider say how it shall."""
        with self._client("orders", buyer, "buyer") as client:
            client.post(f"/orders/{order}/pay", json={"method": "test", "token": token})

    def _order(self, what: str, order: str, buyer: str) -> None:
        with self._client("orders", buyer, "buyer") as client:
            _done(client.post(f"/orders/{order}/{what}"))

    def _webhook(self, order: str) -> None:
        """The test provider's, which signs as it was told to: a slow payment came in."""
        with self._client("orders", "early-1", "buyer") as buyer:
            amount = _done(buyer.get(f"/orders/{order}"))["total_fen"]
        told = {
            "event_id": new_id(),
            "order_id": order,
            "kind": "paid",
            "payment_id": f"test-{order}",
            "amount": amount,
        }
        body, at = msgspec.json.encode(told), str(int(time.time()))
        secret = SETTINGS["PAYMENT_TEST_WEBHOOK_SECRET"].encode()
        sign = hmac.new(secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        url = f"{self._stack.services.url('orders')}/payments/test/webhooks"
        _done(httpx.post(url, content=body, headers={"test-signature": sign, "test-timestamp": at}, trust_env=False))

    def _sold_elsewhere(self, shelf: str) -> None:
        """Another platform sold more than there is: it is told no."""
        now, number = datetime.now(UTC), new_id()
        fact = ChannelOrderReceived(
            channel="hunan-tv",
            external_number=number,
            sku=_SKU,
            county=_COUNTY,
            allotment_id=shelf,
            customer="drill",
            quantity=_SHELF * 100,
            unit_price_fen=1980,
            placed_at=now,
        )
        told = to_message(record(fact, source="channels", sequence=1, time=now, aggregate=number))
        topic, key, value, headers = told
        self._send(topic, key, value, list(headers))

    def _import(self, text: bytes, what: str) -> None:
        kind = {"Content-Type": "text/csv; charset=utf-8"}
        with self._client("catalog", "platform-office", "platform") as platform:
            _done(platform.post(f"/{what}/import", content=text, headers=kind))

    def _until_seen(self, metric: declared.Metric) -> None:
        _until(lambda: self._prometheus.query(metric.name, time.time()))

    def _on_their_way(self) -> bool:
        with self._client("orders", "platform-office", "platform") as anybody:
            said = re.findall(r'^parcels_open{state="shipped"} ([0-9.]+)$', anybody.get("/metrics").text, re.MULTILINE)
        return any(float(parcels) > 0 for parcels in said)

    def _poison(self) -> None:
        """An event that is no event, on a topic that orders reads."""
        self._send("hub.listed", b"drill", b"\xff no JSON", [])

    def _send(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        producer = KafkaProducer(bootstrap_servers=self._stack.engines.kafka)
        producer.send(topic, key=key, value=value, headers=headers).get(timeout=30)
        producer.close()

    def _client(self, service: str, subject: str, role: str, county: str | None = None) -> httpx.Client:
        return self._stack.services.client(service, subject, [role], county)


def _items(client: httpx.Client, path: str, **query: str) -> list[dict[str, Any]]:
    return list(_done(client.get(path, params={"limit": "200", **query}))["items"])


def _made(answer: httpx.Response) -> Any:
    """What was made; None while there is nothing yet to make it of."""
    return None if answer.status_code in (404, 409, 422) else _done(answer)


def _done(answer: httpx.Response) -> Any:
    if not answer.is_success:
        request = answer.request
        raise Unplayed(f"{request.method} {request.url} was answered {answer.status_code}: {answer.text[:300]}")
    return answer.json() if answer.content else None


def _until(step: Callable[[], Any]) -> Any:
    within = _WITHIN * patience()
    deadline = time.monotonic() + within
    while not (found := step()):
        if time.monotonic() > deadline:
            raise Unplayed(f"nothing came of it within {within:.0f} s")
        time.sleep(0.2)
    return found
