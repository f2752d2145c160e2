"""The crowd, in a process of its own: `python -m bench.generator PLAN RESULT`. Judges nothing, decodes nothing.

Its CPU seconds are missing from the service it measures, so it does as little as it can: one socket a buyer, requests
glued together from bytes made before, and of an answer only its length and status are looked at. A buyer whose
connection breaks, or who is told to come again, asks the next replica with the same key.
"""

import heapq
import os
import re
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

from bench import cpu
from bench.plan import DECODE_PLAN, ENCODE, Answer, Plan, Result

_LENGTH: Final = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")
_REPLAYED: Final = re.compile(rb"\r\n[Ii]dempotency-[Rr]eplayed: *true")
_LARGEST: Final = 65_536
_MOST_TRIES: Final = 200
_PAUSE: Final = 0.02  # seconds before the same is asked again
_LINGER: Final = 30.0  # seconds that answers are still waited for when the time is over
_LOOK: Final = 0.05


class Buyer:
    """One buyer: a socket, and the request that it waits for."""

    __slots__ = ("allotment", "began", "buffer", "choose", "head", "key", "number", "sock", "target", "tries", "waits")

    def __init__(self, number: int, plan: Plan) -> None:
        self.number = number
        self.target = number
        self.sock: socket.socket | None = None
        self.choose = Random(f"{plan.run}-{number}")  # the same crowd every time
        self.head = (
            f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {plan.tokens[number]}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: "
        ).encode()
        self.buffer = b""
        self.waits = False  # for an answer; not while it pauses before it asks again
        self.key, self.allotment, self.tries, self.began = "", 0, 0, 0.0

    def complete(self) -> int:
        """Where the body of a whole answer begins; 0 while some of it is missing."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return 0
        length = _LENGTH.search(self.buffer, 0, end)
        if length is None:
            raise OSError("an answer without Content-Length")
        return end + 4 if len(self.buffer) >= end + 4 + int(length[1]) else 0


class Crowd:
    """All buyers, and what they were answered."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.answers: list[Answer] = []
        self.sent = 0
        self.selector = selectors.DefaultSelector()
        self.buyers = [Buyer(number, plan) for number in range(len(plan.tokens))]
        self.later: list[tuple[float, int]] = []
        self.waiting = 0
        self.until = float("inf")
        self.kill = plan.kill
        self.bodies = [_body(allotment) for allotment in plan.allotments]

    def run(self) -> Result:
        """Come, buy until the time is over, and tell what came of it."""
        for buyer in self.buyers:
            self._connect(buyer)
        began = time.perf_counter()
        warm = began + self.plan.warm_seconds
        self.until = warm + self.plan.seconds
        for buyer in self.buyers:
            self._ask(buyer)
        self._serve(warm)
        since, before = time.perf_counter(), cpu.seconds(self.plan.watch)
        self._serve(self.until)
        now, after = time.perf_counter(), cpu.seconds(self.plan.watch)
        self._serve(now + _LINGER)
        return Result(answers=self.answers, began=since, ended=now, cpu=cpu.between(before, after))

    def _serve(self, until: float) -> None:
        """Read answers and ask on, until then or until nobody waits."""
        while self.waiting and (left := until - time.perf_counter()) > 0:
            for chosen, _ in self.selector.select(min(left, _LOOK)):
                self._hear(chosen.data)
            while self.later and self.later[0][0] <= time.perf_counter():
                self._send(self.buyers[heapq.heappop(self.later)[1]])

    def _ask(self, buyer: Buyer) -> None:
        """The buyer's next request, unless the time or the attempts are over."""
        if self.sent == self.plan.attempts or time.perf_counter() >= self.until:
            return
        buyer.key = f"{self.plan.run}-{self.sent:08d}"
        buyer.allotment = buyer.choose.randrange(len(self.bodies)) if len(self.bodies) > 1 else 0
        buyer.tries, buyer.began = 0, time.perf_counter()
        self.sent += 1
        self.waiting += 1
        self._send(buyer)

    def _send(self, buyer: Buyer) -> None:
        buyer.tries += 1
        buyer.buffer, buyer.waits = b"", True
        try:
            if buyer.sock is None:
                self._connect(buyer)
            assert buyer.sock is not None
            buyer.sock.sendall(buyer.head + buyer.key.encode() + self.bodies[buyer.allotment])
        except OSError:
            self._elsewhere(buyer)

    def _hear(self, buyer: Buyer) -> None:
        assert buyer.sock is not None
        try:
            heard = buyer.sock.recv(_LARGEST)
            buyer.buffer += heard
            body = buyer.complete()
        except OSError:
            heard, body = b"", 0
        if not heard:
            self._elsewhere(buyer)
        elif body:
            self._answered(buyer, body)

    def _answered(self, buyer: Buyer, body: int) -> None:
        status, buyer.waits = int(buyer.buffer[9:12]), False
        if status == 503 and buyer.tries < _MOST_TRIES:
            heapq.heappush(self.later, (time.perf_counter() + _PAUSE, buyer.number))
            return
        self._note(buyer, status, body)
        self._ask(buyer)

    def _note(self, buyer: Buyer, status: int, body: int) -> None:
        replayed = buyer.tries > 1 and bool(_REPLAYED.search(buyer.buffer, 0, body))
        self.answers.append(
            Answer(
                buyer.number,
                buyer.key,
                buyer.allotment,
                status,
                buyer.began,
                time.perf_counter(),
                buyer.tries,
                replayed,
                buyer.buffer[body:],
            )
        )
        self.waiting -= 1
        if self.kill and len(self.answers) >= self.kill.after:
            os.kill(self.kill.pid, signal.SIGKILL)  # a replica that whoever made the plan has started
            self.kill = None

    def _elsewhere(self, buyer: Buyer) -> None:
        """The connection broke: nobody knows what became of the request, so it is asked again with the same key."""
        if buyer.sock is not None:
            self.selector.unregister(buyer.sock)
            buyer.sock.close()
            buyer.sock = None
        buyer.target += 1
        unanswered, buyer.waits = buyer.waits, False
        if unanswered and buyer.tries < _MOST_TRIES:
            heapq.heappush(self.later, (time.perf_counter() + _PAUSE, buyer.number))
        elif unanswered:
            buyer.buffer = b""
            self._note(buyer, 0, 0)

    def _connect(self, buyer: Buyer) -> None:
        port = self.plan.ports[buyer.target % len(self.plan.ports)]
        buyer.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        buyer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(buyer.sock, selectors.EVENT_READ, buyer)


def _body(allotment: str) -> bytes:
    body = f'{{"allotment_id":"{allotment}","quantity":1,"channel":"web"}}'
    return f"\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def main() -> None:
    """Read the plan, carry it out, write the result."""
    plan, result = map(Path, sys.argv[1:3])
    result.write_bytes(ENCODE(Crowd(DECODE_PLAN(plan.read_bytes())).run()))


if __name__ == "__main__":
    main()
