"""Who plays: hosts who put items on screen, buyers who buy, pages that watch.

Each kind of request is a line in Locust's table. A refusal is a success there; what nobody may be told is a failure.
"""

import hashlib
import hmac
import random
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import gevent
import msgspec
from geventhttpclient.response import HTTPConnectionClosed, HTTPProtocolViolationError
from locust import User, constant, task
from locust.contrib.fasthttp import FastHttpSession
from locust.exception import StopUser

from contracts.ids import new_id
from evening.plan import Arrival, Ask, Behaviour, Slot
from load.playing import Due, Opening

_TRIES: Final = 5
_TAPS: Final = 10  # of a buyer who was faster than the news that the item is on screen
_UNSURE: Final = frozenset({0, 429, 502, 503, 504})
_REFUSED: Final = frozenset({402, 409, 422})
_REACTION: Final = 0.3
_PATIENCE: Final = 30.0
_DECLINING: Final = "declined"
_STEPS: Final = {Behaviour.LAPSES: "", Behaviour.CANCELS: "c", Behaviour.DECLINED: "d", Behaviour.REPENTS: "pc"}
_LOOKS: Final = 0.2  # share of the buyers who look at their orders and parcels afterwards
_STAYS: Final = (3.0, 30.0)  # seconds that a page is open
_WAITS: Final = 0.5  # share of those who came too late for the last unit and join the waitlist


class Person(User):
    """Has a connection to each service, made when it is first used."""

    abstract = True
    wait_time = constant(0)
    play: Any = None  # a `Play`, as long as one runs

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._sessions: dict[str, Any] = {}
        self.dice = random.Random(new_id())

    def session(self, service: str) -> Any:
        if service not in self._sessions:
            self._sessions[service] = FastHttpSession(
                self.play.wish.urls[service],
                self.environment.events.request,
                self,
                insecure=False,
                max_retries=0,  # whether to ask again is decided here, and counted
                connection_timeout=_PATIENCE,
                network_timeout=_PATIENCE,
            )
        return self._sessions[service]

    def ask(self, service: str, method: str, path: str, name: str, token: str = "", **said: Any) -> Any:
        """The answer, whatever it is. What nobody may be told is a failure in Locust's table; unsure is not yet one."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if key := said.pop("key", None):
            headers["idempotency-key"] = key
        with self.session(service).request(
            method, path, name=name, headers=headers, catch_response=True, **said
        ) as answer:
            if answer.status_code in _UNSURE or answer.status_code in _REFUSED:
                answer.success()
            return answer

    def insist(self, service: str, method: str, path: str, name: str, token: str, **said: Any) -> Any:
        """The same until the answer is sure: a key makes repetition harmless. None, and a failure, if it never is."""
        for attempt in range(_TRIES):
            answer = self.ask(service, method, path, name, token, **said)
            if answer.status_code not in _UNSURE:
                self._judge(answer, f"{method} {name}")
                return answer
            self.play.tally.tried_again += 1
            gevent.sleep(0.2 * 2**attempt)
        self.play.tally.failed[f"{method} {name}: no sure answer"] += 1
        return None

    def _judge(self, answer: Any, name: str) -> None:
        if answer.status_code >= 400 and answer.status_code not in _REFUSED:
            self.play.tally.failed[f"{name}: {answer.status_code} {problem(answer)}"] += 1


class Host(Person):
    """One for each show: starts it, puts its slots on screen in time, counts the audience, ends it."""

    @task
    def perform(self) -> None:
        self.play.ready.wait()
        show = self.play.host()
        if show is None or self.play.broken:
            raise StopUser
        try:
            self._perform(show)
        except _Broken as broken:
            self.play.tally.failed[f"{show}: {broken}"] += 1
        finally:
            self.play.end(show)
        raise StopUser

    def _perform(self, show: str) -> None:
        slots, self._show = self.play.plan.of(show), self.play.shows[show]
        self._tokens = {
            slot.county: self.play.town.token(f"host-{slot.county}", ["host"], slot.county) for slot in slots
        }
        self._start(slots[0])
        began = time.time()
        self.play.begin(show)
        counting = gevent.spawn(self._count_audience, show, began)
        for slot in slots:
            _sleep_until(began + self.play.plan.seconds(slot.starts_min))
            self._feature(slot)
        last = slots[-1]
        _sleep_until(began + self.play.plan.seconds(last.starts_min + last.minutes))
        counting.kill()
        self._must(f"/shows/{self._show}/end", "/shows/{id}/end", slots[0].county)

    def _start(self, slot: Slot) -> None:
        """As soon as broadcast has heard of the stock."""
        for _ in range(100):
            answer = self.insist(
                "broadcast", "POST", f"/shows/{self._show}/start", "/shows/{id}/start", self._tokens[slot.county]
            )
            if answer is not None and answer.status_code < 300:
                break
            gevent.sleep(0.2)
        else:
            raise _Broken("it cannot start")
        self._orders_know()

    def _orders_know(self) -> None:
        """And when orders has."""
        wanted = len([slot for slot in self.play.plan.slots if self.play.shows[slot.show] == self._show])
        for _ in range(150):
            path = f"/allotments?show_id={self._show}&limit=200"
            answer = self.ask("orders", "GET", path, "/allotments")
            if answer.status_code == 200 and len(answer.json()["items"]) >= wanted:
                return
            gevent.sleep(0.2)
        raise _Broken("orders does not hear of its stock")

    def _feature(self, slot: Slot) -> None:
        body = {"window_seconds": self.play.plan.window(slot)}
        path, key = f"/shows/{self._show}/slots/{slot.number}/feature", f"{self._show}-{slot.number}"
        answer = self._must(path, "/shows/{id}/slots/{n}/feature", slot.county, json=body, key=key)
        self.play.open(slot.show, slot.number, answer.json()["on_screen"])

    def _count_audience(self, show: str, began: float) -> None:
        token = self.play.town.token("platform-office", ["platform"])
        for sample in sorted(sample for sample in self.play.plan.samples if sample.show == show):
            _sleep_until(began + sample.at)
            body = {"channel": sample.channel, "viewers": sample.viewers, "sampled_at": datetime.now(UTC).isoformat()}
            path = f"/shows/{self._show}/audience"
            self.insist("broadcast", "POST", path, "/shows/{id}/audience", token, json=body)

    def _must(self, path: str, name: str, county: str, **said: Any) -> Any:
        answer = self.insist("broadcast", "POST", path, name, self._tokens[county], **said)
        if answer is None or answer.status_code >= 300:
            raise _Broken(f"{name} was answered {answer.status_code if answer else 'by nobody'}")
        return answer


class Watcher(Person):
    """A live page on a phone: opened, listened to for a while, closed; and opened again by somebody else."""

    @task
    def watch(self) -> None:
        if not self.play.ready.wait(timeout=1) or self.play.curtain.is_set():
            gevent.sleep(_REACTION)
            return
        gevent.sleep(self.dice.uniform(0, 2))
        for path in ("/live", "/live/live.css", "/live/live.js"):
            self._judge(self.ask("notify", "GET", path, path), f"GET {path}")
        listening = gevent.spawn(self._listen)
        gevent.wait([listening, self.play.curtain], timeout=self.dice.uniform(*_STAYS), count=1)
        listening.kill()
        self._sessions.pop("notify").client.close()  # a connection in the middle of a stream is no use to anybody

    def _listen(self) -> None:
        """Until the stream ends. Then the page comes back by itself, as a browser's does."""
        with suppress(OSError, HTTPConnectionClosed, HTTPProtocolViolationError):
            self._read()
        self.play.tally.tried_again += 1
        gevent.sleep(1)

    def _read(self) -> None:
        answer = self.session("notify").get("/live/events", name="/live/events", stream=True)
        if answer.status_code != 200:
            return
        event = b""
        while line := answer.stream.readline(b"\n"):
            if line.startswith(b"event: "):
                event = line[7:-1]
            elif line.startswith(b"data: "):
                self._seen(event, line[6:])

    def _seen(self, event: bytes, data: bytes) -> None:
        self.play.tally.pushes += 1
        if event != b"item.featured":
            return
        opened = datetime.fromisoformat(msgspec.json.decode(data)["opens_at"]).timestamp()
        self.environment.events.request.fire(
            request_type="PUSH",
            name="item on screen, to a page",
            response_time=max(0.0, time.time() - opened) * 1000,
            response_length=len(data),
            exception=None,
            context={},
        )


class Buyer(Person):
    """A lane that buyers come by, one after another: each with a name, a wish and a behaviour of their own."""

    @task
    def visit(self) -> None:
        due = self.play.next(within=1.0)
        if due is None:
            return
        try:
            self._visit(due)
        finally:
            self.play.done()

    def _visit(self, due: Due) -> None:
        arrival, token = due.arrival, self.play.token(due.arrival.buyer)
        taps = [gevent.spawn(self._place, arrival, ask, due.opening, token) for ask in arrival.asks]
        orders = {order for tap in gevent.joinall(taps) if (order := tap.get())}
        gevent.sleep(arrival.thinks)
        for order in sorted(orders):
            for step in _STEPS.get(arrival.behaviour, "p"):
                self._step(step, order, token)
        if self.dice.random() < _LOOKS:
            for path in ("/orders", "/parcels", "/waitlist"):
                self.insist("orders", "GET", path, path, token)

    def _place(self, arrival: Arrival, ask: Ask, opening: Opening, token: str) -> str:
        """The order's id; empty when it was refused."""
        body = {"allotment_id": opening.allotment_id, "quantity": ask.quantity, "channel": ask.channel}
        began = time.perf_counter()
        key = self.play.name(ask.key)
        for _ in range(_TAPS):
            answer = self.insist("orders", "POST", "/orders", "/orders", token, json=body, key=key)
            if answer is None or problem(answer) != "window-not-open":
                break
            self.play.tally.early += 1
            gevent.sleep(_REACTION)
        tally = self.play.tally
        tally.placing.append(time.perf_counter() - began)
        if answer is None or answer.status_code >= 400:
            if answer is not None and answer.status_code in _REFUSED:
                self._refused(problem(answer), arrival, ask, opening, token)
            return ""
        if answer.headers.get("Idempotency-Replayed") != "true":
            tally.placed += 1
        return str(answer.json()["id"])

    def _refused(self, reason: str, arrival: Arrival, ask: Ask, opening: Opening, token: str) -> None:
        self.play.tally.refused[reason] += 1
        if reason == "sold-out" and self.dice.random() < _WAITS:
            path, key = f"/allotments/{opening.allotment_id}/waitlist", f"{self.play.name(arrival.buyer)}-waits"
            body = {"quantity": ask.quantity, "channel": ask.channel}
            name = "/allotments/{id}/waitlist"
            answer = self.insist("orders", "POST", path, name, token, json=body, key=key)
            self.play.tally.waiting += bool(answer is not None and answer.status_code < 300)

    def _step(self, step: str, order: str, token: str) -> None:
        if step == "c":
            self.insist("orders", "POST", f"/orders/{order}/cancel", "/orders/{id}/cancel", token)
            return
        later = step == "p" and bool(self.play.wish.webhook_secret) and self.dice.random() < self.play.wish.paying_later
        means = {"token": "slow"} if later else {"token": _DECLINING} if step == "d" else {}
        name = f"/orders/{{id}}/pay{' (by webhook)' if later else ''}"
        path = f"/orders/{order}/pay"
        answer = self.insist("orders", "POST", path, name, token, json={"method": "test", **means})
        if answer is None or answer.status_code >= 300:
            return
        if answer.status_code == 202:
            self._report(order, int(answer.json()["total_fen"]))
        else:
            self.play.tally.paid += 1

    def _report(self, order: str, amount: int) -> None:
        """What the provider says a moment later: the buyer paid."""
        gevent.sleep(self.dice.uniform(0.1, 0.5))
        told = {
            "event_id": new_id(),
            "order_id": order,
            "kind": "paid",
            "payment_id": f"test-{order}",
            "amount": amount,
        }
        body, at = msgspec.json.encode(told), str(int(time.time()))
        secret = self.play.wish.webhook_secret.encode()
        sign = hmac.new(secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        path = "/payments/test/webhooks"
        with self.session("orders").post(
            path,
            name=path,
            data=body,
            headers={"test-signature": sign, "test-timestamp": at, "content-type": "application/json"},
            catch_response=True,
        ) as answer:
            self._judge(answer, f"POST {path}")


class _Broken(Exception):
    """A show cannot go on; the text says why."""


def problem(answer: Any) -> str:
    """The code of the problem that a refusal carries: the last part of its `type`."""
    try:
        return str(answer.json()["type"]).rsplit("/", 1)[-1]
    except (ValueError, KeyError, TypeError):
        return f"status-{answer.status_code}"


def _sleep_until(moment: float) -> None:
    gevent.sleep(max(0.0, moment - time.time()))
