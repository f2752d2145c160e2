"""Group commit."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.testing import eventually
from orders.committer import Committer, Passed


class Slow:
    """A commit that waits to be let go, and remembers its batches."""

    def __init__(self, passes: bool = False) -> None:
        self.passes = passes
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def __call__(self, _: str, requests: Sequence[int], passed: Passed) -> list[int]:
        self.batches.append(list(requests))
        if self.passes:
            passed()
        self.begun.release()
        self.go.acquire()
        return [request * 10 for request in requests]


def test_a_lone_request_is_committed_at_once_and_in_its_own_thread() -> None:
    committers: list[int] = []

    def commit(key: str, requests: Sequence[int], _: Passed) -> list[int]:
        committers.append(threading.get_ident())
        return list(requests)

    assert Committer(commit).submit("a", 7) == 7
    assert committers == [threading.get_ident()]


def test_those_who_come_while_one_is_committed_share_the_next() -> None:
    slow = Slow()
    committer = Committer(slow)
    with ThreadPoolExecutor(8) as crowd:
        first = crowd.submit(committer.submit, "a", 1)
        slow.begun.acquire()
        others = [crowd.submit(committer.submit, "a", n) for n in (2, 3, 4)]
        eventually(lambda: len(committer._rooms["a"].seats) == 3)
        slow.go.release(2)
        assert first.result(5) == 10
        assert [other.result(5) for other in others] == [20, 30, 40]
    assert slow.batches == [[1], [2, 3, 4]]
    assert committer._rooms == {}


def test_a_batch_is_bounded_and_the_rest_goes_next() -> None:
    slow = Slow()
    committer = Committer(slow, most=2)
    with ThreadPoolExecutor(8) as crowd:
        futures = [crowd.submit(committer.submit, "a", 1)]
        slow.begun.acquire()
        futures += [crowd.submit(committer.submit, "a", n) for n in (2, 3, 4)]
        eventually(lambda: len(committer._rooms["a"].seats) == 3)
        slow.go.release(3)
        assert sorted(future.result(5) for future in futures) == [10, 20, 30, 40]
    assert list(map(len, slow.batches)) == [1, 2, 1]


def test_two_keys_do_not_wait_for_each_other() -> None:
    slow = Slow()
    committer = Committer(slow)
    with ThreadPoolExecutor(2) as crowd:
        futures = [crowd.submit(committer.submit, key, 1) for key in "ab"]
        slow.begun.acquire()
        slow.begun.acquire()
        slow.go.release(2)
        assert [future.result(5) for future in futures] == [10, 10]


def test_a_failure_is_told_to_everyone_of_its_batch_and_the_next_batch_goes_on() -> None:
    calls: list[int] = []

    def commit(key: str, requests: Sequence[int], _: Passed) -> list[int]:
        calls.append(len(requests))
        if len(calls) == 1:
            raise RuntimeError("broken")
        return list(requests)

    committer = Committer(commit)
    with pytest.raises(RuntimeError, match="broken"):
        committer.submit("a", 1)
    assert committer.submit("a", 2) == 2


def test_a_thousand_requests_each_get_their_own_answer() -> None:
    committer: Committer[int, int, int] = Committer(
        lambda _, requests, _passed: [request + 1 for request in requests], most=16
    )
    with ThreadPoolExecutor(32) as crowd:
        assert list(crowd.map(lambda n: committer.submit(n % 3, n), range(1000))) == list(range(1, 1001))


def test_who_has_passed_its_decision_lets_the_next_begin_and_no_third() -> None:
    slow = Slow(passes=True)
    committer = Committer(slow)
    with ThreadPoolExecutor(8) as crowd:
        futures = []
        for number in (1, 2):
            futures.append(crowd.submit(committer.submit, "a", number))
            slow.begun.acquire()
        futures += [crowd.submit(committer.submit, "a", number) for number in (3, 4)]
        eventually(lambda: len(committer._rooms["a"].seats) == 2)
        assert slow.batches == [[1], [2]]
        slow.go.release(4)
        assert [future.result(5) for future in futures] == [10, 20, 30, 40]
    assert sum(map(len, slow.batches)) == 4
    assert committer._rooms == {}


def test_beside_a_large_batch_the_next_waits_for_company() -> None:
    slow = Slow(passes=True)
    committer = Committer(slow)
    with ThreadPoolExecutor(16) as crowd:
        slow.passes = False
        futures = [crowd.submit(committer.submit, "a", 0)]
        slow.begun.acquire()
        futures += [crowd.submit(committer.submit, "a", number) for number in range(1, 7)]
        eventually(lambda: len(committer._rooms["a"].seats) == 6)
        slow.passes = True
        slow.go.release()
        slow.begun.acquire()  # the six are under way
        futures += [crowd.submit(committer.submit, "a", number) for number in (7, 8)]
        eventually(lambda: len(committer._rooms["a"].seats) == 2)
        assert [len(batch) for batch in slow.batches] == [1, 6], "two are too few to begin beside six"
        futures.append(crowd.submit(committer.submit, "a", 9))
        slow.begun.acquire()
        assert [len(batch) for batch in slow.batches] == [1, 6, 3]
        slow.go.release(2)
        assert [future.result(5) for future in futures] == [number * 10 for number in range(10)]
    assert committer._rooms == {}
