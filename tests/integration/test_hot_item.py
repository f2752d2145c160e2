"""One hot item, 64 buyers, three replicas: what there is is sold to the last unit and not one more, kill -9 or not."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event, Thread
from typing import Any, Final, NamedTuple

import httpx
import pytest
from tests.integration.shop import Shop
from tests.starting import Starter

from chassis.testing import eventually
from contracts.ids import new_id
from stack.issuer import Issuer
from stack.processes import stop_all
from stack.services import Service, wait_ready

BUYERS: Final = 64
ATTEMPTS: Final = 400
OFFERED: Final = 200
_MOST_TRIES: Final = 60
_LAST: Final = BUYERS + BUYERS // 2  # so that they never are all of those who ask at once


class Answer(NamedTuple):
    """What a buyer was told in the end."""

    status: int
    body: dict[str, Any]
    tries: int


class Crowd:
    """Buyers who ask any replica, and another one with the same key when they get no answer.

    The last of them wait for what is to happen meanwhile, where something is.
    """

    def __init__(self, replicas: Sequence[Service], issuer: Issuer) -> None:
        self.told = 0
        self.happened = Event()
        self.happened.set()
        self._doors = [httpx.Client(base_url=one.url, timeout=20, trust_env=False) for one in replicas]
        self._tokens = [issuer.token(f"hot-{n}", ["buyer"]) for n in range(BUYERS)]

    def rush(self, allotment_id: str, quantity: int) -> list[Answer]:
        """Everybody at once."""
        with ThreadPoolExecutor(BUYERS) as pool:
            return list(pool.map(lambda n: self._buy(n, allotment_id, quantity), range(ATTEMPTS)))

    def _buy(self, n: int, allotment_id: str, quantity: int) -> Answer:
        headers = {"Authorization": f"Bearer {self._tokens[n % BUYERS]}", "Idempotency-Key": new_id()}
        body = {"allotment_id": allotment_id, "quantity": quantity, "channel": "web"}
        if n >= ATTEMPTS - _LAST:
            self.happened.wait()
        for tries in count(1):
            try:
                answer = self._doors[(n + tries) % len(self._doors)].post("/orders", json=body, headers=headers)
            except httpx.TransportError:
                assert tries < _MOST_TRIES, "no replica answers"
                continue
            if answer.status_code != 503 or tries == _MOST_TRIES:
                break
        self.told += 1
        return Answer(answer.status_code, answer.json(), tries)

    def close(self) -> None:
        for door in self._doors:
            door.close()


@pytest.fixture(scope="module")
def replicas(starter: Starter) -> Iterator[list[Service]]:
    """Three of orders on one database and in one group."""
    own = f"orders_{new_id()[-8:]}"
    started: list[Service] = []
    try:
        started += [starter("orders", ready=False, KAFKA_GROUP=own, MONGODB_DATABASE=own) for _ in range(3)]
        wait_ready(started)
        yield started
    finally:
        stop_all(one.process for one in started)


@pytest.fixture(scope="module")
def shop(replicas: list[Service]) -> Shop:
    return Shop(replicas[0])


@pytest.fixture
def crowd(replicas: list[Service], issuer: Issuer) -> Iterator[Crowd]:
    crowd = Crowd(replicas, issuer)
    yield crowd
    crowd.close()


def exactly(shop: Shop, shelf: str, answers: Sequence[Answer], quantity: int) -> list[Answer]:
    """What was placed: as much as there was, each order once and at rest; the others were told how many remain."""
    placed = [answer for answer in answers if answer.status == 201]
    refused = [answer for answer in answers if answer.status == 409]
    left = OFFERED % quantity
    assert (len(placed), len(refused)) == (OFFERED // quantity, ATTEMPTS - OFFERED // quantity)
    assert {answer.body["type"] for answer in refused} == {"/problems/sold-out"}
    assert {answer.body["remaining"] for answer in refused} == {left}
    assert {answer.body["waitlist"] for answer in refused} == {f"/allotments/{shelf}/waitlist"}
    ids = {answer.body["id"] for answer in placed}
    assert len(ids) == len(placed)
    found = shop.allotment(shelf)
    assert (found["sold"], found["remaining"]) == (OFFERED - left, left)
    said = shop.heard(lambda event: event.type == "order.placed" and event.data.allotment_id == shelf, len(ids))
    assert {event.subject for event in said} == ids
    assert shop.platform.get(f"/orders/{min(ids)}").status_code == 200
    return placed


@pytest.mark.parametrize("quantity", [1, 3])
def test_64_buyers_get_exactly_what_there_is(shop: Shop, crowd: Crowd, quantity: int) -> None:
    shelf = shop.shelf(offered=OFFERED)
    exactly(shop, shelf, crowd.rush(shelf, quantity), quantity)


def test_also_when_a_replica_is_killed_in_the_middle(shop: Shop, replicas: list[Service], crowd: Crowd) -> None:
    shelf = shop.shelf(offered=OFFERED)
    answers: list[Answer] = []
    crowd.happened.clear()
    rush = Thread(target=lambda: answers.extend(crowd.rush(shelf, 1)))
    rush.start()
    eventually(killing(crowd, replicas[2]), every=0.001)
    rush.join()
    exactly(shop, shelf, answers, 1)
    assert any(answer.tries > 1 for answer in answers), "somebody had to ask again"
    replicas[2].start_again()  # from the main thread: its end would be the child's
    replicas[2].wait_ready()
    assert shop.allotment(shelf)["sold"] == OFFERED


def killing(crowd: Crowd, replica: Service) -> Callable[[], bool]:
    """Kill it when a quarter of what there is has been sold."""

    def kill() -> bool:
        if crowd.told < OFFERED // 4:
            return False
        replica.kill()
        crowd.happened.set()
        return True

    return kill
